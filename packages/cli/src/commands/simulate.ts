import {
  type CaseFailure,
  type ComparisonReport,
  caseLimits,
  compareOn,
  defaultBudgetLimits,
  type Effect,
  type MutationReport,
  mutationCoverage,
  type SimulationReport,
  simulate,
} from '@policy-studio/engine';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readCatalogFor } from '../catalog-file.js';
import { exitCodes, unusable } from '../exit-code.js';
import { findingText } from '../findings-text.js';
import { defaultEffectOption, integerIn, percent } from '../option-values.js';
import { printable, type Style, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { type FormatOptions, printReport, reporting } from '../report/format.js';
import { type CheckedFile, isFailure, problemsOf, type Report, shownProblem } from '../report/report.js';
import { type CompiledRules, compileRules, readLists } from '../rules-file.js';
import { type Dataset, readDataset } from '../simulation/dataset.js';
import { mutationText } from '../simulation/mutation-text.js';
import { simulationChecks } from '../simulation/simulation-checks.js';
import { comparisonText, simulationText } from '../simulation/simulation-text.js';
import { isFolder, ruleFiles } from '../source-files.js';

interface SimulateOptions extends FormatOptions {
  readonly dataset: string;
  readonly count: number;
  readonly seed: number;
  readonly compare?: string;
  readonly mutate?: boolean;
  readonly maxMutants: number;
  readonly minScore?: number;
  readonly lists?: string;
  readonly catalog?: string;
  readonly defaultEffect: Effect;
  readonly maxCost: number;
  readonly maxCompute: number;
}

/** Everything that was found out, before it is printed. */
interface Simulated {
  readonly rules: CompiledRules;
  readonly other: CompiledRules | null;
  readonly dataset: Dataset;
  readonly report: SimulationReport;
  readonly comparison: ComparisonReport | null;
  readonly mutation: MutationReport | null;
}

export function simulateCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  return reporting(new Command('simulate'))
    .description(
      'Try a bundle on many requests: what becomes of them, which rules decide none, what a second bundle changes',
    )
    .argument('<rules>', 'the bundle: .json, .yaml, .yml, or - for standard input; or a folder, for each bundle in it')
    .option('--dataset <name>', '`synthetic`, `fixtures`, or a file of cases or of a test suite', 'synthetic')
    .addOption(
      new Option('--count <n>', 'how many synthetic cases')
        .default(100)
        .argParser(integerIn('a count', 1, caseLimits.cases)),
    )
    .addOption(new Option('--seed <n>', 'the same seed gives the same cases').default(1337).argParser(seed))
    .option('--compare <file>', 'a second bundle: which cases would change')
    .option('--mutate', 'change the rules in small ways, and show which changes no case notices')
    .addOption(
      new Option('--max-mutants <n>', 'with --mutate: how many changes are tried')
        .default(200)
        .argParser(integerIn('a number of changes', 1, 100_000)),
    )
    .addOption(
      new Option('--min-score <percent>', 'with --mutate: fail when the cases notice fewer changes').argParser(
        percent('a score'),
      ),
    )
    .option('--lists <file>', 'named lists: {name: [values]} or {name: {values, normalize}}')
    .option('--catalog <file>', "agents and actions: a catalog, an MCP server's tools/list, or the word `default`")
    .addOption(defaultEffectOption())
    .addOption(budgetOption('--max-cost <usd>', 'USD of cases that need approval', defaultBudgetLimits.cost))
    .addOption(budgetOption('--max-compute <units>', 'compute units of the same', defaultBudgetLimits.compute))
    .action(async (rules: string, options: SimulateOptions) => {
      if (options.minScore !== undefined && options.mutate !== true) throw unusable('--min-score goes with --mutate');
      const inFolder = await isFolder(rules);
      if (inFolder && options.compare !== undefined)
        throw unusable('--compare takes one bundle on each side, no folder');
      const paths = inFolder ? (await ruleFiles([rules], terminal)).map(({ name }) => name) : [rules];
      if (paths.length > 1 && options.dataset === '-') throw unusable('--dataset can be - for one bundle only');
      const all: Reported[] = [];
      for (const path of paths) {
        const simulated = await run(path, options, terminal);
        all.push({ simulated, report: reportOf(simulated, options) });
      }
      const human = (style: Style) => all.map((each) => humanText(each, style)).join('\n');
      printReport(inFolder ? together(all) : (all[0] as Reported).report, human, options, version, terminal);
      const failed = all.some(({ report }) => report.files.some((file) => problemsOf(file).some(isFailure)));
      if (failed) outcome.exitCode = exitCodes.findings;
    });
}

