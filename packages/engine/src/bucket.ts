import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/** Buckets a rollout divides its principals into: a hundredth of a percent each. */
export const buckets = 10_000;

/**
 * The bucket (0 to 9,999) of a principal in a rollout: the first 32 bits of SHA-256 over the rollout's id as decimal
 * text, a byte 0 and the key as UTF-8, big-endian, scaled down. The same on every platform; a new rollout deals anew.
 *
 * @example
 * bucketOf(1, 'session-1'); // 560
 */
export function bucketOf(rolloutId: number, key: string): number {
  const hash = sha256(utf8ToBytes(`${rolloutId}\u0000${key}`));
  const first = new DataView(hash.buffer, hash.byteOffset).getUint32(0);
  return Math.floor((first * buckets) / 2 ** 32);
}

/** Whether a bucket is in the canary at this share (percent). A growing share takes nobody out. */
export function isCanary(bucket: number, sharePercent: number): boolean {
  return bucket < sharePercent * (buckets / 100);
}

/** Whose evidence counts as one: the session, else the key with the agent it speaks for. */
export function bucketKey(session: string | null, keyId: number, agent: string): string {
  return session ?? `${keyId} ${agent}`;
}
