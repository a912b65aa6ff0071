import { type Outcome, outcome } from './check.js';
import type { CompiledPolicy } from './compile.js';
import type { Condition, Operator, Test } from './condition.js';
import { contextOf, type DecisionRequest, decideByPlan, type PolicyDecision } from './decide.js';
import { formatOperand } from './format-condition.js';
import type { Effect } from './generated/rule.js';
import { limits } from './limits.js';
import { type Plan, readValues } from './plan.js';
import { planFor } from './policy-index.js';

export type TestResult = 'met' | 'not_met' | 'missing' | 'mismatch';

/** A condition with what each part of it came to. `actual` is absent when the field is missing. */
export type TraceNode =
  | { kind: 'all' | 'any' | 'not'; result: boolean; of: TraceNode[] }
  | { kind: 'test'; field: string; operator: Operator; expected: unknown; actual?: unknown; result: TestResult };

export interface CandidateTrace {
  rule_id: string;
  effect: Effect;
  priority: number;
  matched: boolean;
  winner: boolean;
  condition: TraceNode;
}

export interface Explanation {
  /** What `decide` answers. */
  decision: PolicyDecision;
  /** The candidates in decision order, at most 200. */
  trace: CandidateTrace[];
  /** How many candidates were left out of the trace. */
  truncated: number;
}

/**
 * The decision with every candidate rule and every test of it, whether or not it could still change the outcome.
 * A request beyond the work limit is not evaluated, so it has no trace and all candidates count as truncated.
 */
export function explain(policy: CompiledPolicy, request: DecisionRequest): Explanation {
  const plan = planFor(policy.index, request.agent, request.action);
  const values = readValues(plan, contextOf(request));
  const decision = decideByPlan(policy, plan, values);
  if (decision.errors[0]?.code === 'work_exhausted') return { decision, trace: [], truncated: plan.rules.length };
  const traced = plan.rules.slice(0, limits.tracedRules);
  const trace = traced.map((rule): CandidateTrace => {
    const condition = traceOf(rule.condition, plan, values);
    return {
      rule_id: rule.id,
      effect: rule.effect,
      priority: rule.priority,
      matched: holds(condition),
      winner: rule.id === decision.matched_rule,
      condition,
    };
  });
  return { decision, trace, truncated: plan.rules.length - traced.length };
}

const resultNames: Readonly<Record<Outcome, TestResult>> = {
  [outcome.met]: 'met',
  [outcome.notMet]: 'not_met',
  [outcome.missing]: 'missing',
  [outcome.mismatch]: 'mismatch',
};

function traceOf(condition: Condition, plan: Plan, values: readonly unknown[]): TraceNode {
  switch (condition.kind) {
    case 'test':
      return traceTest(condition, plan, values);
    case 'not': {
      const inner = traceOf(condition.of, plan, values);
      return { kind: 'not', result: !holds(inner), of: [inner] };
    }
    case 'all':
    case 'any': {
      const of = condition.of.map((child) => traceOf(child, plan, values));
      return { kind: condition.kind, result: condition.kind === 'all' ? of.every(holds) : of.some(holds), of };
    }
  }
}

function traceTest(test: Test, plan: Plan, values: readonly unknown[]): TraceNode {
  const actual = values[plan.fields.indexOf(test.field)];
  return {
    kind: 'test',
    field: test.field,
    operator: test.operator,
    expected: formatOperand(test.operand),
    ...(actual === undefined ? {} : { actual }),
    result: resultNames[plan.checkOf(test)(values)],
  };
}

function holds(node: TraceNode): boolean {
  return node.kind === 'test' ? node.result === 'met' : node.result;
}
