import { describe, expect, it } from 'vitest';
import { draws, median } from './draws.testkit.js';
import { rateGate } from './rate-gate.js';

const limits = { name: 'error rate', gate: 0.05, critical: 0.1, minSample: 100 };
const gate = rateGate(limits);
const few = (bad: number, good: number) => gate([{ bad, good }]);

describe('the gate of a rate', () => {
  it.each([
    [0, 0, 'inconclusive'],
    [0, 50, 'inconclusive'],
    [2, 198, 'pass'],
    [30, 270, 'fail'],
    [4, 0, 'critical'],
    [60, 240, 'critical'],
    [17, 283, 'inconclusive'],
  ] as const)('%i bad and %i good: %s', (bad, good, verdict) => {
    expect(few(bad, good).verdict).toBe(verdict);
  });

  it('asks for no minimum sample to roll back, but for one to pass', () => {
    expect(few(4, 0).verdict).toBe('critical');
    expect(few(3, 0).verdict).not.toBe('critical');
    expect(few(0, 99).verdict).toBe('inconclusive');
    expect(few(0, 100).verdict).toBe('pass');
  });

  it('says what it saw and what is missing', () => {
    expect(few(0, 0).sentence).toBe('no error rate yet: nothing was decided in this step');
    expect(few(1, 199).sentence).toMatch(
      /^the error rate is 0\.5 % over 200 decisions, below 5 %; evidence .* : 1 that it stays below 10 %; this rests on 1 principal$/,
    );
    expect(few(60, 240).sentence).toMatch(
      /beyond the critical 10 %; evidence more than 1,000,000 : 1 that it exceeds 5 %/,
    );
    expect(few(1, 49).sentence).toMatch(
      /is 2 % over 50 decisions, not enough to be sure; about \d+ more decisions will tell/,
    );
  });

  it('foretells the verdict: with that many more decisions at the same rate it is there, with one less it is not', () => {
    const { decisionsToVerdict } = few(0, 40);
    expect(few(0, 40 + (decisionsToVerdict ?? 0)).verdict).toBe('pass');
    expect(few(0, 40 + (decisionsToVerdict ?? 0) - 1).verdict).toBe('inconclusive');
    expect(few(2, 198).decisionsToVerdict).toBeNull();
  });

  it('is not swayed by one principal among many', () => {
    const noisy = { bad: 300, good: 0 };
    const others = Array.from({ length: 20 }, () => ({ bad: 1, good: 99 }));
    expect(gate([noisy]).verdict).toBe('critical');
    expect(gate([{ bad: 20, good: 0 }, ...others]).verdict).toBe('pass');
  });

  it.each([
    [3, 40],
    [8, 100],
    [20, 20],
    [1000, 2],
  ])('holds for one principal in a loop beside others, %i in all, and rolls back for two', (all, good) => {
    const calm = (count: number) => Array.from({ length: count }, () => ({ bad: 0, good }));
    const loop = { bad: 5000, good: 0 };
    const one = gate([loop, ...calm(all - 1)]);
    expect(one).toMatchObject({ verdict: 'fail', byOneAlone: true });
    expect(one.sentence).toMatch(/; one principal alone accounts for it$/);
    // Equal parts of many may be one object: the others of it are not left out with it.
    const part = { bad: 1000, good: 0 };
    expect(gate([part, part, { bad: 0, good: 10 }]).verdict).toBe('critical');
    expect(gate([loop, { bad: 4000, good }, ...calm(all - 2)])).toMatchObject({
      verdict: 'critical',
      byOneAlone: false,
    });
  });

  it('finds a true 12 % by evidence of 20 in a median of about 11 minutes of 10 decisions, critically by about 220', () => {
    const { uniform } = draws(2);
    const failMinutes: number[] = [];
    const criticalDecisions: number[] = [];
    for (let run = 0; run < 600; run++) {
      let bad = 0;
      let n = 0;
      let failed: number | null = null;
      let critical: number | null = null;
      while ((failed === null || critical === null) && n < 20_000) {
        for (let i = 0; i < 10; i++) bad += Number(uniform() < 0.12);
        n += 10;
        const { evidenceAbove, verdict } = few(bad, n - bad);
        if (evidenceAbove >= Math.log(20)) failed ??= n / 10;
        if (verdict === 'critical') critical ??= n;
      }
      failMinutes.push(failed ?? 2000);
      criticalDecisions.push(critical ?? 20_000);
    }
    expect(median(failMinutes)).toBeGreaterThanOrEqual(9);
    expect(median(failMinutes)).toBeLessThanOrEqual(13);
    expect(median(criticalDecisions)).toBeGreaterThanOrEqual(180);
    expect(median(criticalDecisions)).toBeLessThanOrEqual(260);
  });

  it('lets healthy canaries at 4 % pass within a day of 1,440 decisions', () => {
    const { happened } = draws(3);
    let passed = 0;
    for (let run = 0; run < 400; run++) {
      let bad = 0;
      for (let n = 60; n <= 1440; n += 60) {
        bad += happened(60, 0.04);
        if (few(bad, n - bad).verdict === 'pass') {
          passed += 1;
          break;
        }
      }
    }
    expect(passed / 400).toBeGreaterThan(0.98);
  });
});
