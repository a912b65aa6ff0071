import { stat } from 'node:fs/promises';
import type { CompiledPolicy, Effect } from '@policy-studio/engine';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type CommandFailure, exitCodes, unusable } from '../exit-code.js';
import { displayName, readBytes } from '../input.js';
import { defaultEffectOption } from '../option-values.js';
import { count, json, plural, printable, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { type Progress, progressBar } from '../replay/progress.js';
import { type ReplayReport, replayText } from '../replay/report.js';
import { type LineNotes, type ReplayedCall, type ReplayTotals, replayRequests } from '../replay/run.js';
import { addDecision, comparer, groupsBy, noCounts } from '../replay/tally.js';
import { type CompiledRules, compileRules, readLists } from '../rules-file.js';

interface ReplayCommandOptions {
  readonly rules: string;
  readonly compare?: string;
  readonly groupBy?: string;
  readonly lists?: string;
  readonly defaultEffect: Effect;
  readonly json?: boolean;
}

export function replayCommand(terminal: Terminal, outcome: Outcome): Command {
  return new Command('replay')
    .description('Decide recorded requests with a bundle, or compare two bundles on them, without a server')
    .argument(
      '<requests>',
      'one request {agent, action, context, case_id?} a line: .jsonl, .jsonl.gz, or - for standard input',
    )
    .requiredOption('--rules <file>', 'the bundle: .json, .yaml, .yml, or - for standard input')
    .option('--compare <file>', 'a second bundle: show which decisions would change')
    .addOption(
      new Option('--group-by <path>', 'count apart by a field of the line, such as agent or context.suite').argParser(
        groupPath,
      ),
    )
    .option('--lists <file>', 'named lists: {name: [values]} or {name: {values, normalize}}')
    .addOption(defaultEffectOption())
    .option('--json', 'print the report as JSON')
    .action(async (requests: string, options: ReplayCommandOptions) => {
      const report = await replay(requests, options, terminal);
      const { out, err } = terminal;
      out.write(options.json === true ? json(report) : replayText(report, out.style));
      if (report.bad_lines.count > 0) {
        err.write(badLinesText(requests, report.bad_lines));
        outcome.exitCode = exitCodes.findings;
      }
    });
}

function groupPath(text: string): string {
  if (text.split('.').includes('')) throw new InvalidArgumentError('write the names of members, joined by dots');
  return text;
}

async function replay(path: string, options: ReplayCommandOptions, terminal: Terminal): Promise<ReplayReport> {
  const { compare, groupBy, defaultEffect } = options;
  if ([path, options.rules, compare].filter((name) => name === '-').length > 1) {
    throw unusable('only one of the requests, --rules and --compare can be -');
  }
  const lists = await readLists(options.lists, terminal);
  const bundles: CompiledRules[] = [await compileRules(options.rules, lists, defaultEffect, terminal)];
  if (compare !== undefined) bundles.push(await compileRules(compare, lists, defaultEffect, terminal));

  const counts = bundles.map(noCounts);
  const groups = groupBy === undefined ? null : groupsBy(groupBy, bundles.length);
  const differences = compare === undefined ? null : comparer();
  const unknownFacts = factsAbsent(bundles.map(({ policy }) => policy));
  const progress = progressBar(terminal.err, await sizeOf(path), terminal.now);
  const started = terminal.now();
  const totals = await readAll(path, bundles, terminal, progress, (call, decisions) => {
    progress.onCall();
    counts.forEach((of, index) => {
      const decision = decisions[index];
      if (decision !== undefined) addDecision(of, decision);
    });
    groups?.add(call, decisions);
    unknownFacts.add(call);
    const [before, after] = decisions;
    if (before !== undefined && after !== undefined) differences?.add(call, before, after);
  });
  return {
    requests: displayName(path),
    default_effect: defaultEffect,
    seconds: Math.round(terminal.now() - started) / 1000,
    lines: totals.lines,
    calls: totals.calls,
    bad_lines: totals.bad,
    refusable: totals.refusable,
    unknown_facts: unknownFacts.list(),
    policies: bundles.map(({ file, digest, rules }, index) => ({
      file: file.name,
      digest,
      rules: rules.length,
      counts: counts[index] ?? noCounts(),
    })),
    group_by: groupBy ?? null,
    groups: groups?.list() ?? [],
    comparison: differences?.result() ?? null,
  };
}

async function readAll(
  path: string,
  bundles: readonly CompiledRules[],
  terminal: Terminal,
  progress: Progress,
  onDecision: Parameters<typeof replayRequests<CompiledPolicy[]>>[2],
): Promise<ReplayTotals> {
  let totals: ReplayTotals;
  try {
    const policies = bundles.map(({ policy }) => policy);
    totals = await replayRequests(readBytes(path, terminal), policies, onDecision, { onBytes: progress.onBytes });
  } catch (error) {
    throw unpackingFailure(path, error) ?? error;
  } finally {
    progress.clear();
  }
  if (totals.calls > 0) return totals;
  const name = displayName(path);
  const [bad] = totals.bad.first;
  if (bad === undefined) throw unusable(`${name}: holds no requests`);
  const where = `line ${bad.line}: ${printable(bad.message)}`;
  throw unusable(
    `${name}: no line is a request (${count(totals.bad.count)} read): ${where}; write one JSON object a line`,
  );
}

/** What is wrong with compressed input. */
function unpackingFailure(path: string, error: unknown): CommandFailure | null {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (code === 'Z_BUF_ERROR')
    return unusable(`${displayName(path)}: the compressed data ends early; the file is cut off`);
  if (typeof code === 'string' && code.startsWith('Z_'))
    return unusable(`${displayName(path)}: the compressed data is damaged`);
  return null;
}

/** The size for the progress bar; null where there is none. What is wrong with a file shows when it is read. */
async function sizeOf(path: string): Promise<number | null> {
  if (path === '-') return null;
  return stat(path).then(
    (stats) => (stats.isFile() ? stats.size : null),
    () => null,
  );
}

/** Counts, by fact, the calls whose rules read it while the recording does not hold it: those tests were not met. */
function factsAbsent(policies: readonly CompiledPolicy[]): {
  add(call: ReplayedCall): void;
  list(): Record<string, number>;
} {
  const read = new Map<string, readonly string[]>();
  const absent = new Map<string, number>();
  const factsOf = (agent: string, action: string): readonly string[] => {
    const key = `${agent} ${action}`;
    const known = read.get(key);
    if (known !== undefined) return known;
    const facts = [...new Set(policies.flatMap((policy) => policy.factsRead(agent, action)))];
    if (read.size < 10_000) read.set(key, facts);
    return facts;
  };
  return {
    add: ({ request: { agent, action, context } }) => {
      for (const fact of factsOf(agent, action)) {
        if (context[fact] == null) absent.set(fact, (absent.get(fact) ?? 0) + 1);
      }
    },
    list: () => Object.fromEntries([...absent].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function badLinesText(path: string, { count: total, first }: LineNotes): string {
  const lines = first.map(({ line, message }) => `${displayName(path)}:${line}: ${printable(message)}\n`);
  const more = total - first.length;
  return `${lines.join('')}${plural(total, 'bad line')}${more > 0 ? `, ${more} not shown` : ''}\n`;
}
