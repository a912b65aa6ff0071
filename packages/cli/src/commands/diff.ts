import type { Effect, SemanticChange } from '@policy-studio/engine';
import { Command } from 'commander';
import { readCatalogFor } from '../catalog-file.js';
import { type BundlePair, type BundlePath, bundlePairs } from '../diff/bundle-pairs.js';
import { type Compared, changeChecks, compareRules, diffJson } from '../diff/compare-rules.js';
import { diffText } from '../diff/diff-text.js';
import type { RecordedChanges } from '../diff/recorded.js';
import { exitCodes, unusable } from '../exit-code.js';
import { displayName, readBytes } from '../input.js';
import { defaultEffectOption } from '../option-values.js';
import { plural, printable, type Style, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import type { LineNotes } from '../replay/run.js';
import { type FormatOptions, printReport, reporting } from '../report/format.js';
import type { Report } from '../report/report.js';
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

async function compare({ before, after }: BundlePair, options: DiffOptions, terminal: Terminal): Promise<Compared> {
  const { defaultEffect, requests } = options;
  const lists = await readLists(options.lists, terminal);
  const read = ({ path, isThere }: BundlePath) =>
    isThere ? compileRules(path, lists, defaultEffect, terminal) : noRules(path, lists, defaultEffect);
  const a = await read(before);
  const b = await read(after);
  const compared = compareRules(a, b, await readCatalogFor([a, b], options.catalog, terminal));
  if (requests === undefined) return compared;
  const recorded = await countRecorded(requests, a, b, compared.result.semantic.changes, terminal);
  return { ...compared, result: { ...compared.result, recorded } };
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

/** The report stands in the later file, at the rule that now decides. */
function diffReport(compared: readonly Compared[], isFolder: boolean): Report {
  const files = compared.map((each) => ({ file: each.after.file, checks: changeChecks(each) }));
  const results = compared.map(({ result }) => diffJson(result));
  const equal = compared.every(({ result }) => result.semantic.equal);
  return { command: 'diff', files, result: isFolder ? { files: results, equal } : results[0] };
}
