import type { Counts } from './evidence.js';

/** Watches one rate after a rollout: `level` is the state to keep between steps, 0 at the start. */
export interface ChangeDetector {
  /** The state after these further decisions, in order of time; larger blocks are read as evenly mixed. */
  next(level: number, block: Counts): number;
  /** The state at which to raise an alarm: about one false alarm in 100,000 decisions. */
  readonly alarmAt: number;
}

/**
 * A CUSUM of log likelihood ratios for a rate that was `before` and may have become `after` (both between 0 and 1):
 * C = max(0, C + ln LR), alarm at ln(100,000) (Page 1954; Lorden 1971 bounds the delay).
 */
export function cusum(before: number, after: number): ChangeDetector {
  const bad = Math.log(after / before);
  const good = Math.log((1 - after) / (1 - before));
  return {
    alarmAt: Math.log(100_000),
    next: (level, block) => Math.max(0, level + block.bad * bad + block.good * good),
  };
}

/** Decisions without which a rate is no baseline. */
export const leastBaseline = 1_000;
/** What no baseline is measured below: one failure in 200 is no change of a rate of 0. */
const leastRate = 0.005;
const deviations = 3;
const oddsGrowth = 2.5;
const leastGrowth = 0.03;
/** Above this a rate has no room to grow that much. */
const highestRate = 0.9;

export interface DriftDetector extends ChangeDetector {
  readonly before: number;
  readonly after: number;
}

/**
 * The detector of a rise of a rate over its own past: from what the baseline is at most (three standard errors above what
 * was measured, so that a baseline that happened to be good raises no alarm for ever after) to odds 2.5 times as high, and
 * at least 3 points more. null: the baseline has too few decisions, or is so high that there is nothing to watch for.
 */
export function driftDetector({ bad, good }: Counts): DriftDetector | null {
  const n = bad + good;
  if (n < leastBaseline) return null;
  const rate = bad / n;
  const before = Math.max(leastRate, rate + deviations * Math.sqrt((rate * (1 - rate) + 1 / n) / n));
  if (before > highestRate) return null;
  const odds = (oddsGrowth * before) / (1 - before);
  const after = Math.max(odds / (1 + odds), before + leastGrowth);
  return { ...cusum(before, after), before, after };
}
