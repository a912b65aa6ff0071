import type { CompiledPolicy } from '../compile.js';
import { decide } from '../decide.js';
import type { Effect } from '../generated/rule.js';
import { type CaseOutcome, caseOutcomes, type SimulationCase } from './case.js';
import { type CaseBudgetLimits, createTally, defaultBudgetLimits, type SimulationSummary } from './summary.js';

export interface ComparisonOptions {
  /** USD and compute units above which a breach is named; 1,000 and 100 unless set. */
  readonly limits?: Partial<CaseBudgetLimits>;
  /** Changes that the report keeps, the first ones; 1,000 unless set. */
  readonly keptChanges?: number;
  /** Hears what both policies say to each case, changed or not. */
  readonly onDecided?: (one: SimulationCase, before: Effect, after: Effect) => void;
}

/** A case that becomes of another outcome. */
export interface CaseChange {
  readonly case_id: string;
  readonly agent: string;
  readonly action: string;
  /** null when no rule matches: the default effect applies. */
  readonly before: Effect | null;
  readonly after: Effect | null;
  readonly before_rule: string | null;
  readonly after_rule: string | null;
  /** What is enforced stays the same: a rule says on one side what the default effect says on the other. */
  readonly same_effect: boolean;
  readonly context: Readonly<Record<string, unknown>>;
}

/** How many cases went from each outcome (outer key) to each other. */
export type Transitions = Readonly<Record<CaseOutcome, Readonly<Record<CaseOutcome, number>>>>;

export interface ComparisonReport {
  readonly summary_a: SimulationSummary;
  readonly summary_b: SimulationSummary;
  /** B less A: shares of all cases, and USD in the budgets of cases that need approval. */
  readonly deltas: {
    readonly allow_rate: number;
    readonly deny_rate: number;
    readonly approval_rate: number;
    readonly no_match_rate: number;
    readonly cost: number;
  };
  readonly transitions: Transitions;
  /** In the order of the cases. */
  readonly changes: readonly CaseChange[];
  /** Of all cases, kept or not. */
  readonly total_changes: number;
  /** Those of them where what is enforced changes. */
  readonly total_effect_changes: number;
}

/** A comparison that takes its cases one at a time, in bounded memory. */
export interface CaseComparison {
  /** The change, or null when both policies come to the same outcome. */
  add(one: SimulationCase): CaseChange | null;
  /** Of the cases so far. */
  report(): ComparisonReport;
}

const defaultKeptChanges = 1000;

/** What policy `b` makes of the cases that policy `a` does not. Another rule with the same effect is no change. */
export function compareOn(
  a: CompiledPolicy,
  b: CompiledPolicy,
  cases: Iterable<SimulationCase>,
  options: ComparisonOptions = {},
): ComparisonReport {
  const comparison = createComparison(a, b, options);
  for (const one of cases) comparison.add(one);
  return comparison.report();
}

/** `compareOn` for cases that come one after the other. */
export function createComparison(
  a: CompiledPolicy,
  b: CompiledPolicy,
  options: ComparisonOptions = {},
): CaseComparison {
  const { keptChanges = defaultKeptChanges, onDecided } = options;
  const limits = { ...defaultBudgetLimits, ...options.limits };
  const [tallyA, tallyB] = [createTally(), createTally()];
  const transitions = noTransitions();
  const changes: CaseChange[] = [];
  let total = 0;
  let effective = 0;
  return {
    add: (one) => {
      const [before, after] = [decide(a, one), decide(b, one)];
      const from = tallyA.add(before);
      const to = tallyB.add(after);
      transitions[from][to] += 1;
      onDecided?.(one, before.effect, after.effect);
      if (from === to) return null;
      const { case_id, agent, action, context } = one;
      const change: CaseChange = {
        case_id,
        agent,
        action,
        before: from === 'no_match' ? null : from,
        after: to === 'no_match' ? null : to,
        before_rule: before.matched_rule,
        after_rule: after.matched_rule,
        same_effect: before.effect === after.effect,
        context,
      };
      total += 1;
      if (!change.same_effect) effective += 1;
      if (changes.length < keptChanges) changes.push(change);
      return change;
    },
    report: () => {
      const [summaryA, summaryB] = [tallyA.summary(limits), tallyB.summary(limits)];
      return {
        summary_a: summaryA,
        summary_b: summaryB,
        deltas: deltasOf(summaryA, summaryB),
        transitions: copyOf(transitions),
        changes: [...changes],
        total_changes: total,
        total_effect_changes: effective,
      };
    },
  };
}

function deltasOf(a: SimulationSummary, b: SimulationSummary): ComparisonReport['deltas'] {
  // From the counts: the difference of two rates is off by their rounding.
  const share = (before: number, after: number) => (a.total_cases === 0 ? 0 : (after - before) / a.total_cases);
  return {
    allow_rate: share(a.allow_count, b.allow_count),
    deny_rate: share(a.deny_count, b.deny_count),
    approval_rate: share(a.approval_count, b.approval_count),
    no_match_rate: share(a.no_match_count, b.no_match_count),
    cost: b.estimated_cost - a.estimated_cost,
  };
}

type MutableTransitions = Record<CaseOutcome, Record<CaseOutcome, number>>;

function noTransitions(): MutableTransitions {
  const row = () => Object.fromEntries(caseOutcomes.map((to) => [to, 0])) as Record<CaseOutcome, number>;
  return Object.fromEntries(caseOutcomes.map((from) => [from, row()])) as MutableTransitions;
}

function copyOf(transitions: MutableTransitions): Transitions {
  return Object.fromEntries(caseOutcomes.map((from) => [from, { ...transitions[from] }])) as MutableTransitions;
}
