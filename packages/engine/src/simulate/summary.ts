import type { PolicyDecision } from '../decide.js';
import type { Effect } from '../generated/rule.js';
import type { CompiledRule } from '../plan.js';
import type { CaseOutcome } from './case.js';

/** Above these a summary names a breach: USD and compute units of the cases that need approval, together. */
export interface CaseBudgetLimits {
  readonly cost: number;
  readonly compute: number;
}

export const defaultBudgetLimits: CaseBudgetLimits = { cost: 1000, compute: 100 };

export interface BudgetBreach {
  readonly kind: 'cost' | 'compute';
  readonly limit: number;
  readonly value: number;
  readonly message: string;
}

/** The four counts are disjoint and add up to `total_cases`. Rates are 0 to 1, and 0 where there are no cases. */
export interface SimulationSummary {
  readonly total_cases: number;
  readonly allow_count: number;
  readonly deny_count: number;
  readonly approval_count: number;
  /** Cases that no rule matched, whatever the default effect says. */
  readonly no_match_count: number;
  readonly allow_rate: number;
  readonly deny_rate: number;
  readonly approval_rate: number;
  readonly no_match_rate: number;
  /** USD and compute units in the budgets of the cases that need approval. */
  readonly estimated_cost: number;
  readonly estimated_compute: number;
  /** The same of the cases that rules allow. */
  readonly allowed_cost: number;
  readonly allowed_compute: number;
  readonly breaches: readonly BudgetBreach[];
}

/** What a summary needs of a rule that decided cases. */
type DecidingRule = Pick<CompiledRule, 'id' | 'effect' | 'budget'>;

/** Counts what becomes of cases. */
export interface Tally {
  /** Counts one case. */
  add(decision: PolicyDecision): CaseOutcome;
  /** Counts cases that the rule decided. */
  addDecided(rule: DecidingRule, cases: number): void;
  /** Counts cases that no rule decided: none matched, or finding out was too much work. */
  addUndecided(outcome: 'no_match' | 'deny', cases: number): void;
  summary(limits: CaseBudgetLimits): SimulationSummary;
  /** Cases decided, by rule id. */
  hits(): ReadonlyMap<string, number>;
}

interface Decided extends DecidingRule {
  cases: number;
}

export function createTally(): Tally {
  const counts: Record<CaseOutcome, number> = { allow: 0, deny: 0, needs_approval: 0, no_match: 0 };
  const decided = new Map<string, Decided>();
  const addDecided = ({ id, effect, budget }: DecidingRule, cases: number) => {
    counts[effect] += cases;
    const known = decided.get(id);
    if (known === undefined) decided.set(id, { id, effect, budget, cases });
    else known.cases += cases;
  };
  return {
    add: ({ matched_rule, effect, budget, default: isDefault }) => {
      if (matched_rule !== null) {
        addDecided({ id: matched_rule, effect, budget }, 1);
        return effect;
      }
      const outcome = isDefault ? 'no_match' : effect;
      counts[outcome] += 1;
      return outcome;
    },
    addDecided,
    addUndecided: (outcome, cases) => {
      counts[outcome] += cases;
    },
    summary: (limits) => summaryOf(counts, [...decided.values()], limits),
    hits: () => new Map([...decided].map(([id, { cases }]) => [id, cases])),
  };
}

function summaryOf(
  { allow, deny, needs_approval, no_match }: Readonly<Record<CaseOutcome, number>>,
  decided: readonly Decided[],
  limits: CaseBudgetLimits,
): SimulationSummary {
  const total = allow + deny + needs_approval + no_match;
  const rate = (count: number) => (total === 0 ? 0 : count / total);
  const value = {
    cost: budgetsOf(decided, 'needs_approval', 'cost'),
    compute: budgetsOf(decided, 'needs_approval', 'compute'),
  };
  return {
    total_cases: total,
    allow_count: allow,
    deny_count: deny,
    approval_count: needs_approval,
    no_match_count: no_match,
    allow_rate: rate(allow),
    deny_rate: rate(deny),
    approval_rate: rate(needs_approval),
    no_match_rate: rate(no_match),
    estimated_cost: value.cost,
    estimated_compute: value.compute,
    allowed_cost: budgetsOf(decided, 'allow', 'cost'),
    allowed_compute: budgetsOf(decided, 'allow', 'compute'),
    breaches: (['cost', 'compute'] as const).flatMap((kind) => breachOf(kind, value[kind], limits[kind])),
  };
}

function breachOf(kind: 'cost' | 'compute', value: number, limit: number): BudgetBreach[] {
  if (value <= limit) return [];
  const amount = (of: number) => (kind === 'cost' ? `${of} USD` : `${of} compute units`);
  const message = `the cases that need approval come to ${amount(value)}, more than the limit of ${amount(limit)}`;
  return [{ kind, limit, value, message }];
}

/**
 * The budgets of all cases that rules of the effect decided. Added up rule by rule and with what each step loses
 * (Neumaier), so that ten thousand times 0.1 is 1,000 and no breach of it, whatever the order of the cases. Stays finite:
 * JSON has no infinity.
 */
function budgetsOf(decided: readonly Decided[], effect: Effect, kind: 'cost' | 'compute'): number {
  const parts = decided
    .filter((rule) => rule.effect === effect)
    .map(({ budget, cases }) => (budget?.[kind] ?? 0) * cases)
    .sort((a, b) => a - b);
  let sum = 0;
  let lost = 0;
  for (const part of parts) {
    const next = sum + part;
    lost += sum >= part ? sum - next + part : part - next + sum;
    sum = next;
  }
  return Number.isFinite(sum) ? Math.min(sum + lost, Number.MAX_VALUE) : Number.MAX_VALUE;
}
