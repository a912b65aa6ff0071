import { describe, expect, it } from 'vitest';
import { cusum, driftDetector } from './cusum.js';
import { draws, median } from './draws.testkit.js';

describe('a change detector', () => {
  const detector = cusum(0.02, 0.08);

  it('never falls below 0 and forgets good times', () => {
    expect(detector.next(0, { bad: 0, good: 1000 })).toBe(0);
    expect(detector.next(3, { bad: 0, good: 1000 })).toBe(0);
  });

  it('raises no alarm over 50,000 decisions at the old rate, and one within some hundred at the new', () => {
    const { uniform } = draws(9);
    let level = 0;
    let highest = 0;
    for (let n = 0; n < 50_000; n++) {
      const bad = Number(uniform() < 0.02);
      level = detector.next(level, { bad, good: 1 - bad });
      highest = Math.max(highest, level);
    }
    expect(highest).toBeLessThan(detector.alarmAt);
    let n = 0;
    for (level = 0; level < detector.alarmAt; n++) {
      const bad = Number(uniform() < 0.08);
      level = detector.next(level, { bad, good: 1 - bad });
    }
    expect(n).toBeLessThan(500);
  });
});

describe('a detector of drift', () => {
  it('wants a baseline, and room above it', () => {
    expect(driftDetector({ bad: 0, good: 999 })).toBeNull();
    expect(driftDetector({ bad: 950, good: 50 })).toBeNull();
    for (const bad of [0, 1, 20, 300, 800]) {
      const { before, after } = driftDetector({ bad, good: 1000 - bad }) ?? { before: 1, after: 0 };
      expect(before).toBeGreaterThan(bad / 1000);
      expect(after).toBeGreaterThanOrEqual(before + 0.03);
      expect(after).toBeLessThan(1);
    }
  });

  it.each([
    [0.02, 11],
    [0.2, 12],
    [0, 13],
  ])(
    'raises no alarm in three million decisions at a rate of %f, from whatever 2,000 of them were measured',
    (p, seed) => {
      const { happened } = draws(seed);
      let alarms = 0;
      for (let bundle = 0; bundle < 60; bundle++) {
        const bad = happened(2000, p);
        const detector = driftDetector({ bad, good: 2000 - bad });
        let level = 0;
        for (let minute = 0; minute < 500 && detector; minute++) {
          const now = happened(100, p);
          level = detector.next(level, { bad: now, good: 100 - now });
          if (level >= detector.alarmAt) alarms += 1;
        }
      }
      expect(alarms).toBe(0);
    },
  );

  it.each([
    [0.02, 0.1, 260],
    [0.02, 1, 20],
    [0.2, 0.5, 110],
    [0, 0.05, 500],
  ])('finds a rate of %f that became %f in a median of fewer than %i decisions', (before, after, most) => {
    const { happened } = draws(17);
    const found: number[] = [];
    for (let run = 0; run < 200; run++) {
      const bad = Math.round(2000 * before);
      const detector = driftDetector({ bad, good: 2000 - bad });
      let n = 0;
      for (let level = 0; detector && level < detector.alarmAt; n++) {
        const one = happened(1, after);
        level = detector.next(level, { bad: one, good: 1 - one });
      }
      found.push(n);
    }
    expect(median(found)).toBeGreaterThan(0);
    expect(median(found)).toBeLessThan(most);
  });
});
