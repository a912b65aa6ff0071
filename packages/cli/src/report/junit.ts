import { printable } from '../output.js';
import { type CheckedFile, explainedMessage, isFailure, type Problem, type Report } from './report.js';

/**
 * The report as JUnit XML, in the shape that Jenkins, GitLab and GitHub's viewers share: a suite for each file, a case for
 * each thing that was checked. Errors and warnings fail a case; information is its output.
 */
export function junitText({ command, files }: Report): string {
  const suites = files.map((checked) => ({ checked, failed: checked.checks.filter(hasFailed).length }));
  const tests = files.reduce((sum, { checks }) => sum + checks.length, 0);
  const failures = suites.reduce((sum, { failed }) => sum + failed, 0);
  const head = attributes({ name: `policy-studio ${command}`, tests, failures, errors: 0 });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${head}>`,
    ...suites.flatMap(({ checked, failed }) => suiteLines(checked, failed, command)),
    '</testsuites>',
    '',
  ].join('\n');
}

function hasFailed({ problems }: { readonly problems: readonly Problem[] }): boolean {
  return problems.some(isFailure);
}

function suiteLines({ file, checks }: CheckedFile, failures: number, command: string): string[] {
  const counts = { tests: checks.length, failures, errors: 0, skipped: 0 };
  return [
    `  <testsuite${attributes({ name: file.name, ...counts })}>`,
    ...checks.flatMap(({ name, problems }) => {
      const line = problems.find(({ place }) => place !== null)?.place?.line;
      const where = { classname: `policy-studio ${command}: ${file.name}`, file: file.name };
      const head = attributes({ name, ...where, ...(line === undefined ? {} : { line }) });
      if (problems.length === 0) return [`    <testcase${head}/>`];
      return [`    <testcase${head}>`, ...problemLines(problems, file.name), '    </testcase>'];
    }),
    '  </testsuite>',
  ];
}

/** Viewers show one failure a case, so all failures of a case are one. */
function problemLines(problems: readonly Problem[], file: string): string[] {
  const failures = problems.filter(isFailure);
  const others = problems.filter((problem) => !isFailure(problem));
  const [first] = failures;
  const told = (problem: Problem) => paragraph(problem, file);
  const lines: string[] = [];
  if (first !== undefined) {
    const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
    const head = attributes({ message: `${first.message}${more}`, type: first.code });
    lines.push(`      <failure${head}>${escaped(failures.map(told).join('\n\n'))}</failure>`);
  }
  if (others.length > 0) lines.push(`      <system-out>${escaped(others.map(told).join('\n\n'))}</system-out>`);
  return lines;
}

function paragraph(problem: Problem, file: string): string {
  const { place, severity, code, suppressed } = problem;
  const where = place === null ? file : `${file}:${place.line}:${place.column}`;
  const answer = suppressed === undefined ? '' : `\nanswered by the author: ${suppressed}`;
  return `${where} ${severity} ${code}\n${explainedMessage(problem)}${answer}`;
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(printable(String(value)))}"`)
    .join('');
}

/** What XML 1.0 cannot hold, even escaped. */
const notXml = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

function escaped(text: string): string {
  return text.replace(notXml, '\ufffd').replace(/[&<>"\r]/g, (char) => entities[char] ?? char);
}
