import type { Counts } from './evidence.js';
import { type LogEvidence, oddsText, rateEvidence } from './evidence.js';
import { type CappedCounts, cappedCounts } from './principals.js';

/** What a gate says. `critical` asks for a rollback, `fail` and `inconclusive` for a hold. */
export type Verdict = 'pass' | 'fail' | 'critical' | 'inconclusive';

export interface RateLimits {
  /** What is measured, as it stands in a sentence: `error rate`. */
  readonly name: string;
  /** The rate to stay below, 0 to 1. */
  readonly gate: number;
  /** The rate beyond which enforcement must stop, above `gate`. */
  readonly critical: number;
  /** Decisions below which nothing passes; they never delay a rollback. */
  readonly minSample: number;
}

export interface RateVerdict {
  readonly verdict: Verdict;
  /** The measured rate, principals capped; null before anything was seen. */
  readonly rate: number | null;
  /** Decisions counted, uncapped. */
  readonly sample: number;
  /** ln of the e-value that the rate is above the gate. */
  readonly evidenceAbove: number;
  /** ln of the e-value that the rate is below the critical limit. */
  readonly evidenceBelow: number;
  readonly counts: CappedCounts;
  /** One sentence for people. */
  readonly sentence: string;
  /** How many more decisions at this rate bring a verdict; null when there is one, or none can be foreseen. */
  readonly decisionsToVerdict: number | null;
}

const failAt = Math.log(20);
const criticalAt = Math.log(1000);
const passAt = Math.log(20);
/** Beyond this many decisions no verdict is foretold. */
const horizon = 10_000_000;

/** A gate for one rate. Made once for its limits, asked as often as wanted. */
export function rateGate(limits: RateLimits): (byPrincipal: readonly Counts[]) => RateVerdict {
  const above = rateEvidence(limits.gate, 'above');
  const below = rateEvidence(limits.critical, 'below');
  return (byPrincipal) => {
    const counts = cappedCounts(byPrincipal);
    const sample = byPrincipal.reduce((sum, { bad, good }) => sum + bad + good, 0);
    const kept = counts.bad + counts.good;
    const rate = kept === 0 ? null : counts.bad / kept;
    const evidenceAbove = above(counts);
    const evidenceBelow = below(counts);
    const verdict = verdictOf(limits, { rate, sample, evidenceAbove, evidenceBelow });
    const decisionsToVerdict =
      verdict === 'inconclusive' && rate !== null ? foreseen(limits, above, below, rate, sample) : null;
    return {
      verdict,
      rate,
      sample,
      evidenceAbove,
      evidenceBelow,
      counts,
      sentence: sentence(limits, { verdict, rate, sample, evidenceAbove, evidenceBelow, counts, decisionsToVerdict }),
      decisionsToVerdict,
    };
  };
}

type Measured = Pick<RateVerdict, 'rate' | 'sample' | 'evidenceAbove' | 'evidenceBelow'>;

function verdictOf(limits: RateLimits, { rate, sample, evidenceAbove, evidenceBelow }: Measured): Verdict {
  if (rate === null) return 'inconclusive';
  if (rate > limits.critical && evidenceAbove >= criticalAt) return 'critical';
  if (evidenceAbove >= failAt) return 'fail';
  if (sample >= limits.minSample && rate < limits.gate && evidenceBelow >= passAt) return 'pass';
  return 'inconclusive';
}

/** The further decisions after which this rate, kept up, passes or fails. */
function foreseen(
  limits: RateLimits,
  above: LogEvidence,
  below: LogEvidence,
  rate: number,
  sample: number,
): number | null {
  const decided = (n: number): boolean => {
    const counts = { bad: rate * n, good: (1 - rate) * n };
    const measured = { rate, sample: n, evidenceAbove: above(counts), evidenceBelow: below(counts) };
    return verdictOf(limits, measured) !== 'inconclusive';
  };
  let high = Math.max(1, sample);
  while (!decided(high)) {
    high *= 2;
    if (high > horizon) return null;
  }
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (decided(middle)) high = middle;
    else low = middle;
  }
  return Math.max(1, high - sample);
}

export function percent(rate: number): string {
  const value = rate * 100;
  return `${value >= 10 || Number.isInteger(value) ? Math.round(value) : Number(value.toPrecision(2))} %`;
}

function sentence(limits: RateLimits, measured: Omit<RateVerdict, 'sentence'>): string {
  const { verdict, rate, sample, evidenceAbove, evidenceBelow, counts, decisionsToVerdict } = measured;
  const few = counts.fewPrincipals && sample > 0 ? `; this rests on ${plural(counts.principals, 'principal')}` : '';
  if (rate === null) return `no ${limits.name} yet: nothing was decided in this step`;
  const seen = `the ${limits.name} is ${percent(rate)} over ${plural(Math.round(sample), 'decision')}`;
  switch (verdict) {
    case 'critical':
      return `${seen}, beyond the critical ${percent(limits.critical)}; evidence ${oddsText(evidenceAbove)} that it exceeds ${percent(limits.gate)}${few}`;
    case 'fail':
      return `${seen}; evidence ${oddsText(evidenceAbove)} that it exceeds ${percent(limits.gate)}${few}`;
    case 'pass':
      return `${seen}, below ${percent(limits.gate)}; evidence ${oddsText(evidenceBelow)} that it stays below ${percent(limits.critical)}${few}`;
    case 'inconclusive': {
      const when =
        decisionsToVerdict === null
          ? 'too close to the limit to foretell a verdict'
          : `about ${plural(decisionsToVerdict, 'more decision')} will tell`;
      return `${seen}, not enough to be sure; ${when}${few}`;
    }
  }
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
