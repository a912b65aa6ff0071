import { type Command, Option } from 'commander';
import { json, type Style, type Terminal } from '../output.js';
import { githubText } from './github.js';
import { junitText } from './junit.js';
import type { Report } from './report.js';
import { sarifText } from './sarif.js';

export const formats = ['human', 'json', 'sarif', 'junit', 'github'] as const;
export type Format = (typeof formats)[number];

export interface FormatOptions {
  readonly format: Format;
  readonly json?: boolean;
}

/** The choice of output, without `--json`, which is the same as one of them. */
export function formatOption(): Option {
  return new Option('--format <name>', 'human, json, sarif (code scanning), junit, github (annotations)')
    .choices(formats)
    .default('human');
}

/** Adds the choice of output of a checking command. */
export function reporting(command: Command): Command {
  return command
    .addOption(formatOption())
    .addOption(new Option('--json', 'the same as --format json').conflicts('format'));
}

/** Prints the report in the format that was asked for; `human` makes the text for people. */
export function printReport(
  report: Report,
  human: (style: Style) => string,
  options: FormatOptions,
  version: string,
  { out }: Terminal,
): void {
  const format = options.json === true ? 'json' : options.format;
  const texts: Readonly<Record<Format, () => string>> = {
    human: () => human(out.style),
    json: () => json(report.result),
    sarif: () => sarifText(report, version),
    junit: () => junitText(report),
    github: () => githubText(report),
  };
  out.write(texts[format]());
}
