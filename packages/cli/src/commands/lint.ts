import {
  type Effect,
  fixedCodes,
  hint,
  type LintCode,
  lintCodes,
  type Severity,
  severities,
} from '@policy-studio/engine';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readCatalog } from '../catalog-file.js';
import { exitCodes, unusable } from '../exit-code.js';
import type { TextFile } from '../input.js';
import { type Fixed, fixText } from '../lint/fix.js';
import { type LintSettings, lintFile } from '../lint/lint-file.js';
import { lintText, totalOf } from '../lint/lint-text.js';
import { defaultEffectOption } from '../option-values.js';
import { printable, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { type FormatOptions, printReport, reporting } from '../report/format.js';
import { readLists } from '../rules-file.js';
import { ruleFiles } from '../source-files.js';
import { rewrite } from './write-file.js';

interface LintCommandOptions extends FormatOptions {
  readonly lists?: string;
  readonly catalog?: string;
  readonly openCatalog?: boolean;
  readonly defaultEffect: Effect;
  readonly severity?: Readonly<Partial<Record<LintCode, Severity | 'off'>>>;
  readonly maxWarnings: number;
  readonly fix?: boolean;
}

export function lintCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  return reporting(new Command('lint'))
    .description('What is wrong with rules, or does not do what it seems to')
    .argument('[paths...]', 'bundles, folders of bundles, or - for standard input', ['.'])
    .option('--lists <file>', 'named lists: {name: [values]} or {name: {values, normalize}}')
    .option('--catalog <file>', "agents and actions: a catalog, an MCP server's tools/list, or the word `default`")
    .option('--open-catalog', 'a name that the catalog lacks is a warning, not an error')
    .addOption(defaultEffectOption())
    .addOption(
      new Option(
        '--severity <code=level>',
        'another severity for a code: error, warning, info or off; repeatable',
      ).argParser(severityOf),
    )
    .addOption(
      new Option('--max-warnings <n>', 'warnings that do not fail; -1: any number').default(0).argParser(warnings),
    )
    .option('--fix', 'apply the suggested edits that change no decision, each proven')
    .action(async (paths: readonly string[], options: LintCommandOptions) => {
      const settings = await settingsOf(options, terminal);
      const files = await ruleFiles(paths, terminal);
      const fixed = new Map<string, Fixed>();
      if (options.fix === true) {
        if (paths.includes('-')) throw unusable('--fix needs a file: standard input cannot be written');
        for (const file of files) fixed.set(file.name, await fixFile(file, settings, terminal));
      }
      const linted = files.map((file) =>
        lintFile({ ...file, text: fixed.get(file.name)?.text ?? file.text }, settings),
      );
      const total = totalOf(linted);
      const passed = total.errors === 0;
      const report = {
        command: 'lint',
        files: linted.map(({ checked }) => checked),
        result: {
          files: linted.map(({ file, report: each }) => ({
            file: file.name,
            ...each,
            ...(options.fix === true ? { fixed: fixed.get(file.name)?.applied ?? [] } : {}),
          })),
          summary: total,
          passed,
        },
      };
      printReport(report, (style) => lintText(linted, style), options, version, terminal);
      const tooMany = options.maxWarnings >= 0 && total.warnings > options.maxWarnings;
      if (!passed || tooMany) outcome.exitCode = exitCodes.findings;
    });
}

async function settingsOf(options: LintCommandOptions, terminal: Terminal): Promise<LintSettings> {
  const { lists, catalog, openCatalog, defaultEffect, severity } = options;
  return {
    lists: lists === undefined ? null : await readLists(lists, terminal),
    catalog: catalog === undefined ? null : await readCatalog(catalog, terminal),
    catalogMode: openCatalog === true ? 'open' : 'strict',
    defaultEffect,
    severities: severity ?? {},
  };
}

async function fixFile(file: TextFile, settings: LintSettings, terminal: Terminal): Promise<Fixed> {
  const fixed = fixText(file, settings);
  if (fixed.applied.length === 0) return fixed;
  await rewrite(file.name, fixed.text);
  const told = fixed.applied.map(({ code, rule_id }) => `${code} (${rule_id ?? 'file'})`).join(', ');
  terminal.err.write(`${printable(file.name)}: fixed ${printable(told)}\n`);
  return fixed;
}

function severityOf(
  text: string,
  before: Partial<Record<LintCode, Severity | 'off'>> = {},
): Partial<Record<LintCode, Severity | 'off'>> {
  const [code = '', level = '', ...rest] = text.split('=');
  const known = lintCodes.find((each) => each === code);
  if (known === undefined) throw new InvalidArgumentError(`there is no code \`${code}\`${hint(code, lintCodes)}`);
  const severity = [...severities, 'off' as const].find((each) => each === level);
  if (severity === undefined || rest.length > 0)
    throw new InvalidArgumentError('write code=error, warning, info or off');
  if (fixedCodes.has(known)) throw new InvalidArgumentError(`\`${known}\` is always an error: such rules are refused`);
  return { ...before, [known]: severity };
}

function warnings(text: string): number {
  const value = /^-?\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= -1)) throw new InvalidArgumentError('a whole number of warnings, or -1 for any');
  return value;
}
