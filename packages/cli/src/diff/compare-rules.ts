import {
  type CompiledCatalog,
  canonicalRule,
  ruleChanges,
  type SemanticChange,
  type SemanticDiff,
  semanticDiff,
} from '@policy-studio/engine';
import type { Check, Problem } from '../report/report.js';
import type { CompiledRules } from '../rules-file.js';
import {
  changeSentence,
  type DiffResult,
  type DiffSide,
  decidedBy,
  directionOf,
  type NamedPatterns,
  undecidedSentence,
  witnessText,
} from './diff-text.js';

/** Two bundles, and what they decide differently. */
export interface Compared {
  readonly result: DiffResult;
  readonly named: NamedPatterns;
  readonly after: CompiledRules;
}

/** Compares two bundles. With a catalog only requests that its schemas let through count. */
export function compareRules(before: CompiledRules, after: CompiledRules, catalog: CompiledCatalog | null): Compared {
  const enforced = catalog && {
    typing: (agent: string, action: string) => catalog.typing(agent, action),
    pairs: catalog.pairs(),
  };
  const result = {
    before: sideOf(before),
    after: sideOf(after),
    ...ruleChanges(before.rules.map(canonicalRule), after.rules.map(canonicalRule)),
    semantic: semanticDiff(before.policy, after.policy, enforced ?? {}),
    recorded: null,
  };
  return { result, named: patternsIn([before, after]), after };
}

/** A check for each change, at the rule of the later bundle that now decides; one that passes where nothing changes. */
export function changeChecks({ result: { semantic }, named, after }: Compared): Check[] {
  const checks = [
    ...semantic.changes.map((change) => checkOf(changeProblem(change, named, after))),
    ...semantic.undecided.map((open) => checkOf(undecidedProblem(open, named, after))),
  ];
  return checks.length === 0 ? [{ name: 'every request is decided as before', problems: [] }] : checks;
}

function patternsIn(sides: readonly CompiledRules[]): NamedPatterns {
  const rules = sides.flatMap((side) => side.rules);
  return { agents: new Set(rules.map(({ agent }) => agent)), actions: new Set(rules.map(({ action }) => action)) };
}

function sideOf({ file, digest, rules }: CompiledRules): DiffSide {
  return { file: file.name, digest, rules: rules.length };
}

function checkOf(problem: Problem): Check {
  return { name: problem.message, problems: [problem] };
}

function changeProblem(change: SemanticChange, named: NamedPatterns, after: CompiledRules): Problem {
  const direction = directionOf(change);
  return {
    code: 'decision-change',
    severity: 'warning',
    message: `${direction === 'terms' ? '' : `${direction}: `}${changeSentence(change, named)}`,
    ruleId: change.rules.to,
    place: placeOf(change.rules.to, after),
    notes: [
      { label: 'for example', text: witnessText(change.witness) },
      { label: 'decided by', text: decidedBy(change.rules) },
    ],
    related: [],
  };
}

function undecidedProblem(
  open: SemanticDiff['undecided'][number],
  named: NamedPatterns,
  after: CompiledRules,
): Problem {
  return {
    code: 'undecided-change',
    severity: 'warning',
    message: undecidedSentence(open, named),
    ruleId: open.rules.to,
    place: placeOf(open.rules.to, after),
    notes: [],
    related: [],
  };
}

function placeOf(rule: string | null, { rules, source }: CompiledRules): Problem['place'] {
  const index = rules.findIndex(({ id }) => id === rule);
  return index === -1 ? null : source.locate([index]);
}

/** As a server answers, with the count of recorded requests at each change. */
export function diffJson({ semantic, recorded, ...rest }: DiffResult): object {
  const changes = semantic.changes.map((change, index) =>
    recorded === null ? change : { ...change, recorded: recorded.by_change[index] ?? 0 },
  );
  if (recorded === null) return { ...rest, semantic: { ...semantic, changes } };
  const { requests, changed, bad_lines, approval_count, approvals } = recorded;
  const counted = { requests, changed, bad_lines, approval_count, approvals };
  return { ...rest, semantic: { ...semantic, changes }, recorded: counted };
}
