import type { Verdict } from './rate-gate.js';

/** Costs of one arm, each winsorised at the same ceiling before it was summed. USD. */
export interface CostSums {
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
}

export interface CostLimits {
  /** The largest increase over stable to pass, 0.2 for 20 %. */
  readonly gate: number;
  /** The increase beyond which enforcement must stop. */
  readonly critical: number;
  readonly minSample: number;
}

export interface CostVerdict {
  readonly verdict: Verdict;
  /** Increase of the mean over the stable arm, 0.2 for 20 %; null while it cannot be said. */
  readonly increase: number | null;
  /** Whether the sequence excludes that cost did not increase. */
  readonly increased: boolean;
  readonly sentence: string;
}

const alpha = 0.05;
const criticalAlpha = 0.001;
/** The sample size for which the sequence is tightest. */
const tightestAt = 1000;

/**
 * Half of the width of an asymptotic confidence sequence for a mean, one-sided (Waudby-Smith et al., arXiv 2103.06476,
 * proposition 2.5): valid at all sample sizes at once. `variance` is that of one observation.
 */
export function sequenceHalfWidth(variance: number, count: number, error: number): number {
  if (count === 0) return Number.POSITIVE_INFINITY;
  const spread = -2 * Math.log(2 * error);
  const rho2 = (spread + Math.log(1 + spread)) / tightestAt;
  const n = count * rho2;
  return Math.sqrt(variance * ((2 * (n + 1)) / (count * n)) * Math.log1p(Math.sqrt(n + 1) / (2 * error)));
}

/** A lower bound of `mean(canary) - ratio * mean(stable)`, valid however often one looks. */
export function differenceLowerBound(canary: CostSums, stable: CostSums, ratio: number, error: number): number {
  const total = canary.count + stable.count;
  if (canary.count < 2 || stable.count < 2) return Number.NEGATIVE_INFINITY;
  const difference = mean(canary) - ratio * mean(stable);
  // Each arm's mean has its own variance; written as that of one of all observations.
  const variance = total * (variance1(canary) / canary.count + (ratio * ratio * variance1(stable)) / stable.count);
  return difference - sequenceHalfWidth(variance, total, error);
}

/** Whether the candidate costs more than the stable arm at the same time. Both must have the minimum sample. */
export function costGate(limits: CostLimits): (canary: CostSums, stable: CostSums) => CostVerdict {
  return (canary, stable) => {
    const base = stable.count === 0 ? 0 : mean(stable);
    if (canary.count < limits.minSample || stable.count < limits.minSample) {
      const wanted = `${limits.minSample} decisions in both arms`;
      return {
        verdict: 'inconclusive',
        increase: null,
        increased: false,
        sentence: `cost needs ${wanted}; there are ${canary.count} in the canary and ${stable.count} in stable`,
      };
    }
    if (base === 0) {
      const free = mean(canary) === 0;
      return {
        verdict: free ? 'pass' : 'inconclusive',
        increase: free ? 0 : null,
        increased: !free,
        sentence: free ? 'neither arm costs anything' : 'stable costs nothing, so an increase has no measure',
      };
    }
    const increase = mean(canary) / base - 1;
    const increased = differenceLowerBound(canary, stable, 1, alpha) > 0;
    const surely = differenceLowerBound(canary, stable, 1, criticalAlpha) > 0;
    const verdict: Verdict =
      surely && increase > limits.critical
        ? 'critical'
        : increased && increase > limits.gate
          ? 'fail'
          : increase <= limits.gate
            ? 'pass'
            : 'inconclusive';
    return { verdict, increase, increased, sentence: sentenceFor(verdict, increase, limits) };
  };
}

function sentenceFor(verdict: Verdict, increase: number, limits: CostLimits): string {
  const change = `a decision costs ${signed(increase)} against stable`;
  switch (verdict) {
    case 'critical':
      return `${change}, beyond the critical ${signed(limits.critical)}, and that is no chance`;
    case 'fail':
      return `${change}, more than the ${signed(limits.gate)} allowed, and that is no chance`;
    case 'pass':
      return `${change}, within the ${signed(limits.gate)} allowed`;
    case 'inconclusive':
      return `${change}, more than the ${signed(limits.gate)} allowed, which may still be chance`;
  }
}

function signed(increase: number): string {
  const value = Math.round(increase * 1000) / 10;
  return `${value > 0 ? '+' : ''}${value} %`;
}

function mean({ sum, count }: CostSums): number {
  return sum / count;
}

function variance1({ count, sum, squares }: CostSums): number {
  return Math.max(0, (squares - (sum * sum) / count) / (count - 1));
}

/** The value below which `share` of the costs lie, to winsorise both arms at; freeze it when a step begins. */
export function quantile(costs: readonly number[], share: number): number | null {
  if (costs.length === 0) return null;
  const ascending = [...costs].sort((a, b) => a - b);
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? null;
}

/** The sums of costs, each at most `ceiling` (null: as they are). */
export function costSums(costs: Iterable<number>, ceiling: number | null): CostSums {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (const cost of costs) {
    const capped = ceiling === null ? cost : Math.min(cost, ceiling);
    count += 1;
    sum += capped;
    squares += capped * capped;
  }
  return { count, sum, squares };
}
