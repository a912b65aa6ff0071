import { type Problem, problem, problemCodes } from '@policy-studio/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { databaseFailure } from '../database-failure.js';
import { Refusal, refuse } from '../refusal.js';

const retryAfterSeconds: Partial<Record<Problem['code'], number>> = {
  database_unavailable: 2,
  identity_provider_unavailable: 10,
  overloaded: 1,
  shutting_down: 2,
  rate_limited: 1,
};

/** Answers with the problem of a refusal. `retry_after` among its extras (seconds) becomes the header. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status } = problemCodes[refusal.code];
  const { retry_after: given, ...extra } = refusal.extra;
  const retryAfter = typeof given === 'number' ? given : retryAfterSeconds[refusal.code];
  if (retryAfter !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfter))));
  if (refusal.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="policy-studio"');
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ ...problem(refusal.code, refusal.detail, refusal.errors, extra), request_id: request.id });
}

/** What an exception means to a client, or null when it is a bug. `bodyLimit` is that of the route, in bytes. */
export function refusalOf(error: unknown, bodyLimit?: number): Refusal | null {
  if (error instanceof Refusal) return error;
  switch (databaseFailure(error)) {
    case 'away':
      return refuse('database_unavailable', 'the database cannot be reached, try again shortly');
    case 'busy':
      return refuse('overloaded', 'the database did not answer in time, try again shortly');
    case 'conflict':
      return refuse('conflict', 'another change came first, try again');
    case 'full':
      return refuse('database_unavailable', 'the disk of the database is full, free some space');
    default:
      return quotaRefusal(error) ?? frameworkRefusal(error, bodyLimit);
  }
}

/** Of the trigger that holds quotas of bundles, whichever way they come. */
function quotaRefusal(error: unknown): Refusal | null {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return code === 'PS001' ? refuse('quota_exceeded', String(message)) : null;
}

function frameworkRefusal(error: unknown, bodyLimit?: number): Refusal | null {
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return refuse(
        'too_large',
        `the body is larger than ${bodyLimit === undefined ? 'this operation takes' : `the ${bodyLimit / 1024 / 1024} MiB this operation takes`}`,
      );
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return refuse('unsupported_media_type', 'send the body with `content-type: application/json`');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return refuse('bad_request', 'the body is not as long as `content-length` says');
    case 'FST_ERR_BAD_URL':
      return refuse('bad_request', 'the address is not validly percent-encoded');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return refuse('not_found', 'there is nothing of so long a name');
    default:
      return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
        ? refuse('bad_request', 'the request cannot be read')
        : null;
  }
}
