import { describe, expect, it } from 'vitest';
import { cusum } from './cusum.js';
import { draws } from './draws.testkit.js';

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
