import type { CompiledPolicy } from '../compile.js';
import { decide, type PolicyDecision } from '../decide.js';
import { type CaseOutcome, type CaseResult, caseLimits, caseOutcomes, type SimulationCase } from './case.js';
import { enabledRules } from './enabled-rules.js';
import { type CaseFailure, failureOf } from './failure.js';
import { type RuleCoverage, ruleCoverage } from './rule-coverage.js';
import { type CaseBudgetLimits, createTally, defaultBudgetLimits, type SimulationSummary } from './summary.js';

export interface SimulationOptions {
  /** USD and compute units above which a breach is named; 1,000 and 100 unless set. */
  readonly limits?: Partial<CaseBudgetLimits>;
  /** Results that the report keeps, the first ones; 100,000 unless set. */
  readonly keptResults?: number;
  /** Failures that the report keeps, the first ones; 1,000 unless set. */
  readonly keptFailures?: number;
}

/** A case of an outcome, to look at. */
export interface CaseExample extends CaseResult {
  readonly outcome: CaseOutcome;
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, unknown>>;
}

export interface SimulationReport {
  readonly summary: SimulationSummary;
  /** In the order of the cases. */
  readonly results: readonly CaseResult[];
  /** At most three of each outcome, in the order of `caseOutcomes`, of different rules as far as there are any. */
  readonly examples: readonly CaseExample[];
  /** Cases that came out other than expected, in the order of the cases. */
  readonly failures: readonly CaseFailure[];
  /** Of all cases, kept or not. */
  readonly failure_count: number;
  readonly coverage: RuleCoverage;
}

/** A simulation that takes its cases one at a time, in bounded memory. */
export interface Simulation {
  add(one: SimulationCase): CaseResult;
  /** Of the cases so far. */
  report(): SimulationReport;
}

const defaultKeptFailures = 1000;

/**
 * What the policy says to each case, counted, with the cases that came out other than they expect. Pure: facts are those
 * that the contexts hold. Order of cases does not change the counts.
 */
export function simulate(
  policy: CompiledPolicy,
  cases: Iterable<SimulationCase>,
  options: SimulationOptions = {},
): SimulationReport {
  const simulation = createSimulation(policy, options);
  for (const one of cases) simulation.add(one);
  return simulation.report();
}

/** `simulate` for cases that come one after the other. */
export function createSimulation(policy: CompiledPolicy, options: SimulationOptions = {}): Simulation {
  const { keptResults = caseLimits.cases, keptFailures = defaultKeptFailures } = options;
  const limits = { ...defaultBudgetLimits, ...options.limits };
  const tally = createTally();
  const results: CaseResult[] = [];
  const failures: CaseFailure[] = [];
  let failureCount = 0;
  const ruleIds = new Set(enabledRules(policy).map(({ rule }) => rule.id));
  const examples = createExamples();
  return {
    add: (one) => {
      const decision = decide(policy, one);
      const outcome = tally.add(decision);
      const result = resultOf(one, decision);
      if (results.length < keptResults) results.push(result);
      examples.offer(outcome, one, result);
      // Only what is kept is worth the search for the rule that may have been meant.
      const failure = failureOf(one, decision, failures.length < keptFailures ? ruleIds : null);
      if (failure !== null) {
        failureCount += 1;
        if (failures.length < keptFailures) failures.push(failure);
      }
      return result;
    },
    report: () => ({
      summary: tally.summary(limits),
      results: [...results],
      examples: examples.list(),
      failures: [...failures],
      failure_count: failureCount,
      coverage: ruleCoverage(policy, tally.hits()),
    }),
  };
}

function resultOf({ case_id }: SimulationCase, decision: PolicyDecision): CaseResult {
  const { matched_rule, reason, budget } = decision;
  return { case_id, matched_rule, effect: decision.default ? null : decision.effect, reason, budget };
}

const shownOfOutcome = 3;

/** The first cases of each outcome; a later one of another rule takes the place of the second of its rule. */
function createExamples(): {
  offer(outcome: CaseOutcome, one: SimulationCase, result: CaseResult): void;
  list(): CaseExample[];
} {
  const shown = new Map<CaseOutcome, CaseExample[]>(caseOutcomes.map((outcome) => [outcome, []]));
  const settled = new Set<CaseOutcome>();
  return {
    offer: (outcome, one, result) => {
      // Most cases of a long run end here.
      if (settled.has(outcome)) return;
      const kept = shown.get(outcome) as CaseExample[];
      const known = kept.some(({ matched_rule }) => matched_rule === result.matched_rule);
      if (kept.length >= shownOfOutcome && known) return;
      const { agent, action, context } = one;
      if (kept.length >= shownOfOutcome) kept.splice(repeatedPlace(kept), 1);
      kept.push({ outcome, ...result, agent, action, context });
      if (kept.length === shownOfOutcome && repeatedPlace(kept) === -1) settled.add(outcome);
      if (outcome === 'no_match' && kept.length === shownOfOutcome) settled.add(outcome);
    },
    list: () => [...shown.values()].flat(),
  };
}

/** The last place whose rule stands earlier too, or -1. */
function repeatedPlace(kept: readonly CaseExample[]): number {
  return kept.findLastIndex(({ matched_rule }, i) => kept.findIndex((one) => one.matched_rule === matched_rule) < i);
}
