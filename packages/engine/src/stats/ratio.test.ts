import { describe, expect, it } from 'vitest';
import { draws } from './draws.testkit.js';
import { ratioMismatchEvidence } from './ratio.js';

describe('sample ratio mismatch', () => {
  it('is nothing before anybody came, and where the share is 0 or 1', () => {
    expect(ratioMismatchEvidence(0.1)(0, 0)).toBeCloseTo(0, 9);
    expect(ratioMismatchEvidence(0)(5, 5)).toBe(0);
    expect(ratioMismatchEvidence(1)(5, 5)).toBe(0);
  });

  it('is an e-value: one more principal multiplies it by 1 on average when the share is right', () => {
    for (const share of [0.1, 0.5, 0.9]) {
      const evidence = ratioMismatchEvidence(share);
      const e = (canary: number, stable: number) => Math.exp(evidence(canary, stable));
      expect((share * e(13, 40) + (1 - share) * e(12, 41)) / e(12, 40)).toBeCloseTo(1, 8);
    }
  });

  it('finds principals that are lost on one side, and rarely cries wolf', () => {
    const evidence = ratioMismatchEvidence(0.1);
    const { uniform } = draws(8);
    let falsely = 0;
    for (let run = 0; run < 300; run++) {
      let canary = 0;
      let highest = 0;
      for (let n = 1; n <= 1000; n++) {
        canary += Number(uniform() < 0.1);
        highest = Math.max(highest, evidence(canary, n - canary));
      }
      falsely += Number(highest >= Math.log(1000));
    }
    expect(falsely).toBeLessThanOrEqual(1);
    expect(evidence(300, 2000)).toBeGreaterThan(Math.log(1000) * 0.9);
    expect(evidence(500, 2000)).toBeGreaterThan(Math.log(1000));
  });
});
