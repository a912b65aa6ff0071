/** Watches one rate after a rollout: `level` is the state to keep between steps, 0 at the start. */
export interface ChangeDetector {
  /** The state after these further decisions, in order of time; larger blocks are read as evenly mixed. */
  next(level: number, block: { readonly bad: number; readonly good: number }): number;
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
