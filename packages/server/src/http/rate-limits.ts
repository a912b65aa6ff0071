import type { Operation, OperationId } from '@policy-studio/contract';
import type { FastifyReply } from 'fastify';
import type { Caller } from '../caller.js';
import type { Clock } from '../clock.js';
import { Throttle } from '../features/access/throttle.js';
import { type Refusal, refuse } from '../refusal.js';

/** A hundred a second for a minute: more than a person, a console with many open pages, or a pipeline asks. */
export const defaultRequestsPerMinute = 6_000;
const windowMs = 60_000;

/**
 * What agents do again and again. It is bounded by the quota of decisions of the workspace, and by what the recorder takes;
 * a window for each key would cost more than it protects.
 */
const decisionPath = new Set<string>([
  'evaluate',
  'evaluateBatch',
  'reportOutcome',
  'getSnapshot',
] satisfies OperationId[]);

export interface RateLimits {
  /**
   * Counts a request and tells the caller in the headers `RateLimit` and `RateLimit-Policy` what is left to it; `rate_limited`
   * when that was nothing. Null and no headers where no limit holds: for decisions, and for whoever runs the server.
   */
  take(caller: Caller, operation: Operation, reply: FastifyReply): Refusal | null;
}

/** `perMinute`: for each key and each member, on this server; null: as many as come. */
export function createRateLimits(clock: Clock, perMinute: number | null): RateLimits {
  if (perMinute === null) return { take: () => null };
  const windows = new Throttle(perMinute, windowMs);
  const policy = `"requests";q=${perMinute};w=${windowMs / 1000}`;
  return {
    take({ keyId, role }, { id }, reply) {
      if (keyId === null || role === 'agent' || decisionPath.has(id)) return null;
      const nowMs = clock.now().getTime();
      const wait = windows.retryAfter(keyId, nowMs);
      if (wait === 0) windows.count(keyId, nowMs);
      const { left, seconds } = windows.left(keyId, nowMs);
      reply.header('ratelimit-policy', policy).header('ratelimit', `"requests";r=${left};t=${Math.ceil(seconds)}`);
      if (wait === 0) return null;
      const detail = `this key may make ${perMinute} requests a minute on each server, and did; go on in ${Math.ceil(wait)} s, or ask whoever runs the server for a larger \`REQUESTS_PER_MINUTE\``;
      return refuse('rate_limited', detail, [], { retry_after: wait });
    },
  };
}
