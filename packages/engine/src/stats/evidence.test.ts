import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { draws } from './draws.testkit.js';
import { oddsText, rateEvidence } from './evidence.js';

describe('evidence about a rate', () => {
  it('is nothing before anything was seen', () => {
    expect(rateEvidence(0.05, 'above')({ bad: 0, good: 0 })).toBeCloseTo(0, 12);
  });

  it('is an e-value: over all outcomes of n decisions at the limit its mean is 1', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom('above', 'below'),
        (limit, n, direction) => {
          const evidence = rateEvidence(limit, direction as 'above');
          let mean = 0;
          let logChoose = 0;
          for (let bad = 0; bad <= n; bad++) {
            const log = logChoose + bad * Math.log(limit) + (n - bad) * Math.log1p(-limit);
            mean += Math.exp(log + evidence({ bad, good: n - bad }));
            logChoose += Math.log((n - bad) / (bad + 1));
          }
          expect(mean).toBeCloseTo(1, 6);
        },
      ),
    );
  });

  it('falls below a mean of 1 where the rate is on the harmless side', () => {
    const evidence = rateEvidence(0.05, 'above');
    const step = (bad: number, good: number) => Math.exp(evidence({ bad, good }));
    expect(0.03 * step(1, 0) + 0.97 * step(0, 1)).toBeLessThan(1);
  });

  it('grows with what speaks for it', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), (bad, good) => {
        const above = rateEvidence(0.1, 'above');
        const below = rateEvidence(0.1, 'below');
        expect(above({ bad: bad + 1, good })).toBeGreaterThan(above({ bad, good }));
        expect(below({ bad, good: good + 1 })).toBeGreaterThan(below({ bad, good }));
      }),
    );
  });

  it('stays finite for limits of 0 and 1 and for millions of decisions', () => {
    for (const limit of [0, 1, 0.5]) {
      for (const direction of ['above', 'below'] as const) {
        expect(Number.isFinite(rateEvidence(limit, direction)({ bad: 1e7, good: 1e7 }))).toBe(true);
      }
    }
  });

  it('rarely speaks up falsely however often one looks: a true 4 % against 5 %, every minute of a day', () => {
    const evidence = rateEvidence(0.05, 'above');
    const days = 4000;
    const { uniform } = draws(1);
    let fails = 0;
    let criticals = 0;
    let plain = 0;
    for (let day = 0; day < days; day++) {
      let bad = 0;
      let highest = 0;
      let plainFired = false;
      for (let minute = 1; minute <= 1440; minute++) {
        if (uniform() < 0.04) {
          bad += 1;
          // It rises at a bad decision only.
          highest = Math.max(highest, evidence({ bad, good: minute - bad }));
        }
        if (minute >= 100 && bad / minute > 0.05) plainFired = true;
      }
      fails += Number(highest >= Math.log(20));
      criticals += Number(highest >= Math.log(1000));
      plain += Number(plainFired);
    }
    expect(fails / days).toBeLessThanOrEqual(0.01);
    expect(criticals / days).toBeLessThanOrEqual(0.0005);
    expect(plain / days).toBeGreaterThan(0.5);
  });

  it('reads as odds', () => {
    expect(oddsText(0)).toBe('1 : 1');
    expect(oddsText(Math.log(2345))).toBe('2,300 : 1');
    expect(oddsText(40)).toBe('more than 1,000,000 : 1');
    expect(oddsText(-3)).toBe('1 : 1');
  });
});
