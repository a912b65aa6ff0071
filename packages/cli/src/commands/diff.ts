import {
  canonicalRule,
  type Effect,
  ruleChanges,
  type SemanticChange,
  type SemanticDiff,
  semanticDiff,
} from '@policy-studio/engine';
import { Command } from 'commander';
import { readCatalogFor } from '../catalog-file.js';
import { type BundlePair, type BundlePath, bundlePairs } from '../diff/bundle-pairs.js';
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
import { exitCodes, unusable } from '../exit-code.js';
import { displayName, readBytes } from '../input.js';
import { defaultEffectOption } from '../option-values.js';
import { plural, printable, type Style, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import type { LineNotes } from '../replay/run.js';
import { type FormatOptions, printReport, reporting } from '../report/format.js';
import type { Check, Problem, Report } from '../report/report.js';
import { type CompiledRules, compileRules, noRules, readLists } from '../rules-file.js';

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
    .argument('<before>', 'a bundle: .json, .yaml, .yml, or - for standard input; or a folder of bundles')
    .argument('<after>', 'the other one, or another folder: files of the same name are compared')
    .option('--requests <file>', 'count how many recorded requests change: .jsonl, .jsonl.gz or -')
    .option('--lists <file>', 'named lists: {name: [values]} or {name: {values, normalize}}')
    .option('--catalog <file>', 'agents and actions: only requests that its schemas let through count')
    .addOption(defaultEffectOption())
    .action(async (before: string, after: string, options: DiffOptions) => {
      if ([before, after, options.requests].filter((path) => path === '-').length > 1) {
        throw unusable('only one of the bundles and --requests can be -');
      }
      const pairs = await bundlePairs(before, after, terminal);
      if (pairs.length > 1 && options.requests === '-') throw unusable('--requests can be - for one bundle only');
      const compared: Compared[] = [];
      for (const pair of pairs) compared.push(await compare(pair, options, terminal));
      const isFolder = pairs.length !== 1 || pairs[0]?.before.path !== before;
      const human = (style: Style) => compared.map(({ result, named }) => diffText(result, named, style)).join('\n');
      printReport(diffReport(compared, isFolder), human, options, version, terminal);
      const [{ result } = { result: null }] = compared;
      const bad = result?.recorded?.bad_lines;
      if (bad !== undefined && bad.count > 0) terminal.err.write(skippedText(options.requests ?? '', bad));
      if (compared.some((each) => !each.result.semantic.equal) || (bad?.count ?? 0) > 0) {
        outcome.exitCode = exitCodes.findings;
      }
    });
}

function skippedText(path: string, { count, first: [first] }: LineNotes): string {
  const where = first === undefined ? '' : `, the first at line ${first.line}: ${printable(first.message)}`;
  return `${displayName(path)}: ${plural(count, 'line')} skipped${where}\n`;
}

/** Two bundles, and what they decide differently. */
interface Compared {
  readonly result: DiffResult;
  readonly named: NamedPatterns;
  readonly after: CompiledRules;
}

async function compare({ before, after }: BundlePair, options: DiffOptions, terminal: Terminal): Promise<Compared> {
  const { defaultEffect, requests } = options;
  const lists = await readLists(options.lists, terminal);
  const read = ({ path, isThere }: BundlePath) =>
    isThere ? compileRules(path, lists, defaultEffect, terminal) : noRules(path, lists, defaultEffect);
  const a = await read(before);
  const b = await read(after);
  const catalog = await readCatalogFor([a, b], options.catalog, terminal);
  const enforced = catalog && {
    typing: (agent: string, action: string) => catalog.typing(agent, action),
    pairs: catalog.pairs(),
  };
  const semantic = semanticDiff(a.policy, b.policy, enforced ?? {});
  const recorded = requests === undefined ? null : await countRecorded(requests, a, b, semantic.changes, terminal);
  const result = {
    before: sideOf(a),
    after: sideOf(b),
    ...ruleChanges(a.rules.map(canonicalRule), b.rules.map(canonicalRule)),
    semantic,
    recorded,
  };
  return { result, named: patternsIn([a, b]), after: b };
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
function diffReport(compared: readonly Compared[], isFolder: boolean): Report {
  const files = compared.map(({ result: { semantic }, named, after }) => {
    const checks: Check[] = [
      ...semantic.changes.map((change) => checkOf(changeProblem(change, named, after))),
      ...semantic.undecided.map((open) => checkOf(undecidedProblem(open, named, after))),
    ];
    const equal: Check = { name: 'every request is decided as before', problems: [] };
    return { file: after.file, checks: checks.length === 0 ? [equal] : checks };
  });
  const results = compared.map(({ result }) => jsonResult(result));
  const equal = compared.every(({ result }) => result.semantic.equal);
  return { command: 'diff', files, result: isFolder ? { files: results, equal } : results[0] };
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
  const { requests, changed, bad_lines, approval_count, approvals } = recorded;
  const counted = { requests, changed, bad_lines, approval_count, approvals };
  return { ...rest, semantic: { ...semantic, changes }, recorded: counted };
}
