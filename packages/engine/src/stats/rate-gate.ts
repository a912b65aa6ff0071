import type { Counts } from './evidence.js';
import { type LogEvidence, logSum, oddsText, rateEvidence } from './evidence.js';
import { type CappedCounts, cappedCounts, spreadCounts } from './principals.js';
import { type SinceStart, startWeight } from './starts.js';

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
  /** The measured rate, principals capped, since the start that decides; null before anything was seen. */
  readonly rate: number | null;
  /** Decisions counted since that start, uncapped. */
  readonly sample: number;
  /** The same since the first start, where another one decides; else null. */
  readonly overall: { readonly rate: number; readonly sample: number } | null;
  /** ln of the e-value that the rate is or was above the gate. */
  readonly evidenceAbove: number;
  /** ln of the e-value that the rate is below the critical limit, since the first start. */
  readonly evidenceBelow: number;
  readonly counts: CappedCounts;
  /** Whether one of several principals alone makes the evidence that the rate is above the gate. */
  readonly byOneAlone: boolean;
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

/**
 * A gate for one rate. Made once for its limits, asked as often as wanted: with what each principal did since the first
 * start, and, so that long health hides no sudden failure, since later ones.
 */
export function rateGate(
  limits: RateLimits,
): (byPrincipal: readonly Counts[], later?: readonly SinceStart<readonly Counts[]>[]) => RateVerdict {
  const above = rateEvidence(limits.gate, 'above');
  const beyond = rateEvidence(limits.critical, 'above');
  const below = rateEvidence(limits.critical, 'below');
  return (byPrincipal, later = []) => {
    const spanOf = spansBy(above, beyond);
    const whole = spanOf(byPrincipal, 0, cappedCounts(byPrincipal));
    // Where there are few principals at all, one of them may be all there is to go by.
    const count = whole.counts.fewPrincipals ? cappedCounts : spreadCounts;
    const spans = [whole, ...later.map(({ ordinal, seen }) => spanOf(seen, ordinal, count(seen)))];
    const evidenceBelow = below(whole.counts);
    const evidenceAbove = logSum(spans.map((span) => span.above));
    const shared = [sharedSpan(whole, byPrincipal, spanOf), ...spans.slice(1)];
    const { verdict, span } = verdictOf(limits, { whole, spans, shared, evidenceAbove, evidenceBelow });
    const { rate, sample, counts } = span;
    const decisionsToVerdict =
      verdict === 'inconclusive' && rate !== null ? foreseen(limits, { above, below }, rate, sample) : null;
    const overall = span === whole || whole.rate === null ? null : { rate: whole.rate, sample: whole.sample };
    const byOneAlone = evidenceAbove >= failAt && logSum(shared.map(({ above: one }) => one)) < failAt;
    const said = { verdict, rate, sample, overall, evidenceBelow, counts, byOneAlone, decisionsToVerdict };
    // What decides by the critical limit alone is told as evidence against that.
    const told = Math.max(evidenceAbove, logSum(spans.map((one) => one.beyond)));
    return { ...said, evidenceAbove: told, sentence: sentence(limits, { ...said, evidenceAbove: told }) };
  };
}

/** What was seen since one start, with ln of its weighted evidence. */
interface Span {
  readonly counts: CappedCounts;
  readonly sample: number;
  readonly rate: number | null;
  /** That the rate is above the gate. */
  readonly above: number;
  /** That it is above the critical limit. */
  readonly beyond: number;
}

function spansBy(above: LogEvidence, beyond: LogEvidence) {
  return (byPrincipal: readonly Counts[], ordinal: number, counts: CappedCounts): Span => {
    const kept = counts.bad + counts.good;
    const weight = Math.log(startWeight(ordinal));
    return {
      counts,
      sample: byPrincipal.reduce((sum, { bad, good }) => sum + bad + good, 0),
      rate: kept === 0 ? null : counts.bad / kept,
      above: weight + above(counts),
      beyond: weight + beyond(counts),
    };
  };
}

/**
 * What the first span says that no principal says alone: with none more than a third of what is bad, or with the worst
 * left out, whichever says more. A third of all decisions, as much as one principal may be, would be beyond most limits.
 */
