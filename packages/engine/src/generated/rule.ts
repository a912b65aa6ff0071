// Generated from schema/rule.schema.json by `npm run generate`. Do not edit.
export type Effect = 'allow' | 'deny' | 'needs_approval';
export type Risk = 'low' | 'medium' | 'high' | 'critical';
export interface Budget {
  /** USD. */
  cost?: number;
  /** Compute units. */
  compute?: number;
  risk?: Risk;
}
/** A rule as people write it: what has a default may be left out. */
export interface RuleInput {
  /** Unique in the bundle. */
  id: string;
  /** A dotted name such as `inbox.triage`, `*`, or a prefix `inbox.*` (which does not match `inbox` itself). */
  agent: string;
  /** A name such as `quarantine` or `github.create_issue`, `*`, or a prefix `github.*`. */
  action: string;
  effect: Effect;
  /** All entries must hold; see docs/language.md. `{}` always holds. */
  conditions?: Readonly<Record<string, unknown>>;
  /** Told to the agent and kept in the log. */
  reason?: string;
  /** Higher first. */
  priority?: number;
  budget?: Budget;
  enabled?: boolean;
  tags?: readonly string[];
  /** Free. `min_approvers` is read by approvals. */
  metadata?: Readonly<Record<string, unknown>>;
}
/** A rule with its defaults filled in; conditions still as written. */
export interface Rule {
  /** Unique in the bundle. */
  id: string;
  /** A dotted name such as `inbox.triage`, `*`, or a prefix `inbox.*` (which does not match `inbox` itself). */
  agent: string;
  /** A name such as `quarantine` or `github.create_issue`, `*`, or a prefix `github.*`. */
  action: string;
  effect: Effect;
  /** All entries must hold; see docs/language.md. `{}` always holds. */
  conditions: Readonly<Record<string, unknown>>;
  /** Told to the agent and kept in the log. */
  reason?: string;
  /** Higher first. */
  priority: number;
  budget?: Budget;
  enabled: boolean;
  tags: readonly string[];
  /** Free. `min_approvers` is read by approvals. */
  metadata: Readonly<Record<string, unknown>>;
}
