import { type Effect, type SemanticChange, type SemanticDiff, semanticDiff } from '@policy-studio/engine';
import { Command } from 'commander';
import { readCatalogFor } from '../catalog-file.js';
import {
  changeSentence,
  type DiffResult,
  type DiffSide,
  decidedBy,
  diffText,
  directionOf,
  type NamedPatterns,
  undecidedSentence,
  witnessText,
} from '../diff/diff-text.js';
import type { RecordedChanges } from '../diff/recorded.js';
import { ruleChanges } from '../diff/rule-changes.js';
import { exitCodes, unusable } from '../exit-code.js';
import { displayName, readBytes } from '../input.js';
import { defaultEffectOption } from '../option-values.js';
import { plural, printable, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { type FormatOptions, printReport, reporting } from '../report/format.js';
import type { Check, Problem, Report } from '../report/report.js';
import { type CompiledRules, compileRules, readLists } from '../rules-file.js';

interface DiffOptions extends FormatOptions {
  readonly lists?: string;
  readonly catalog?: string;
  readonly defaultEffect: Effect;
  readonly requests?: string;
}

export function diffCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  return reporting(new Command('diff'))
    .description(
      'Which requests two bundles decide differently, each kind with an example, or the proof that there are none',
    )
    .argument('<before>', 'a bundle: .json, .yaml, .yml, or - for standard input')
    .argument('<after>', 'the other one')
    .option('--requests <file>', 'count how many recorded requests change: .jsonl, .jsonl.gz or -')
    .option('--lists <file>', 'named lists: {name: [values]} or {name: {values, normalize}}')
    .option('--catalog <file>', 'agents and actions: only requests that its schemas let through count')
    .addOption(defaultEffectOption())
    .action(async (before: string, after: string, options: DiffOptions) => {
      const { result, sides } = await compare(before, after, options, terminal);
      const named = patternsIn(sides);
      const report = diffReport(result, named, sides[1]);
      printReport(report, (style) => diffText(result, named, style), options, version, terminal);
      const bad = result.recorded?.bad_lines.count ?? 0;
      if (bad > 0) {
        const [first] = result.recorded?.bad_lines.first ?? [];
        const where = first === undefined ? '' : `, the first at line ${first.line}: ${printable(first.message)}`;
        terminal.err.write(`${displayName(options.requests ?? '')}: ${plural(bad, 'line')} skipped${where}\n`);
      }
      if (!result.semantic.equal || bad > 0) outcome.exitCode = exitCodes.findings;
    });
}

async function compare(
  before: string,
  after: string,
  options: DiffOptions,
  terminal: Terminal,
): Promise<{ result: DiffResult; sides: readonly [CompiledRules, CompiledRules] }> {
  const { defaultEffect, requests } = options;
  if ([before, after, requests].filter((path) => path === '-').length > 1) {
    throw unusable('only one of the bundles and --requests can be -');
  }
  const lists = await readLists(options.lists, terminal);
  const a = await compileRules(before, lists, defaultEffect, terminal);
  const b = await compileRules(after, lists, defaultEffect, terminal);
  const catalog = await readCatalogFor([a, b], options.catalog, terminal);
  const enforced = catalog && {
    typing: (agent: string, action: string) => catalog.typing(agent, action),
    pairs: catalog.pairs(),
  };
  const semantic = semanticDiff(a.policy, b.policy, enforced ?? {});
  const recorded = requests === undefined ? null : await countRecorded(requests, a, b, semantic.changes, terminal);
  const result = { before: sideOf(a), after: sideOf(b), ...ruleChanges(a.rules, b.rules), semantic, recorded };
  return { result, sides: [a, b] };
}

async function countRecorded(
  path: string,
  before: CompiledRules,
  after: CompiledRules,
  changes: readonly SemanticChange[],
  terminal: Terminal,
): Promise<RecordedChanges> {
  // Reading requests takes much more code than comparing rules.
  const { recordedChanges } = await import('../diff/recorded.js');
  return recordedChanges(readBytes(path, terminal), before.policy, after.policy, changes);
}

function patternsIn(sides: readonly CompiledRules[]): NamedPatterns {
  const rules = sides.flatMap((side) => side.rules);
  return { agents: new Set(rules.map(({ agent }) => agent)), actions: new Set(rules.map(({ action }) => action)) };
}

function sideOf({ file, digest, rules }: CompiledRules): DiffSide {
  return { file: file.name, digest, rules: rules.length };
}

/** The report stands in the later file, at the rule that now decides. */
function diffReport(result: DiffResult, named: NamedPatterns, after: CompiledRules): Report {
  const { semantic } = result;
  const checks: Check[] = [
    ...semantic.changes.map((change) => checkOf(changeProblem(change, named, after))),
    ...semantic.undecided.map((open) => checkOf(undecidedProblem(open, named, after))),
  ];
  const equal: Check = { name: 'every request is decided as before', problems: [] };
  return {
    command: 'diff',
    files: [{ file: after.file, checks: checks.length === 0 ? [equal] : checks }],
    result: jsonResult(result),
  };
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
function jsonResult({ semantic, recorded, ...rest }: DiffResult): object {
  const changes = semantic.changes.map((change, index) =>
    recorded === null ? change : { ...change, recorded: recorded.by_change[index] ?? 0 },
  );
  if (recorded === null) return { ...rest, semantic: { ...semantic, changes } };
  const { requests, changed, bad_lines } = recorded;
  return { ...rest, semantic: { ...semantic, changes }, recorded: { requests, changed, bad_lines } };
}
