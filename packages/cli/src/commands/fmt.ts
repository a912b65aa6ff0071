import { type Diagnostic, formatSource } from '@policy-studio/engine';
import { Command } from 'commander';
import { exitCodes } from '../exit-code.js';
import { findingText } from '../findings-text.js';
import type { TextFile } from '../input.js';
import { plural, printable, type Style, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { type FormatOptions, printReport, reporting } from '../report/format.js';
import { type Problem, type Report, shownProblem } from '../report/report.js';
import { ruleFiles } from '../source-files.js';
import { rewrite } from './write-file.js';

interface FmtOptions extends FormatOptions {
  readonly check?: boolean;
}

type State = 'unchanged' | 'formatted' | 'not formatted' | 'invalid';

/** A file, and what formatting makes of it. */
interface FormattedFile {
  readonly file: TextFile;
  readonly state: State;
  readonly problems: readonly Problem[];
}

export function fmtCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  return reporting(new Command('fmt'))
    .description('Write bundles in their canonical form; what they decide, and their digest, stay')
    .argument('[paths...]', 'bundles, folders of bundles, or - to print standard input formatted', ['.'])
    .option('--check', 'write nothing; fail when a file is not formatted')
    .action(async (paths: readonly string[], options: FmtOptions) => {
      const files: FormattedFile[] = [];
      for (const file of await ruleFiles(paths, terminal)) files.push(await format(file, options, terminal));
      if (files.some(({ state }) => state === 'invalid' || state === 'not formatted')) {
        outcome.exitCode = exitCodes.findings;
      }
      // The text itself has gone to standard output.
      if (paths.includes('-') && options.check !== true) {
        const invalid = files.filter(({ state }) => state === 'invalid');
        if (invalid.length > 0) terminal.err.write(fmtText(invalid, terminal.err.style));
        return;
      }
      printReport(fmtReport(files), (style) => fmtText(files, style), options, version, terminal);
    });
}

async function format(file: TextFile, { check }: FmtOptions, terminal: Terminal): Promise<FormattedFile> {
  const formatted = formatSource(file.text, file.format);
  if (Array.isArray(formatted)) return { file, state: 'invalid', problems: formatted.map(invalidProblem) };
  const isStdin = file.name === standardInput;
  if (isStdin && check !== true) terminal.out.write(formatted);
  if (formatted === file.text) return { file, state: 'unchanged', problems: [] };
  if (check === true) return { file, state: 'not formatted', problems: [unformatted(file.text, formatted)] };
  if (!isStdin) await rewrite(file.name, formatted);
  return { file, state: 'formatted', problems: [] };
}

const standardInput = 'standard input';

function invalidProblem({ code, message, rule_id, line, column }: Diagnostic): Problem {
  const place = line === undefined ? null : { line, column: column ?? 1 };
  return { code, severity: 'error', message, ruleId: rule_id, place, notes: [], related: [] };
}

/** Where the text first differs from its canonical form. */
function unformatted(text: string, formatted: string): Problem {
  const [written, wanted] = [text.split('\n'), formatted.split('\n')];
  const line = written.findIndex((each, index) => each !== wanted[index]);
  const at = line === -1 ? written.length - 1 : line;
  return {
    code: 'not-formatted',
    severity: 'warning',
    message: 'the file is not in its canonical form, the first time here; `policy-studio fmt` writes it so',
    ruleId: null,
    place: { line: at + 1, column: 1 },
    notes: [{ label: 'canonical', text: wanted[at] ?? '(nothing)' }],
    related: [],
  };
}

function fmtReport(files: readonly FormattedFile[]): Report {
  return {
    command: 'fmt',
    files: files.map(({ file, problems }) => ({
      file,
      checks: [{ name: 'the file is in its canonical form', problems }],
    })),
    result: {
      files: files.map(({ file, state, problems }) => ({
        file: file.name,
        state,
        errors: problems.map(({ code, message, place }) => ({
          code,
          message,
          line: place?.line ?? null,
          column: place?.column ?? null,
        })),
      })),
      passed: files.every(({ state }) => state === 'unchanged' || state === 'formatted'),
    },
  };
}

function fmtText(files: readonly FormattedFile[], style: Style): string {
  const blocks = files.flatMap(({ file, problems }) => {
    const show = findingText(file, style);
    return problems.flatMap((problem) => [show(shownProblem(problem)), '']);
  });
  const changed = files.filter(({ state }) => state === 'formatted');
  const lines = changed.map(({ file }) => `${style.green('formatted')} ${printable(file.name)}`);
  const states: readonly State[] = ['unchanged', 'formatted', 'not formatted', 'invalid'];
  const parts = states.flatMap((state) => {
    const number = files.filter((file) => file.state === state).length;
    return number === 0 ? [] : [`${number} ${state}`];
  });
  return `${[...blocks, ...lines, `${plural(files.length, 'file')}: ${parts.join(', ')}`].join('\n')}\n`;
}
