import type { CompiledPolicy } from './compile.js';
import type { Budget, Effect } from './generated/rule.js';
import {
  type CompiledRule,
  type EvaluationError,
  mismatches,
  type Plan,
  readHosts,
  readValues,
  winnerOf,
} from './plan.js';
import { planFor } from './policy-index.js';
import { exceedsWork } from './work.js';

/** What an agent asks. The context holds the facts at top level. */
export interface DecisionRequest {
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/** The policy's answer, before any overlay. */
export interface PolicyDecision {
  effect: Effect;
  /** The rule that won; null when none did. */
  matched_rule: string | null;
  reason: string;
  /** Whether the default effect applied. */
  default: boolean;
  budget: Budget | null;
  min_approvers: number | null;
  /** Mismatches of the rules considered, in decision order, at most 32; or the one that says the work was too much. */
  errors: EvaluationError[];
}

/**
 * The decision of a policy on a request: the first rule in decision order whose agent, action and conditions match, or
 * the default effect. Pure; never throws for any JSON context, whatever agent or action it names.
 */
export function decide(policy: CompiledPolicy, request: DecisionRequest): PolicyDecision {
  const plan = planFor(policy.index, request.agent, request.action);
  return decideByPlan(policy, plan, readValues(plan, contextOf(request)));
}

/** The decision for fields that have been read. */
export function decideByPlan(policy: CompiledPolicy, plan: Plan, values: unknown[]): PolicyDecision {
  if (plan.workload !== null && exceedsWork(plan.workload, values)) return exhausted();
  readHosts(plan, values);
  const winner = winnerOf(plan, values);
  const errors = mismatches(plan, values, winner);
  if (winner === -1) {
    return {
      effect: policy.defaultEffect,
      matched_rule: null,
      reason: 'no rule matched, the default effect applies',
      default: true,
      budget: null,
      min_approvers: null,
      errors,
    };
  }
  const rule = plan.rules[winner] as CompiledRule;
  return {
    effect: rule.effect,
    matched_rule: rule.id,
    reason: rule.reason,
    default: false,
    budget: rule.budget,
    min_approvers: rule.minApprovers,
    errors,
  };
}

/** The context of a request; what is no object is read as an empty one. */
export function contextOf({ context }: DecisionRequest): Readonly<Record<string, unknown>> {
  return typeof context === 'object' && context !== null && !Array.isArray(context) ? context : {};
}

function exhausted(): PolicyDecision {
  return {
    effect: 'deny',
    matched_rule: null,
    reason: 'evaluating this request is more work than one decision may cause',
    default: false,
    budget: null,
    min_approvers: null,
    errors: [{ code: 'work_exhausted' }],
  };
}
