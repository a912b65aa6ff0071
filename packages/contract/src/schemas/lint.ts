import { lintCodes } from '@policy-studio/engine';
import Type, { type Static } from 'typebox';
import { ConcreteName, Nullable } from './vocabulary.js';

export const severities = ['error', 'warning', 'info'] as const;

/** Where something stands: steps from the array of rules. */
export const FindingPath = Type.Array(Type.Union([Type.String(), Type.Integer()]));

/** A request that shows something, confirmed by the evaluator. */
export const Witness = Type.Object({
  agent: ConcreteName,
  action: ConcreteName,
  context: Type.Record(Type.String(), Type.Unknown()),
});

const PatchOperation = Type.Union([
  Type.Object({ op: Type.Enum(['add', 'replace']), path: Type.String(), value: Type.Unknown() }),
  Type.Object({ op: Type.Literal('remove'), path: Type.String() }),
]);

const finding = {
  code: Type.Enum(lintCodes, { description: 'Each has a page in the documentation: `docs/lint/<code>.md`.' }),
  rule_id: Nullable(Type.String()),
  severity: Type.Enum(severities),
  message: Type.String(),
  path: FindingPath,
  line: Nullable(
    Type.Integer({ description: "From 1, in the source text; without one the rule's index. Null: about no one rule." }),
  ),
  column: Nullable(Type.Integer({ description: 'From 1; 0 without a source text.' })),
  suggestion: Nullable(
    Type.Object({
      message: Type.String(),
      patch: Type.Optional(
        Type.Array(PatchOperation, { description: 'The same as an edit (RFC 6902) of the array of rules.' }),
      ),
      changes_decisions: Type.Optional(
        Type.Literal(true, { description: 'The edit changes what rules decide: look before applying it.' }),
      ),
    }),
  ),
  witness: Type.Optional(Witness),
  related: Type.Optional(Type.Array(Type.String(), { description: 'Ids of the other rules it is about.' })),
  undecided: Type.Optional(
    Type.String({ description: 'Why it could not be decided whether it is so; never to be read as safe.' }),
  ),
};

export const Finding = Type.Object(finding, { $id: 'Finding' });
export type Finding = Static<typeof Finding>;

export const SuppressedFinding = Type.Object(
  { ...finding, reason: Type.String({ description: 'What `metadata.lint_ignore` of the rule says.' }) },
  { $id: 'SuppressedFinding' },
);
export type SuppressedFinding = Static<typeof SuppressedFinding>;

/** The members of a report. */
export const lintReportMembers = {
  errors: Type.Array(Finding),
  warnings: Type.Array(Finding),
  info: Type.Array(Finding),
  suppressed: Type.Array(SuppressedFinding),
  summary: Type.Object(
    {
      total_rules: Type.Integer(),
      errors: Type.Integer(),
      warnings: Type.Integer(),
      info: Type.Integer(),
      suppressed: Type.Integer(),
      total_issues: Type.Integer({ description: 'Errors, warnings and info.' }),
    },
    { description: 'Counts of all findings; at most 1,000 of a kind are told.' },
  ),
  passed: Type.Boolean({ description: 'No errors.' }),
};

/** Everything to say about rules, in their order. */
export const LintReport = Type.Object(lintReportMembers, { $id: 'LintReport' });
export type LintReport = Static<typeof LintReport>;

/** Rules as JSON, or the text of a bundle document. */
export const LintRequest = Type.Object(
  {
    rules: Type.Optional(Type.Unknown({ description: 'An array of rules; whatever else it is, is a finding.' })),
    source: Type.Optional(
      Type.String({ description: 'The text of a bundle document: findings then carry its lines and columns.' }),
    ),
    format: Type.Optional(Type.Enum(['json', 'yaml'], { description: 'Of `source`; `json` unless said.' })),
  },
  { additionalProperties: false },
);
export type LintRequest = Static<typeof LintRequest>;
