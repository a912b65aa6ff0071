import type { PolicyDecision } from '../decide.js';
import { hint, quoted } from '../diagnostic.js';
import type { Effect } from '../generated/rule.js';
import type { SimulationCase } from './case.js';

/** A case that did not come out as expected. */
export interface CaseFailure {
  readonly case_id: string;
  /** null when the case expects only a rule or a reason. */
  readonly expected: Effect | null;
  /** The effect that applies, the default effect included. */
  readonly actual: Effect;
  /** Present when the case names them. */
  readonly expected_rule?: string | null;
  readonly expected_reason?: string;
  readonly matched_rule: string | null;
  readonly reason: string;
  /** Everything that differs, in words. */
  readonly message: string;
}

/**
 * What the decision lacks of what the case expects; null when it is as expected, or nothing is. With the ids of the
 * enabled rules the message tells a rule that is not there from one that did not win.
 */
export function failureOf(
  { case_id, expected_effect, expected_rule, expected_reason }: SimulationCase,
  decision: PolicyDecision,
  ruleIds: ReadonlySet<string> | null = null,
): CaseFailure | null {
  const { effect, matched_rule, reason } = decision;
  const found: string[] = [];
  if (expected_effect !== undefined && expected_effect !== effect) {
    found.push(`expected \`${expected_effect}\`, got \`${effect}\` ${sourceOf(decision)}`);
  }
  if (expected_rule !== undefined && expected_rule !== matched_rule) {
    const wanted = expected_rule === null ? 'no rule to match' : `the rule ${quoted(expected_rule)} to decide`;
    const isThere = expected_rule === null || ruleIds === null || ruleIds.has(expected_rule);
    const missing = isThere ? '' : `; no enabled rule is called so${meantIn(expected_rule, ruleIds)}`;
    found.push(`expected ${wanted}, but it was decided ${sourceOf(decision)}${missing}`);
  }
  if (expected_reason !== undefined && !reason.includes(expected_reason)) {
    found.push(`the reason ${quoted(reason)} does not contain ${quoted(expected_reason)}`);
  }
  if (found.length === 0) return null;
  return {
    case_id,
    expected: expected_effect ?? null,
    actual: effect,
    ...(expected_rule === undefined ? {} : { expected_rule }),
    ...(expected_reason === undefined ? {} : { expected_reason }),
    matched_rule,
    reason,
    message: found.join('; '),
  };
}

const maxSearched = 1000;

function meantIn(name: string, ruleIds: ReadonlySet<string>): string {
  return ruleIds.size > maxSearched ? '' : hint(name, ruleIds);
}

function sourceOf(decision: PolicyDecision): string {
  if (decision.matched_rule !== null) return `by the rule ${quoted(decision.matched_rule)}`;
  return decision.default ? 'by the default effect, since no rule matched' : 'because it is too much work';
}
