import type { Gate, GateName, RolloutCritical, RolloutGates } from '@policy-studio/contract';
import {
  type Counts,
  costGate,
  oddsText,
  percent,
  type RateVerdict,
  rateGate,
  ratioMismatchEvidence,
  type SinceStart,
} from '@policy-studio/engine';
import {
  type ArmEvidence,
  allowedCount,
  outcomeCoverage,
  type PartEvidence,
  type StepEvidence,
  total,
} from './evidence.js';
import { durationText, type GateReading, type Rollout } from './transition.js';

export interface GateLimits {
  readonly gates: RolloutGates;
  readonly critical: RolloutCritical;
}

/** What of a rollout its gates depend on. */
export interface Judged extends Pick<Rollout, 'phase' | 'sharePct' | 'hasTarget'> {
  readonly limits: GateLimits;
}

export interface Judgement {
  /** In the order they are shown. */
  readonly gates: readonly Gate[];
  /** For the transition; freeze windows are not known here. */
  readonly reading: Omit<GateReading, 'frozen'>;
}

/** Newly denied requests that are taken where the stable bundle itself denies too many. */
const newlyDeniedMargin = 0.05;
/** Evidence at which people are no longer believed to be divided as configured. */
const mismatchAt = Math.log(1000);
/** From so many on none of them alone brings a rollback. */
const fewPrincipals = 3;
/** Decisions that the canary should have had in ten minutes before their absence means anything. */
const missedDecisions = 5;

/**
 * Every gate over the evidence of the current step, and what they say together. Pure. Gates that need a stable bundle to
 * compare with are left out where there is none, and cost is compared only while both arms decide.
 */
export function judge(rollout: Judged, evidence: StepEvidence): Judgement {
  const seen: Seen = { rollout, evidence };
  const rates = [errorGate(seen), denyGate(seen), ...(rollout.hasTarget ? [noMatchGate(seen)] : [])];
  const compared = rollout.hasTarget && rollout.phase === 'canary' ? [costIncrease(seen)] : [];
  const divided = rollout.phase === 'canary' ? [sampleRatio(seen)] : [];
  const gates = [...rates, ...compared, ...spend(seen), ...divided, telemetry(seen)];
  return { gates, reading: readingOf(gates) };
}

interface Seen {
  readonly rollout: Judged;
  readonly evidence: StepEvidence;
}

const holdOf: Partial<Record<GateName, GateReading['holds'][number]>> = {
  sample_ratio: 'ratio-mismatch',
  telemetry: 'telemetry',
};
const worstFirst = ['critical', 'fail', 'inconclusive'] as const;

function readingOf(gates: readonly Gate[]): Omit<GateReading, 'frozen'> {
  // What the environment explains, or what says nothing about the candidate, holds without a verdict on it.
  const verdicts = new Set(
    gates.filter((one) => !one.environmental && holdOf[one.gate] === undefined).map((one) => one.verdict),
  );
  const holds = new Set<GateReading['holds'][number]>();
  for (const one of gates) {
    const hold = holdOf[one.gate];
    if (hold !== undefined && one.verdict !== 'pass') holds.add(hold);
    if (one.environmental) holds.add('environmental');
  }
  return { verdict: worstFirst.find((verdict) => verdicts.has(verdict)) ?? 'pass', holds: [...holds] };
}

/** What a rate is measured on: since the step began, and since later moments of it. */
interface Series {
  readonly whole: readonly Counts[];
  readonly later: readonly SinceStart<readonly Counts[]>[];
}

type Arm = 'stable' | 'canary' | 'shadow';

function seriesOf({ evidence }: Pick<Seen, 'evidence'>, arms: readonly Arm[], count: Count): Series {
  return {
    whole: arms.flatMap((arm) => evidence[arm].byPrincipal.map(count)),
    later: evidence.since.map((since) => ({
      ordinal: since.ordinal,
      seen: arms.flatMap((arm) => since.arms[arm].byPart.map(count)),
    })),
  };
}

type Count = (one: PartEvidence) => Counts;

const counted =
  (count: keyof PartEvidence): Count =>
  (one) => ({ bad: one[count], good: Math.max(0, one.decisions - one[count]) });

/** What the other bundle denied of what this arm was asked. */
const deniedThere: Count = ({ decisions, denied, newlyDenied, newlyAllowed }) => {
  const bad = Math.max(0, denied - newlyDenied + newlyAllowed);
  return { bad, good: Math.max(0, decisions - bad) };
};

const breaches = ({ verdict }: RateVerdict): boolean => verdict === 'fail' || verdict === 'critical';

