import type { BodyOf, HeadersOf, Operation, ParamsOf, ProblemItem, QueryOf, ResponseOf } from '@policy-studio/contract';
import { permits } from '@policy-studio/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../caller.js';
import { inWorkspace } from '../database/scope.js';
import { isInstanceAdmin } from '../features/workspaces/queries.js';
import { Refusal, refuse } from '../refusal.js';
import type { Services } from '../services.js';
import { sendProblem } from './problem.js';
import { maxErrors, unknownName, type Validator, validator } from './validation.js';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    /** The JSON body as it was sent: what positions in messages about a source text refer to. */
    bodyText: string;
  }
  interface FastifyContextConfig {
    operation?: Operation;
  }
}

type CallerOf<O extends Operation> = O['access'] extends 'public' ? null : Caller;

export interface RouteInput<O extends Operation> {
  readonly params: ParamsOf<O>;
  /** Defaults filled in, numbers and booleans parsed. */
  readonly query: QueryOf<O>;
  /** The headers that the contract names; lower case. */
  readonly headers: HeadersOf<O>;
  /** Valid by the contract's schema, never coerced, defaults filled in. */
  readonly body: BodyOf<O>;
  readonly bodyText: string;
  readonly caller: CallerOf<O>;
  readonly request: FastifyRequest;
  /** For headers such as `etag`; or to answer otherwise (304), then return it. */
  readonly reply: FastifyReply;
}

export type Handler<O extends Operation> = (
  input: RouteInput<O>,
) => Promise<ResponseOf<O> | Refusal | FastifyReply> | ResponseOf<O> | Refusal | FastifyReply;

/**
 * Serves one operation of the contract. By the time `handler` runs, the caller is authenticated, holds one of the
 * operation's roles, and everything sent is valid. What it returns is the body, with the operation's status; a `Refusal`
 * becomes a problem; an exception about the database 503, any other 500.
 *
 * ```ts
 * route(app, services, operations.getBundle, async ({ params, caller, reply }) => {
 *   const bundle = await bundleById(services.db.pool, caller.workspaceId, params.id);
 *   if (!bundle) return refuse('not_found', `there is no bundle ${params.id}`);
 *   reply.header('etag', etagOf(bundle));
 *   return bundle;
 * });
 * ```
 */
export function route<const O extends Operation>(
  app: FastifyInstance,
  services: Services,
  operation: O,
  handler: Handler<O>,
): void {
  const check = checks(operation);
  app.route({
    method: operation.method,
    url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { operation },
    ...(operation.bodyLimit === undefined ? {} : { bodyLimit: operation.bodyLimit }),
    // Before the body is read: who may not call, sends nothing.
    onRequest: async (request, reply) => {
      if (services.stopping.aborted) {
        reply.header('connection', 'close');
        return sendProblem(request, reply, refuse('shutting_down', 'the server is stopping, ask another or try again'));
      }
      if (operation.access === 'public') return;
      const caller = await services.keys.authenticate(request);
      if (caller instanceof Refusal) return sendProblem(request, reply, caller);
      request.caller = caller;
      const tooMany = services.rateLimits.take(caller, operation, reply);
      if (tooMany) return sendProblem(request, reply, tooMany);
      const isPermitted =
        operation.access === 'instance' ? isInstanceAdmin(caller) : permits(operation.access, caller.role);
      if (!isPermitted) {
        services.denials.note({ caller, what: operation.id, code: 'forbidden', address: request.ip });
        const needed =
          operation.access === 'instance'
            ? 'the holder of ADMIN_TOKEN alone'
            : operation.access.map((role) => `\`${role}\``).join(', ');
        return sendProblem(
          request,
          reply,
          refuse(
            'forbidden',
            `this ${caller.browser ? 'session' : 'key'} has the role \`${caller.role}\`; \`${operation.id}\` is for ${needed}`,
          ),
        );
      }
    },
    handler: async (request, reply) => {
      const fault = check(request);
      if (fault) return sendProblem(request, reply, fault);
      const { caller } = request;
      const stopped = caller && services.standings.refusal(caller.workspaceId, operation, request.body);
      if (stopped) return sendProblem(request, reply, stopped);
      const input = {
        params: request.params,
        query: request.query,
        headers: request.headers,
        body: request.body,
        bodyText: request.bodyText,
        caller,
        request,
        reply,
      } as RouteInput<O>;
      const answer = await (caller ? inWorkspace(caller.workspaceId, () => handler(input)) : handler(input));
      if (answer instanceof Refusal) {
        if (caller) services.denials.note({ caller, what: operation.id, code: answer.code, address: request.ip });
        return sendProblem(request, reply, answer);
      }
      if (answer === (reply as unknown)) return reply;
      reply.code(operation.status);
      return operation.response ? answer : reply.send();
    },
  });
}

/** All that can be wrong with what was sent, in one answer. */
function checks(operation: Operation): (request: FastifyRequest) => Refusal | null {
  const parts: readonly (readonly [keyof FastifyRequest, Validator | null])[] = [
    ['params', operation.params ? validator(operation.params, 'text') : null],
    ['query', operation.query ? validator(operation.query, 'text') : null],
    ['headers', operation.headers ? validator(operation.headers, 'text') : null],
    ['body', operation.body ? validator(operation.body, 'body') : null],
  ];
  const knownQuery = Object.keys((operation.query as { properties?: object } | undefined)?.properties ?? {});
  return (request) => {
    const errors: ProblemItem[] = [];
    for (const name of Object.keys(request.query as object)) {
      if (!knownQuery.includes(name)) errors.push({ path: name, message: unknownName(name, knownQuery) });
    }
    if (operation.bodyOptional) request.body ??= {};
    for (const [part, validate] of parts) {
      if (!validate) continue;
      if (part === 'body' && request.body === undefined) {
        errors.push({ path: '', message: 'a JSON body is needed' });
        continue;
      }
      errors.push(...(validate(request[part], part === 'body' ? request.bodyText.length : 0) ?? []));
    }
    return errors.length === 0 ? null : invalid(errors.slice(0, maxErrors));
  };
}

/** The refusal of a request that is not valid; the first fault is in its sentence. */
export function invalid(errors: readonly ProblemItem[]): Refusal {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const place = first?.path ? `\`${first.path}\` ` : '';
  return refuse('validation_failed', `${place}${first?.message ?? 'the request is not valid'}${more}`, errors);
}
