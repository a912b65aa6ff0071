import type { DecisionRequest } from '../decide.js';
import type { Budget, Effect } from '../generated/rule.js';

/** A request with a name and, where it is a test, what is expected. The context may hold facts. */
export interface SimulationCase extends DecisionRequest {
  readonly case_id: string;
  /** The effect to be enforced, the default effect included. */
  readonly expected_effect?: Effect;
  /** The id of the rule that must win; null: none. */
  readonly expected_rule?: string | null;
  /** A text that the reason must contain. */
  readonly expected_reason?: string;
}

/** What a policy says to one case. */
export interface CaseResult {
  readonly case_id: string;
  /** null when nothing matched: the default effect applies. */
  readonly matched_rule: string | null;
  readonly effect: Effect | null;
  readonly reason: string;
  readonly budget: Budget | null;
}

/** What became of a case: an effect, or that no rule matched. */
export const caseOutcomes = ['allow', 'deny', 'needs_approval', 'no_match'] as const;
export type CaseOutcome = (typeof caseOutcomes)[number];

/** Bounds of data sets, counted, as in `limits`. */
export const caseLimits = {
  /** cases of one data set */
  cases: 100_000,
  /** UTF-16 units of a case's id */
  idChars: 128,
  /** UTF-16 units of an expected reason */
  reasonChars: 256,
} as const;
