import type { Analysis, Witness } from '../analysis/analyse.js';
import type { CompiledCatalog } from '../catalog/compiled-catalog.js';
import type { CompiledPolicy } from '../compile.js';
import type { Diagnostic, Path } from '../diagnostic.js';
import type { Lists } from '../list.js';
import type { NearestList } from '../list-references.js';
import type { RoundedNumber } from '../rounded-number.js';
import type { SoundRule } from '../rule.js';
import type { Position } from '../source.js';
import type { Finding, Severity, Suggestion } from './finding.js';
import type { LintMemory } from './memory.js';
import type { Schemas } from './schemas.js';
import type { Scope } from './scope.js';

/** Every code a finding can have; each has a page under `docs/lint/`. */
export const lintCodes = [
  'invalid-source',
  'limit-exceeded',
  'invalid-rule',
  'duplicate-id',
  'invalid-condition',
  'missing-reason',
  'unknown-agent',
  'unknown-action',
  'rounded-number',
  'mistyped-comparison',
  'never-matches',
  'unreachable',
  'conflict',
  'ambiguous-tie',
  'evadable',
  'type-mismatch',
  'unknown-field',
  'wide-allow',
  'budget-sanity',
  'redundant',
  'disabled-rule',
  'unknown-list',
  'invalid-suppression',
  'uncovered-action',
  'more-findings',
] as const;
export type LintCode = (typeof lintCodes)[number];

/** What the engine refuses to compile: these stay errors whatever the settings say. */
export const fixedCodes: ReadonlySet<LintCode> = new Set([
  'invalid-source',
  'limit-exceeded',
  'invalid-rule',
  'duplicate-id',
  'invalid-condition',
]);

/** An entry of the array of rules that is an object, sound or not. */
export interface WrittenRule {
  readonly index: number;
  readonly id: string | null;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What checks look at. Broken rules are in `written` alone, so that they hide nothing about the sound ones. */
export interface LintContext {
  readonly written: readonly WrittenRule[];
  /** What the engine refuses, in the order of the rules. */
  readonly faults: readonly Diagnostic[];
  /** Numbers of the source text that a double cannot hold, by their paths from the rules; none without a text. */
  readonly rounded: readonly RoundedNumber[];
  /** Valid rules of distinct ids, disabled ones too. */
  readonly rules: readonly SoundRule[];
  /** The enabled ones among them that `policy` holds: those whose lists are known. */
  readonly active: readonly SoundRule[];
  readonly policy: CompiledPolicy;
  readonly ruleOf: (id: string) => SoundRule;
  /** What the policy leaves out may decide requests of this scope. */
  readonly mayBeDecidedByOthers: (scope: Scope) => boolean;
  /** Sound rules whose lists are not known here, and the names of those lists. */
  readonly unknownLists: readonly { readonly rule: SoundRule; readonly lists: readonly string[] }[];
  readonly lists: Lists | null;
  readonly nearestList: NearestList;
  readonly catalog: CompiledCatalog | null;
  /** What the catalog's schemas say; null without a catalog. */
  readonly schemas: Schemas | null;
  readonly catalogMode: 'strict' | 'open';
  readonly enforceContext: boolean;
  readonly memory: LintMemory;
  /** What is exactly so of the policy; made on first use. */
  readonly analysis: () => Analysis;
}

/** What a check says. Without `severity` it has the check's. */
export interface Found {
  /** Of the array of rules; null: about no one rule. */
  readonly rule: { readonly index: number; readonly id: string | null } | null;
  /** From the rule, or from the whole without one. */
  readonly path?: Path;
  readonly message: string;
  readonly severity?: Severity;
  readonly suggestion?: Suggestion | null;
  readonly witness?: Witness | null;
  readonly related?: readonly string[];
  readonly undecided?: NonNullable<Finding['undecided']>;
  /** In a text that could not be read as rules. */
  readonly position?: Position;
}

/** One lint rule. It holds for the context it is given and keeps nothing. */
export interface LintCheck {
  readonly code: LintCode;
  readonly severity: Severity;
  /** Where it depends on how the catalog is used, in place of `severity`. */
  severityIn?(context: LintContext): Severity;
  /** `found`: what checks before it in the table found, with the severities in force. */
  find(context: LintContext, found: readonly Finding[]): Iterable<Found>;
}

/** Where a sound rule stands, as `Found` wants it. */
export function at({ index, rule }: SoundRule): { index: number; id: string } {
  return { index, id: rule.id };
}
