import {
  type ChangeEvent,
  type Decision,
  type EvaluateRequest,
  effects,
  type OperationId,
  operations,
} from '@policy-studio/contract';
import { type FollowOptions, followEvents } from './event-stream.js';
import { type AnswerOf, type InputOf, invalid, type Operations, prepare } from './operation-input.js';
import { ProblemError } from './problem-error.js';
import { type CallOptions, exchange, type RawAnswer, type Transport } from './transport.js';
import { type ApprovalOptions, evaluateWithApproval } from './waiting.js';

export interface ClientOptions {
  /** Where the server is, `https://policy.example.com`, with a path when it is served below one. */
  readonly url: string;
  /** An API key. */
  readonly token?: string;
  /** Only for the instance's admin token: the workspace meant. */
  readonly workspace?: string;
  /** Milliseconds a call takes at most, retries included (default 10,000). */
  readonly timeoutMs?: number;
  /** Further attempts for calls that may be repeated (default 2). */
  readonly retries?: number;
  /** Bytes of an answer that are read at most (default 64 MiB). */
  readonly maxAnswerBytes?: number;
  readonly fetch?: typeof globalThis.fetch;
  readonly now?: () => number;
  readonly random?: () => number;
}

type Tag = Operations[OperationId]['tag'];
type Arguments<Input> =
  Record<never, never> extends Input ? [input?: Input, options?: CallOptions] : [input: Input, options?: CallOptions];

/** Every operation of the contract as a method, by its tag: `client.bundles.getBundle({ id: 3 })`. */
export type Namespaces = {
  readonly [T in Tag as Uncapitalize<T>]: {
    readonly [Id in OperationId as Operations[Id]['tag'] extends T ? Id : never]: (
      ...args: Arguments<InputOf<Operations[Id]>>
    ) => Promise<AnswerOf<Operations[Id]>>;
  };
};

/** An answer with what stands beside its body. `notModified` answers a conditional read that still holds. */
export type FullAnswer<T> =
  | { readonly notModified: false; readonly status: number; readonly etag: string | null; readonly body: T }
  | { readonly notModified: true; readonly status: 304; readonly etag: string | null };

export interface AskOptions extends CallOptions {
  /** What becomes of a question that got no valid answer: a verdict that denies (default), or a thrown ProblemError. */
  readonly onError?: 'deny' | 'throw';
}

/** What an enforcement point does. `allowed` is true for a recorded decision with the effect `allow` and for nothing else. */
export interface Verdict {
  readonly allowed: boolean;
  readonly effect: Decision['effect'];
  readonly reason: string;
  /** The recorded decision; null when there is none and the verdict stands in for it. */
  readonly decision: Decision | null;
  readonly error: ProblemError | null;
}

const Methods = class {} as new () => Namespaces;

/**
 * A typed client of one server. Its methods come from the contract's operations; every failure is a ProblemError.
 *
 * ```ts
 * const client = new PolicyStudioClient({ url: 'http://127.0.0.1:8080', token: key });
 * const verdict = await client.evaluate({ agent: 'inbox.triage', action: 'quarantine', context: { risk_score: 95 } });
 * if (verdict.allowed) quarantine();
 * ```
 */
export class PolicyStudioClient extends Methods {
  readonly url: string;
  readonly #transport: Transport;

  /** Throws a ProblemError `invalid_input` for an address or a token that cannot be used. */
  constructor(options: ClientOptions) {
    super();
    this.url = baseUrl(options.url);
    this.#transport = {
      baseUrl: this.url,
      headers: {
        ...(options.token === undefined ? {} : { authorization: `Bearer ${headerValue('token', options.token)}` }),
        ...(options.workspace === undefined ? {} : { 'x-workspace': headerValue('workspace', options.workspace) }),
      },
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      timeoutMs: positive('timeoutMs', options.timeoutMs ?? 10_000),
      retries: positive('retries', options.retries ?? 2, 0),
      maxAnswerBytes: positive('maxAnswerBytes', options.maxAnswerBytes ?? 64 * 1024 * 1024),
      now: options.now ?? Date.now,
      random: options.random ?? Math.random,
    };
    Object.assign(
      this,
      methodsOf((id, input, callOptions) => this.#send(id, input, callOptions)),
    );
  }

