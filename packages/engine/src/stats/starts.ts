/**
 * Evidence that has run for long forgets nothing: a candidate that was healthy for a day and then fails always would take
 * a tenth of that day's decisions again before its rate is critical. So evidence is also gathered from later starts on.
 *
 * Each start has its weight from the outset, and all weights together are 1: the first 0.9, the start after `j` others
 * (j from 1 on) 0.1 ln 2 (1 / ln(j + 1) - 1 / ln(j + 2)), which telescopes. The weighted sum of the evidence from all
 * starts is then evidence itself, no likelier to mislead than that from one (a mixture over the time of the change;
 * Shin, Ramdas and Rinaldo, arXiv 2203.03532). Leaving starts out of the sum only lowers it. What it costs is delay:
 * a change after 17,000 starts needs about 17 nats more, six decisions of a candidate that always fails.
 */
export function startWeight(ordinal: number): number {
  if (ordinal === 0) return firstWeight;
  return (1 - firstWeight) * Math.LN2 * (1 / Math.log(ordinal + 1) - 1 / Math.log(ordinal + 2));
}

const firstWeight = 0.9;

/** What was seen from a start on. */
export interface SinceStart<T> {
  /** How many starts there were before it, counted by time and not by what was seen; 0 is the start of all. */
  readonly ordinal: number;
  readonly seen: T;
}
