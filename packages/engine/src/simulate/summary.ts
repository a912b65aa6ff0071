import type { PolicyDecision } from '../decide.js';
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

/** Counts what becomes of cases, one at a time. */
export interface Tally {
  add(decision: PolicyDecision): CaseOutcome;
  summary(limits: CaseBudgetLimits): SimulationSummary;
}

function outcomeOf(decision: PolicyDecision): CaseOutcome {
  return decision.default ? 'no_match' : decision.effect;
}

export function createTally(): Tally {
  const counts: Record<CaseOutcome, number> = { allow: 0, deny: 0, needs_approval: 0, no_match: 0 };
  const estimated = { cost: createSum(), compute: createSum() };
  const allowed = { cost: createSum(), compute: createSum() };
  return {
    add: (decision) => {
      const outcome = outcomeOf(decision);
      counts[outcome] += 1;
      if (decision.budget !== null && (outcome === 'needs_approval' || outcome === 'allow')) {
        const { cost = 0, compute = 0 } = decision.budget;
        const sums = outcome === 'allow' ? allowed : estimated;
        sums.cost.add(cost);
        sums.compute.add(compute);
      }
      return outcome;
    },
    summary: (limits) => {
      const { allow, deny, needs_approval, no_match } = counts;
      const total = allow + deny + needs_approval + no_match;
      const rate = (count: number) => (total === 0 ? 0 : count / total);
      const value = { cost: estimated.cost.total(), compute: estimated.compute.total() };
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
        allowed_cost: allowed.cost.total(),
        allowed_compute: allowed.compute.total(),
        breaches: (['cost', 'compute'] as const).flatMap((kind) => breachOf(kind, value[kind], limits[kind])),
      };
    },
  };
}

function breachOf(kind: 'cost' | 'compute', value: number, limit: number): BudgetBreach[] {
  if (value <= limit) return [];
  const amount = (of: number) => (kind === 'cost' ? `${of} USD` : `${of} compute units`);
  const message = `the cases that need approval come to ${amount(value)}, more than the limit of ${amount(limit)}`;
  return [{ kind, limit, value, message }];
}

/**
 * A sum that hardly depends on the order (Neumaier), so that ten thousand times 0.1 is 1,000 and no breach of it. Stays
 * finite: JSON has no infinity.
 */
function createSum(): { add(value: number): void; total(): number } {
  let sum = 0;
  let lost = 0;
  return {
    add: (value) => {
      const next = sum + value;
      lost += sum >= value ? sum - next + value : value - next + sum;
      sum = next;
    },
    total: () => (Number.isFinite(sum) ? Math.min(sum + lost, Number.MAX_VALUE) : Number.MAX_VALUE),
  };
}
