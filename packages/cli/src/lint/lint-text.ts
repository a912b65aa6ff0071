import type { LintReport } from '@policy-studio/engine';
import { findingText } from '../findings-text.js';
import { count, plural, type Style } from '../output.js';
import { isFailure, type Problem, problemsOf, shownProblem } from '../report/report.js';
import type { LintedFile } from './lint-file.js';

/** The findings of all files for people, in the order of their lines, and a line that counts them. */
export function lintText(files: readonly LintedFile[], style: Style): string {
  const blocks = files.flatMap(({ checked }) => {
    const show = findingText(checked.file, style);
    const findings = problemsOf(checked).filter(({ suppressed }) => suppressed === undefined);
    return findings.sort(byPlace).flatMap((problem) => [show(shownProblem(problem)), '']);
  });
  const pages = blocks.length === 0 ? [] : [style.dim('Every code has a page: docs/lint/<code>.md')];
  return `${[...blocks, ...pages, summaryLine(files, style)].join('\n')}\n`;
}

function byPlace(a: Problem, b: Problem): number {
  const [x, y] = [a.place ?? { line: 0, column: 0 }, b.place ?? { line: 0, column: 0 }];
  return x.line - y.line || x.column - y.column;
}

function summaryLine(files: readonly LintedFile[], style: Style): string {
  const { total_rules, errors, warnings, info, suppressed } = totalOf(files);
  const found = [
    ...(errors > 0 ? [style.red(plural(errors, 'error'))] : []),
    ...(warnings > 0 ? [style.yellow(plural(warnings, 'warning'))] : []),
    ...(info > 0 ? [`${count(info)} info`] : []),
    ...(suppressed > 0 ? [`${count(suppressed)} answered in lint_ignore`] : []),
  ];
  const nothing = style.green('no findings');
  return style.bold(
    `${plural(files.length, 'file')}, ${plural(total_rules, 'rule')}: ${found.length === 0 ? nothing : found.join(', ')}`,
  );
}

/** The counts of all files together. */
export function totalOf(files: readonly LintedFile[]): LintReport['summary'] {
  const sum = (key: keyof LintReport['summary']) => files.reduce((all, { report }) => all + report.summary[key], 0);
  return {
    total_rules: sum('total_rules'),
    errors: sum('errors'),
    warnings: sum('warnings'),
    info: sum('info'),
    suppressed: sum('suppressed'),
    total_issues: sum('total_issues'),
  };
}

/** Whether something needs doing: an error, or a warning without an answer. */
export function hasFailures(files: readonly LintedFile[]): boolean {
  return files.some(({ checked }) => problemsOf(checked).some(isFailure));
}