  /** Calls an operation by its id and answers its body. Conditional reads go through `send`. */
  async call<Id extends OperationId>(
    id: Id,
    ...[input, options]: Arguments<InputOf<Operations[Id]>>
  ): Promise<AnswerOf<Operations[Id]>> {
    return bodyOf<AnswerOf<Operations[Id]>>(await this.#send(id, input ?? {}, options ?? {}));
  }

  /** As `call`, with the ETag, and without an error for 304. */
  async send<Id extends OperationId>(
    id: Id,
    ...[input, options]: Arguments<InputOf<Operations[Id]>>
  ): Promise<FullAnswer<AnswerOf<Operations[Id]>>> {
    const { status, etag, body } = await this.#send(id, input ?? {}, options ?? {});
    if (status === 304) return { notModified: true, status, etag };
    return { notModified: false, status, etag, body: body as AnswerOf<Operations[Id]> };
  }

  /**
   * Asks whether an agent may act, and fails closed: a server that is away, slow, confused or refusing gives a verdict
   * that denies and carries the error, unless `onError` is `throw`. A question without a `request_id` is given one, so
   * that it can be asked again safely.
   */
  async evaluate(request: EvaluateRequest, options: AskOptions = {}): Promise<Verdict> {
    const { onError = 'deny', ...callOptions } = options;
    try {
      const asked = { ...request, request_id: request.request_id ?? freshId() };
      const { body } = await this.#send('evaluate', asked, callOptions);
      const decision = answeredDecision(body, request, this.url);
      const { effect, reason } = decision;
      return { allowed: effect === 'allow', effect, reason, decision, error: null };
    } catch (error) {
      if (onError === 'throw' || !(error instanceof ProblemError)) throw error;
      return { allowed: false, effect: 'deny', reason: `no decision: ${error.detail}`, decision: null, error };
    }
  }

  /**
   * As `evaluate`, and where people have to approve waits for them and asks again: `allowed` is true when the policy, as it
   * is by then, allows with their approval. What they reject, or do not decide in `waitMs`, is not allowed; its effect
   * is still `needs_approval`.
   */
  evaluateWithApproval(request: EvaluateRequest, options: ApprovalOptions = {}): Promise<Verdict> {
    return evaluateWithApproval(this, request, options);
  }

  /**
   * Changes of the workspace as they are committed, for as long as the caller reads; resumes by itself. Throws where
   * trying again would not help.
   */
  followEvents(options: FollowOptions = {}): AsyncGenerator<ChangeEvent> {
    return followEvents(this.#transport, options);
  }

  #send(id: OperationId, input: object, options: CallOptions): Promise<RawAnswer> {
    // Inside the promise, so that an input that cannot be sent rejects as every other failure does.
    return Promise.resolve().then(() => exchange(this.#transport, prepare(id, { ...input }), options));
  }
}

type Send = (id: OperationId, input: object, options: CallOptions) => Promise<RawAnswer>;

function methodsOf(send: Send): Record<string, Record<string, unknown>> {
  const namespaces: Record<string, Record<string, unknown>> = {};
  for (const id of Object.keys(operations) as OperationId[]) {
    const { tag } = operations[id];
    const name = tag.charAt(0).toLowerCase() + tag.slice(1);
    namespaces[name] ??= {};
    namespaces[name][id] = async (input: object = {}, options: CallOptions = {}) =>
      bodyOf(await send(id, input, options));
  }
  return namespaces;
}

function bodyOf<T>(answer: RawAnswer): T {
  if (answer.status === 304) throw invalid('a conditional read may answer 304: use `send`, which can say so');
  return answer.body as T;
}

/** The decision in an answer, provided that it answers this question. */
function answeredDecision(body: unknown, request: EvaluateRequest, url: string): Decision {
  const decision = body as Partial<Decision> | null;
  const known: readonly unknown[] = effects;
  if (
    typeof decision !== 'object' ||
    decision === null ||
    !known.includes(decision.effect) ||
    typeof decision.decision_id !== 'string' ||
    decision.agent !== request.agent ||
    decision.action !== request.action
  ) {
    throw new ProblemError({
      code: 'invalid_answer',
      status: 200,
      url,
      detail: `${url} answered something that is no decision on \`${request.agent}\` \`${request.action}\``,
    });
  }
  return { ...(decision as Decision), reason: typeof decision.reason === 'string' ? decision.reason : '' };
}

/** 128 random bits; `randomUUID` is missing on pages served over plain HTTP. */
function freshId(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return `sdk-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalid(`\`${text}\` is no http or https address; write it like \`http://127.0.0.1:8080\``);
  }
  if (url.username !== '' || url.password !== '') throw invalid('the address holds credentials; give them as `token`');
  if (url.search !== '' || url.hash !== '') throw invalid(`the address \`${text}\` must end before \`?\` and \`#\``);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** The value itself must not appear in a message: it may be a secret. */
function headerValue(name: string, value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value)) throw invalid(`the ${name} is empty or holds a space or a character beyond ASCII`);
  return value;
}

function positive(name: string, value: number, least = 1): number {
  if (!Number.isFinite(value) || value < least) throw invalid(`\`${name}\` must be a number of at least ${least}`);
  return value;
}
