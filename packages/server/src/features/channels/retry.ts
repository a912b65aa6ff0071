import { createHash } from 'node:crypto';
import type { Posted } from './post.js';

export const deliveryLimits = {
  /** From the start of a request to the end of its answer. */
  timeoutMs: 10_000,
  firstRetryMs: 5_000,
  longestRetryMs: 30 * 60_000,
  /** Attempts at one message, and how long it may wait for them. */
  attempts: 12,
  lifeMs: 24 * 3_600_000,
  /** Attempts in a row that fail before people are told. */
  failuresToTell: 5,
  /** Messages that may wait for a channel that fails; the oldest go first. */
  backlog: 1_000,
} as const;

/** Answers that another attempt would not change. */
export function isFinal(status: number): boolean {
  return status >= 300 && status < 500 && ![408, 425, 429].includes(status);
}

export function isDelivered(posted: Posted): boolean {
  return posted.status !== null && posted.status >= 200 && posted.status < 300;
}

/**
 * How long a channel rests after `failures` attempts in a row that failed (1 or more): twice as long each time, between
 * 5 s and half an hour, a quarter more or less by the id of the message, so that channels that failed together do not
 * come back together.
 */
export function restMs(failures: number, deliveryId: string): number {
  const { firstRetryMs, longestRetryMs } = deliveryLimits;
  const base = Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs);
  const dice = createHash('sha256').update(`${deliveryId}:${failures}`).digest().readUInt32BE() / 2 ** 32;
  return Math.round(base * (0.75 + dice / 2));
}