function errorGate(seen: Seen): Gate {
  const { limits, hasTarget } = seen.rollout;
  const limit = { gate: limits.gates.max_error_rate, critical: limits.critical.max_error_rate };
  const measure = rateGate({ name: 'error rate', minSample: limits.gates.min_sample_size, ...limit });
  const errorsIn = (arm: Arm): RateVerdict => {
    const { whole, later } = seriesOf(seen, [arm], errorCount(seen.evidence[arm]));
    return measure(whole, later);
  };
  const verdict = errorsIn(seen.rollout.phase === 'shadow' ? 'shadow' : 'canary');
  const gate = rateResult('error_rate', verdict, limit, seen);
  if (!hasTarget || !breaches(verdict)) return gate;
  const stable = errorsIn('stable');
  // A candidate far worse than a stable bundle that is merely bad is not excused by it, nor by one agent in a loop there.
  const badAsWell = stable.rate !== null && stable.rate > limit.critical && !stable.byOneAlone;
  const excused = verdict.verdict === 'fail' || badAsWell;
  if (!breaches(stable) || !excused || stable.rate === null) return gate;
  const also = `stable has ${percent(stable.rate)} at the same time, so the cause is not this bundle`;
  return { ...gate, environmental: true, sentence: `${gate.sentence}; ${also}` };
}

/** By outcomes once some were reported in this step, else by evaluations that failed. */
function errorCount(arm: ArmEvidence): Count {
  return total(arm, 'outcomes') > 0
    ? ({ failed, outcomes, outcomeErrors }) => ({
        bad: failed + outcomeErrors,
        good: Math.max(0, outcomes - outcomeErrors),
      })
    : counted('failed');
}

export function errorCounts(arm: ArmEvidence): Counts[] {
  return arm.byPrincipal.map(errorCount(arm));
}

function denyGate(seen: Seen): Gate {
  const { rollout } = seen;
  const { gates, critical } = rollout.limits;
  const limit = { gate: gates.max_deny_rate, critical: critical.max_deny_rate };
  const measure = rateGate({ name: 'deny rate', minSample: gates.min_sample_size, ...limit });
  const measured = (arm: Arm, count: Count): RateVerdict => {
    const { whole, later } = seriesOf(seen, [arm], count);
    return measure(whole, later);
  };
  if (rollout.hasTarget) {
    const control =
      rollout.phase === 'baking' ? measured('canary', deniedThere) : measured('stable', counted('denied'));
    const rate = control.overall?.rate ?? control.rate;
    if (breaches(control) || (rate !== null && rate > gates.max_deny_rate))
      return newlyDeniedGate(seen, control.rate ?? 0);
  }
  const candidate = rollout.phase === 'shadow' ? 'shadow' : 'canary';
  return rateResult('deny_rate', measured(candidate, counted('denied')), limit, seen);
}

/** Where stable itself denies more than is allowed, lately or in all. */
function newlyDeniedGate(seen: Seen, controlRate: number): Gate {
  const { gates, critical } = seen.rollout.limits;
  const spread = critical.max_deny_rate - gates.max_deny_rate;
  const limit = { gate: newlyDeniedMargin, critical: Math.max(newlyDeniedMargin, spread) };
  const measure = rateGate({ name: 'share of newly denied requests', minSample: gates.min_sample_size, ...limit });
  const { whole, later } = seriesOf(seen, onBoth, counted('newlyDenied'));
  const gate = rateResult('newly_denied', measure(whole, later), limit, seen);
  const why = `stable itself denies ${percent(controlRate)}, so what counts is what the candidate denies besides`;
  return { ...gate, sentence: `${gate.sentence}; ${why}` };
}

/** Of requests that both bundles were asked, wherever the candidate decided or only watched. */
const onBoth = ['canary', 'shadow'] as const;

/** Requests for which the candidate has no rule where the other bundle has one. */
function noMatchGate(seen: Seen): Gate {
  const { gates, critical } = seen.rollout.limits;
  const limit = { gate: critical.max_no_match_increase, critical: critical.max_no_match_increase };
  const name = 'share of requests newly without a rule';
  const measure = rateGate({ name, minSample: gates.min_sample_size, ...limit });
  const { whole, later } = seriesOf(seen, onBoth, counted('newlyUnmatched'));
  return rateResult('no_match', measure(whole, later), limit, seen);
}

function costIncrease({ rollout, evidence }: Seen): Gate {
  const { gates, critical } = rollout.limits;
  const measure = costGate({
    gate: gates.max_cost_increase,
    critical: critical.max_cost_increase,
    minSample: gates.min_sample_size,
  });
  const { canary, stable } = evidence;
  const { verdict, increase, sentence: measured } = measure(canary.cost, stable.cost);
  // One agent that spends more than others holds the rollout; it ends it only where it is nearly all there is.
  const alone =
    verdict === 'critical' &&
    canary.principals >= fewPrincipals &&
    measure(canary.costOfOthers, stable.cost).verdict !== 'critical';
  const sentence = alone ? `${measured}; one principal alone accounts for it` : measured;
  return {
    gate: 'cost_increase',
    verdict: alone ? 'fail' : verdict,
    value: increase,
    limit: gates.max_cost_increase,
    critical_limit: critical.max_cost_increase,
    sample: canary.cost.count,
    sentence,
    expected_seconds: null,
    environmental: false,
  };
}

