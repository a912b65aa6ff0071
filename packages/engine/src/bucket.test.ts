import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketKey, bucketOf, buckets, isCanary } from './bucket.js';

describe('the bucket of a principal', () => {
  it.each([
    [1, 'session-1', 560],
    [1, 'session-2', 6920],
    [2, 'session-1', 7256],
    [42, 'Grüße', 9152],
    [7, '', 7307],
    [1234567, '12 inbox.triage', 8655],
  ])('in rollout %i of %o is %i, as published', (rolloutId, key, bucket) => {
    expect(bucketOf(rolloutId, key)).toBe(bucket);
  });

  it('is what OpenSSL makes of the same bytes', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string({ unit: 'grapheme' }), (rolloutId, key) => {
        const hash = createHash('sha256').update(`${rolloutId}\u0000${key}`, 'utf8').digest();
        expect(bucketOf(rolloutId, key)).toBe(Math.floor((hash.readUInt32BE(0) * 10_000) / 2 ** 32));
      }),
    );
  });

  it('stays in the canary as the share grows', () => {
    fc.assert(
      fc.property(fc.nat(buckets - 1), fc.nat(100), fc.nat(100), (bucket, a, b) => {
        const [small, large] = a < b ? [a, b] : [b, a];
        expect(!isCanary(bucket, small) || isCanary(bucket, large)).toBe(true);
      }),
    );
    for (const bucket of [0, 5000, buckets - 1])
      expect([isCanary(bucket, 0), isCanary(bucket, 100)]).toEqual([false, true]);
  });

  it('spreads principals evenly and deals them anew for another rollout', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `session-${i}`);
    const share = (rolloutId: number) => keys.filter((key) => isCanary(bucketOf(rolloutId, key), 10));
    const [first, second] = [new Set(share(1)), share(2)];
    expect(first.size / keys.length).toBeCloseTo(0.1, 2);
    expect(second.filter((key) => first.has(key)).length / second.length).toBeCloseTo(0.1, 1);
  });
});

describe('the key of a bucket', () => {
  it('is the session, else the key and the agent', () => {
    expect(bucketKey('s1', 3, 'inbox.triage')).toBe('s1');
    expect(bucketKey(null, 3, 'inbox.triage')).toBe('3 inbox.triage');
  });
});
