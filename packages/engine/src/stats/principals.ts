import type { Counts } from './evidence.js';

/** Counts after no principal has more than its share of them. */
export interface CappedCounts extends Counts {
  readonly principals: number;
  /** Fewer than three principals: the cap is off, and a verdict rests on few. */
  readonly fewPrincipals: boolean;
  /** How much of what was counted the cap has taken away, 0 to 1. */
  readonly discounted: number;
}

const leastPrincipals = 3;
const largestShare = 1 / 3;

/**
 * The counts of all principals, each scaled down so that none has more than a third of the sum: one noisy agent must not
 * decide for everybody. With fewer than three principals nothing is scaled. A principal keeps its own rate.
 */
export function cappedCounts(byPrincipal: readonly Counts[]): CappedCounts {
  const sizes = byPrincipal.map(({ bad, good }) => bad + good).filter((size) => size > 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const fewPrincipals = sizes.length < leastPrincipals;
  const cap = fewPrincipals ? Number.POSITIVE_INFINITY : capFor(sizes);
  let bad = 0;
  let good = 0;
  for (const counts of byPrincipal) {
    const size = counts.bad + counts.good;
    const weight = size > cap ? cap / size : 1;
    bad += counts.bad * weight;
    good += counts.good * weight;
  }
  const kept = bad + good;
  return { bad, good, principals: sizes.length, fewPrincipals, discounted: total === 0 ? 0 : (total - kept) / total };
}

/**
 * The same, and none has more than a third of what is bad either; what is beyond that is left out. So with fewer than
 * three for whom it is bad nothing is. For counts of short times, in which a single loop can be most of what happens.
 */
export function spreadCounts(byPrincipal: readonly Counts[]): CappedCounts {
  const bads = byPrincipal.map(({ bad }) => bad).filter((bad) => bad > 0);
  const most = bads.length < leastPrincipals ? 0 : capFor(bads);
  return cappedCounts(byPrincipal.map(({ bad, good }) => ({ bad: Math.min(bad, most), good })));
}

/** The largest size c for which c is at most a third of the sum of min(size, c). At least three sizes, all above 0. */
function capFor(sizes: readonly number[]): number {
  const ascending = [...sizes].sort((a, b) => a - b);
  let below = 0;
  for (const [index, size] of ascending.entries()) {
    const above = ascending.length - index;
    // With everything from here on capped at c: c <= (below + above * c) / 3.
    if (above * largestShare < 1) {
      const cap = (below * largestShare) / (1 - above * largestShare);
      if (cap <= size) return cap;
    }
    below += size;
  }
  return Number.POSITIVE_INFINITY;
}
