import type { Witness } from '../analysis/analyse.js';
import type { UndecidedReason } from '../analysis/solver.js';
import type { Path } from '../diagnostic.js';

export const severities = ['error', 'warning', 'info'] as const;
export type Severity = (typeof severities)[number];

/** One step of a JSON Patch (RFC 6902); the pointer leads from the array of rules. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** What to do about a finding. */
export interface Suggestion {
  readonly message: string;
  /** The same as an edit, where there is one that a machine may apply. */
  readonly patch?: readonly PatchOperation[];
  /**
   * The edit changes what valid rules decide, so a person should look before it is applied. Without it the rules were
   * refused as they stood, or every request is decided as before.
   */
  readonly changes_decisions?: true;
}

/** Something to say about rules, at one place in them. */
export interface Finding {
  readonly code: string;
  readonly rule_id: string | null;
  readonly severity: Severity;
  readonly message: string;
  /** From the array of rules: `[3, 'conditions', '>=risk_score']`; empty: the whole. */
  readonly path: Path;
  /** In the source text, 1-based; without a text, the rule's index and 0. Null: about no one rule. */
  readonly line: number | null;
  readonly column: number | null;
  readonly suggestion: Suggestion | null;
  /** A request that shows it, confirmed by `decide`. */
  readonly witness?: Witness;
  /** Ids of the other rules it is about. */
  readonly related?: readonly string[];
  /** Why it could not be decided whether it is so. Never to be read as safe. */
  readonly undecided?: UndecidedReason;
}

/** A warning or info that the rule's author has answered, in `metadata.lint_ignore`. */
export interface SuppressedFinding extends Finding {
  readonly reason: string;
}

/** Findings in the order of the rules, at most 1,000 of each kind; the counts of the summary are of all. */
export interface LintReport {
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly info: readonly Finding[];
  readonly suppressed: readonly SuppressedFinding[];
  readonly summary: {
    readonly total_rules: number;
    readonly errors: number;
    readonly warnings: number;
    readonly info: number;
    readonly suppressed: number;
    /** Errors, warnings and info. */
    readonly total_issues: number;
  };
  /** No errors. */
  readonly passed: boolean;
}