function sharedSpan(whole: Span, byPrincipal: readonly Counts[], spanOf: ReturnType<typeof spansBy>): Span {
  if (whole.counts.fewPrincipals) return whole;
  const worst = byPrincipal.reduce((most, { bad }, index) => (bad > (byPrincipal[most]?.bad ?? 0) ? index : most), 0);
  const others = byPrincipal.filter((_, index) => index !== worst);
  const parts = [spanOf(byPrincipal, 0, spreadCounts(byPrincipal)), spanOf(others, 0, cappedCounts(others))];
  const most = mostOf(parts, 'above');
  return {
    ...whole,
    rate: Math.min(whole.rate ?? 0, most.rate ?? 0),
    above: Math.min(whole.above, most.above),
    beyond: Math.min(whole.beyond, most.beyond),
  };
}

interface Measured {
  readonly whole: Span;
  readonly spans: readonly Span[];
  /** The same with the first as several principals have it; a rollback rests on these. */
  readonly shared: readonly Span[];
  readonly evidenceAbove: number;
  readonly evidenceBelow: number;
}

/** The verdict and the span it rests on: of those that speak against the rate the one that says most. */
function verdictOf(limits: RateLimits, measured: Measured): { readonly verdict: Verdict; readonly span: Span } {
  const { whole, spans, shared, evidenceAbove, evidenceBelow } = measured;
  if (whole.rate === null) return { verdict: 'inconclusive', span: whole };
  const critical = (kind: 'above' | 'beyond') => {
    const decisive = mostOf(shared, kind);
    const span = decisive === shared[0] ? whole : decisive;
    return { decisive, span, proven: logSum(shared.map((one) => one[kind])) >= criticalAt };
  };
  const above = critical('above');
  if (above.proven && above.decisive.rate !== null && above.decisive.rate > limits.critical)
    return { verdict: 'critical', span: above.span };
  // Where a long while above the gate, but not beyond the critical limit, outweighs what is happening now.
  const beyond = critical('beyond');
  if (beyond.proven) return { verdict: 'critical', span: beyond.span };
  if (evidenceAbove >= failAt) return { verdict: 'fail', span: mostOf(spans, 'above') };
  const passes = whole.sample >= limits.minSample && whole.rate < limits.gate && evidenceBelow >= passAt;
  return { verdict: passes ? 'pass' : 'inconclusive', span: whole };
}

function mostOf(spans: readonly Span[], evidence: 'above' | 'beyond'): Span {
  return spans.reduce((most, span) => (span[evidence] > most[evidence] ? span : most));
}

/** The further decisions after which this rate, kept up from the start, passes or fails. */
function foreseen(
  limits: RateLimits,
  { above, below }: { readonly above: LogEvidence; readonly below: LogEvidence },
  rate: number,
  sample: number,
): number | null {
  const weight = Math.log(startWeight(0));
  const decided = (n: number): boolean => {
    const counts = { bad: rate * n, good: (1 - rate) * n };
    if (weight + above(counts) >= failAt) return true;
    return n >= limits.minSample && rate < limits.gate && below(counts) >= passAt;
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
  const { verdict, rate, sample, overall, evidenceAbove, evidenceBelow, counts, decisionsToVerdict } = measured;
  const few = counts.fewPrincipals && sample > 0 ? `; this rests on ${plural(counts.principals, 'principal')}` : '';
  if (rate === null) return `no ${limits.name} yet: nothing was decided in this step`;
  const over = `over ${overall ? 'the last ' : ''}${plural(Math.round(sample), 'decision')}`;
  const before = overall
    ? ` (${percent(overall.rate)} over all ${plural(Math.round(overall.sample), 'decision')} of the step)`
    : '';
  const seen = `the ${limits.name} is ${percent(rate)} ${over}${before}`;
  switch (verdict) {
    case 'critical':
      return `${seen}, beyond the critical ${percent(limits.critical)}; evidence ${oddsText(evidenceAbove)} that it exceeds ${percent(limits.gate)}${few}`;
    case 'fail': {
      const alone = measured.byOneAlone ? '; one principal alone accounts for it' : few;
      return `${seen}; evidence ${oddsText(evidenceAbove)} that it exceeds ${percent(limits.gate)}${alone}`;
    }
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