/** A sum needs no evidence: what is spent is spent. Left out where there is no cap, and where the candidate only watches. */
function spend({ rollout, evidence: { spent, canary } }: Seen): Gate[] {
  const limit = rollout.limits.critical.max_spend_24h ?? null;
  if (limit === null || spent === null || rollout.phase === 'shadow') return [];
  const verdict = spent > limit ? 'critical' : 'pass';
  const where = spent > limit ? 'beyond' : 'within';
  return [
    {
      gate: 'spend',
      verdict,
      value: spent,
      limit,
      critical_limit: limit,
      sample: Math.round(total(canary, 'decisions')),
      sentence: `its decisions of the last 24 hours cost ${usd(spent)}, ${where} the ${usd(limit)} that a bundle under rollout may`,
      expected_seconds: null,
      environmental: false,
    },
  ];
}

function usd(amount: number): string {
  return `$${amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** Whether sessions fall to the canary as often as configured; if not, the arms cannot be compared. */
function sampleRatio({ rollout, evidence }: Seen): Gate {
  const configured = rollout.sharePct / 100;
  const [canary, stable] = [evidence.canary.principals, evidence.stable.principals];
  const evidenceAgainst = ratioMismatchEvidence(configured)(canary, stable);
  const all = canary + stable;
  const mismatch = evidenceAgainst >= mismatchAt;
  const measured = all === 0 ? null : canary / all;
  const fell = `${canary.toLocaleString('en-US')} of ${all.toLocaleString('en-US')} sessions fell to the canary`;
  return {
    gate: 'sample_ratio',
    verdict: mismatch ? 'fail' : 'pass',
    value: measured,
    limit: configured,
    critical_limit: null,
    sample: all,
    sentence: mismatch
      ? `${fell}, where ${percent(configured)} are configured; evidence ${oddsText(evidenceAgainst)} that this is no chance`
      : `${fell}, in keeping with ${percent(configured)}`,
    expected_seconds: null,
    environmental: false,
  };
}

/** That nothing is heard is neither zero nor a pass. */
function telemetry({ rollout, evidence }: Seen): Gate {
  const { recent, canary, stable } = evidence;
  const toCanary = rollout.sharePct / 100;
  const expected = toCanary > 0 && toCanary < 1 ? (recent.stable * toCanary) / (1 - toCanary) : 0;
  const silent = recent.canary === 0 && expected >= missedDecisions;
  const [ours, theirs] = [outcomeCoverage(canary), outcomeCoverage(stable)];
  const enough = Math.min(allowedCount(canary), allowedCount(stable)) >= rollout.limits.gates.min_sample_size;
  const unreported = enough && ours !== null && theirs !== null && theirs >= 0.5 && ours < theirs / 2;
  const sentence = silent
    ? `the canary has decided nothing for ten minutes, while stable decided ${plural(recent.stable)}`
    : unreported
      ? `outcomes are known of ${percent(ours)} of what the canary allowed, against ${percent(theirs)} of stable`
      : coverageSentence(ours, total(canary, 'decisions'));
  return {
    gate: 'telemetry',
    verdict: silent || unreported ? 'inconclusive' : 'pass',
    value: ours,
    limit: null,
    critical_limit: null,
    sample: Math.round(total(rollout.phase === 'shadow' ? evidence.shadow : canary, 'decisions')),
    sentence,
    expected_seconds: null,
    environmental: false,
  };
}

function coverageSentence(coverage: number | null, decisions: number): string {
  if (decisions === 0 || coverage === null) return 'no outcomes are due yet';
  return coverage === 0
    ? 'no outcomes were reported; errors are those of evaluations alone'
    : `outcomes are known of ${percent(coverage)} of what was allowed`;
}

function rateResult(
  gate: GateName,
  { verdict, rate: value, sample, sentence, decisionsToVerdict }: RateVerdict,
  limit: { gate: number; critical: number },
  { evidence }: Seen,
): Gate {
  const expectedMs =
    decisionsToVerdict === null || sample === 0 ? null : (decisionsToVerdict * evidence.stepMs) / sample;
  const when = expectedMs === null ? '' : `, in about ${durationText(Math.max(1000, expectedMs))} at this pace`;
  return {
    gate,
    verdict,
    value,
    limit: limit.gate,
    critical_limit: limit.critical,
    sample: Math.round(sample),
    sentence: `${sentence}${when}`,
    expected_seconds: expectedMs === null ? null : Math.ceil(expectedMs / 1000),
    environmental: false,
  };
}

function plural(count: number): string {
  return `${count.toLocaleString('en-US')} request${count === 1 ? '' : 's'}`;
}
