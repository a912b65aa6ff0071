import { describe, expect, it } from 'vitest';
import { draws, median } from './draws.testkit.js';
import { pairedDifference, pairedEvidence } from './paired.js';

describe('paired evidence', () => {
  it('is nothing before anything was compared, with a margin or without', () => {
    for (const margin of [0, 0.05]) expect(pairedEvidence(margin)({ more: 0, less: 0, same: 0 })).toBeCloseTo(0, 12);
    expect(pairedDifference({ more: 0, less: 0, same: 0 })).toBeNull();
  });

  it('is an e-value where the mean is the margin: one more request multiplies it by 1 on average', () => {
    const evidence = pairedEvidence(0.05);
    const e = (more: number, less: number, same: number) => Math.exp(evidence({ more, less, same }));
    // P(D=1) - P(D=-1) = 0.05
    for (const [up, down] of [
      [0.05, 0],
      [0.2, 0.15],
      [0.5, 0.45],
    ] as const) {
      const mean = up * e(4, 2, 30) + down * e(3, 3, 30) + (1 - up - down) * e(3, 2, 31);
      expect(mean / e(3, 2, 30)).toBeCloseTo(1, 10);
    }
  });

  it('looks at discordant pairs alone when there is no margin', () => {
    const evidence = pairedEvidence(0);
    expect(evidence({ more: 12, less: 1, same: 0 })).toBe(evidence({ more: 12, less: 1, same: 100_000 }));
    expect(evidence({ more: 12, less: 1, same: 0 })).toBeGreaterThan(Math.log(20));
    expect(evidence({ more: 6, less: 6, same: 0 })).toBeLessThan(0);
  });

  it('stays silent at the margin and finds 5 points newly denied within some hundred requests', () => {
    const evidence = pairedEvidence(0);
    const { uniform } = draws(4);
    let falsely = 0;
    const found: number[] = [];
    for (let run = 0; run < 500; run++) {
      let [more, less] = [0, 0];
      let highest = 0;
      for (let n = 0; n < 2000; n++) {
        const u = uniform();
        if (u < 0.05) more += 1;
        else if (u < 0.1) less += 1;
        highest = Math.max(highest, evidence({ more, less, same: 0 }));
      }
      falsely += Number(highest >= Math.log(20));
      // Some decisions move the other way, too.
      let [up, down, n] = [0, 0, 0];
      while (evidence({ more: up, less: down, same: 0 }) < Math.log(20)) {
        const u = uniform();
        if (u < 0.06) up += 1;
        else if (u < 0.07) down += 1;
        n += 1;
      }
      found.push(n);
    }
    expect(falsely / 500).toBeLessThanOrEqual(0.05);
    expect(median(found)).toBeLessThan(450);
  });
});
