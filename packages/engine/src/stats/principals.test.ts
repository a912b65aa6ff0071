import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cappedCounts } from './principals.js';

const countsArbitrary = fc.record({ bad: fc.nat(1000), good: fc.nat(1000) });

describe('principals', () => {
  it('keep a third of the sum at most, when there are three or more', () => {
    fc.assert(
      fc.property(fc.array(countsArbitrary, { minLength: 3, maxLength: 12 }), (all) => {
        const counted = all.filter(({ bad, good }) => bad + good > 0);
        fc.pre(counted.length >= 3);
        const capped = cappedCounts(all);
        const total = capped.bad + capped.good;
        const cap = Math.max(...counted.map(({ bad, good }) => Math.min(bad + good, sizeOfLargest(counted, total))));
        expect(cap).toBeLessThanOrEqual(total / 3 + 1e-6);
        expect(capped.discounted).toBeGreaterThanOrEqual(0);
        expect(capped.discounted).toBeLessThan(1);
      }),
    );
  });

  it('are left as they are where none has more than a third', () => {
    const equal = Array.from({ length: 5 }, () => ({ bad: 2, good: 8 }));
    expect(cappedCounts(equal)).toMatchObject({ bad: 10, good: 40, discounted: 0, fewPrincipals: false });
  });

  it('cannot be outvoted by one that is noisy', () => {
    const noisy = { bad: 10_000, good: 0 };
    const calm = Array.from({ length: 10 }, () => ({ bad: 1, good: 99 }));
    const { bad, good } = cappedCounts([noisy, ...calm]);
    expect(bad / (bad + good)).toBeCloseTo((500 + 10) / 1500, 6);
  });

  it('are not capped below three, which the answer says', () => {
    expect(
      cappedCounts([
        { bad: 90, good: 10 },
        { bad: 0, good: 1 },
      ]),
    ).toMatchObject({
      bad: 90,
      good: 11,
      fewPrincipals: true,
      principals: 2,
    });
    expect(cappedCounts([])).toMatchObject({ bad: 0, good: 0, principals: 0, discounted: 0 });
  });

  it('keep their own rate when they are scaled down', () => {
    const { bad, good } = cappedCounts([
      { bad: 250, good: 750 },
      { bad: 0, good: 10 },
      { bad: 0, good: 10 },
    ]);
    // 10 of 30 remain for the first, a quarter of them bad.
    expect(bad).toBeCloseTo(2.5, 6);
    expect(good).toBeCloseTo(27.5, 6);
  });
});

/** What the largest may count for, found by looking instead of by the formula. */
function sizeOfLargest(counted: readonly { bad: number; good: number }[], total: number): number {
  let low = 0;
  let high = 1e6;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    const sum = counted.reduce((all, { bad, good }) => all + Math.min(bad + good, middle), 0);
    if (sum < total - 1e-9) low = middle;
    else high = middle;
  }
  return high;
}