interface Reported {
  readonly simulated: Simulated;
  readonly report: Report;
}

function together(all: readonly Reported[]): Report {
  const results = all.map(({ report }) => report.result);
  return { command: 'simulate', files: all.flatMap(({ report }) => report.files), result: { files: results } };
}

async function run(path: string, options: SimulateOptions, terminal: Terminal): Promise<Simulated> {
  const { compare, defaultEffect, count, seed: from, maxCost, maxCompute } = options;
  if ([path, compare, options.dataset].filter((name) => name === '-').length > 1) {
    throw unusable('only one of the bundles and --dataset can be -');
  }
  const lists = await readLists(options.lists, terminal);
  const rules = await compileRules(path, lists, defaultEffect, terminal);
  const other = compare === undefined ? null : await compileRules(compare, lists, defaultEffect, terminal);
  const policies = [rules.policy, ...(other === null ? [] : [other.policy])];
  const bundles = [rules, ...(other === null ? [] : [other])];
  const catalog = await readCatalogFor(bundles, options.catalog, terminal);
  const dataset = await readDataset(options.dataset, policies, { count, seed: from, catalog }, terminal);
  const limits = { cost: maxCost, compute: maxCompute };
  return {
    rules,
    other,
    dataset,
    report: simulate(rules.policy, dataset.cases, { limits }),
    comparison: other === null ? null : compareOn(rules.policy, other.policy, dataset.cases, { limits }),
    mutation:
      options.mutate === true
        ? mutationCoverage(rules.rules, lists, dataset.cases, { defaultEffect, catalog, limit: options.maxMutants })
        : null,
  };
}

function reportOf(
  { rules, dataset, report, mutation, comparison, other }: Simulated,
  options: SimulateOptions,
): Report {
  const indexes = new Map(dataset.cases.map(({ case_id }, index) => [case_id, index]));
  const placeOf = (failure: CaseFailure) => dataset.locate(indexes.get(failure.case_id) ?? -1);
  const files: CheckedFile[] = simulationChecks(
    { rules, dataset, report, mutation },
    placeOf,
    options.minScore ?? null,
  );
  return {
    command: 'simulate',
    files,
    result: {
      rules: { file: rules.file.name, digest: rules.digest, rules: rules.rules.length },
      dataset: dataset.name,
      default_effect: options.defaultEffect,
      ...report,
      ...(comparison === null || other === null
        ? {}
        : { comparison: { file: other.file.name, digest: other.digest, ...comparison } }),
      ...(mutation === null ? {} : { mutation }),
      passed: !files.some((file) => problemsOf(file).some(isFailure)),
    },
  };
}

function humanText({ simulated, report: { files } }: Reported, style: Style): string {
  const { rules, other, dataset, report, comparison, mutation } = simulated;
  const blocks = files.flatMap((checked) => {
    const show = findingText(checked.file, style);
    const problems = problemsOf(checked).filter(isFailure);
    return problems.map((problem) => `${show(shownProblem(problem))}\n\n`);
  });
  const head = `${style.bold(printable(rules.file.name))} on ${printable(dataset.name)}\n\n`;
  return [
    ...blocks,
    head,
    simulationText(report, style),
    ...(comparison === null || other === null
      ? []
      : ['\n', comparisonText(comparison, rules.file.name, other.file.name, style)]),
    ...(mutation === null ? [] : ['\n', mutationText(mutation, dataset.isSuite, style)]),
  ].join('');
}

function budgetOption(flags: string, what: string, standard: number): Option {
  return new Option(flags, `fail above this: ${what}`).default(standard).argParser((text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= 0) || value === Infinity) throw new InvalidArgumentError('a number, 0 or more');
    return value;
  });
}

function seed(text: string): number {
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= -(2 ** 31) && value < 2 ** 32)) throw new InvalidArgumentError('a seed is a whole number of 32 bits');
  return value;
}
