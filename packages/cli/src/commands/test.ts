import { Command, Option } from 'commander';
import { exitCodes, unusable } from '../exit-code.js';
import { findingText } from '../findings-text.js';
import { percent } from '../option-values.js';
import { count, plural, printable, type Style, share, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { type FormatOptions, printReport, reporting } from '../report/format.js';
import { type CheckedFile, isFailure, type Problem, problemsOf, type Report, shownProblem } from '../report/report.js';
import { filesAt, isSuiteName } from '../source-files.js';
import { type PolicyCoverage, type SuiteResult, suiteRunner } from '../suite/run-suites.js';

interface TestOptions extends FormatOptions {
  readonly minCoverage?: number;
}

export function testCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  return reporting(new Command('test'))
    .description('Run test suites: requests, and what the rules must answer them')
    .argument('[paths...]', 'suites, or folders with *.policytest.yaml or .json files', ['.'])
    .addOption(
      new Option('--min-coverage <percent>', 'fail when the cases decide fewer of the enabled rules').argParser(
        percent('a coverage'),
      ),
    )
    .action(async (paths: readonly string[], options: TestOptions) => {
      const files = await filesAt(paths, isSuiteName);
      if (files.length === 0) {
        throw unusable(`${paths.join(', ')}: no suites there, files called *.policytest.yaml or .json`);
      }
      const runner = suiteRunner(terminal);
      const suites: SuiteResult[] = [];
      for (const { path } of files) suites.push(await runner.run(path));
      const coverage = runner.coverage();
      const report = testReport(suites, coverage, options.minCoverage);
      printReport(report, (style) => testText(report, suites, coverage, style), options, version, terminal);
      const failed = report.files.some((file) => problemsOf(file).some(isFailure));
      if (failed) outcome.exitCode = exitCodes.findings;
    });
}

function testReport(suites: readonly SuiteResult[], coverage: readonly PolicyCoverage[], least?: number): Report {
  const broken = new Map(suites.flatMap(({ broken: files }) => files.map((file) => [file.file.name, file] as const)));
  const rulesFiles = least === undefined ? [] : coverage.flatMap((each) => coverageCheck(each, least));
  const failed = suites.reduce((sum, { failures }) => sum + failures.length, 0);
  const notRun = suites.filter(isNotRun);
  const cases = suites.reduce((sum, suite) => sum + suite.cases, 0);
  const skipped = notRun.reduce((sum, suite) => sum + suite.cases, 0);
  const files = [...suites.map(({ checked }) => checked), ...broken.values(), ...rulesFiles];
  return {
    command: 'test',
    files,
    result: {
      suites: suites.map((suite) => ({
        file: suite.checked.file.name,
        rules: suite.rules,
        cases: suite.cases,
        failures: suite.failures,
        errors: isNotRun(suite) ? [suite.checked, ...suite.broken].flatMap(errorsOf) : [],
      })),
      coverage: coverage.map(({ policy: _, ...each }) => each),
      summary: {
        suites: suites.length,
        cases,
        passed: cases - failed - skipped,
        failed,
        not_run: skipped,
        covered_rate: lowestRate(coverage),
      },
      passed: !files.some((file) => problemsOf(file).some(isFailure)),
    },
  };
}

function errorsOf(checked: CheckedFile): object[] {
  return problemsOf(checked).map(({ code, message, ruleId, place }) => ({
    file: checked.file.name,
    code,
    message,
    rule_id: ruleId,
    line: place?.line ?? null,
    column: place?.column ?? null,
  }));
}

function isNotRun({ checked, cases, failures }: SuiteResult): boolean {
  return problemsOf(checked).length > failures.length || cases === 0;
}

/** Of the policy that is covered least; null when no suite could be run. */
function lowestRate(coverage: readonly PolicyCoverage[]): number | null {
  return coverage.length === 0 ? null : Math.min(...coverage.map(({ covered_rate }) => covered_rate));
}

/** That a policy is covered enough, as a check of its first file; the rules that no case decides are named. */
function coverageCheck({ covered_rate, never_hit, rules, policy }: PolicyCoverage, least: number): CheckedFile[] {
  const first = policy.placeOf(policy.ruleIds[0] ?? '');
  if (first === null) return [];
  const name = `the cases decide at least ${least} % of the rules`;
  if (covered_rate * 100 >= least) return [{ file: first.file, checks: [{ name, problems: [] }] }];
  const covered = rules.length - never_hit.length;
  const message = `the cases decide ${covered} of ${plural(rules.length, 'rule')} (${share(covered, rules.length)}), fewer than ${least} %`;
  const low: Problem = {
    code: 'low-coverage',
    severity: 'error',
    message,
    ruleId: null,
    place: null,
    notes: [{ label: 'never decided a case', text: never_hit.join(', ') }],
    related: [],
  };
  return [{ file: first.file, checks: [{ name, problems: [low] }] }];
}

function testText(
  { files }: Report,
  suites: readonly SuiteResult[],
  coverage: readonly PolicyCoverage[],
  style: Style,
): string {
  const blocks = files.flatMap((checked) => {
    const show = findingText(checked.file, style);
    return problemsOf(checked).flatMap((problem) => [show(shownProblem(problem)), '']);
  });
  const lines = suites.map((suite) => suiteLine(suite, style));
  const covered = coverage.flatMap((each) => coverageLines(each, style));
  const cases = suites.reduce((sum, suite) => sum + suite.cases, 0);
  const failed = suites.reduce((sum, { failures }) => sum + failures.length, 0);
  const notRun = suites.filter(isNotRun).reduce((sum, suite) => sum + suite.cases, 0);
  const passed = cases - failed - notRun;
  const parts = [
    `${count(passed)} passed`,
    ...(failed > 0 ? [style.red(`${count(failed)} failed`)] : []),
    ...(notRun > 0 ? [style.red(`${count(notRun)} not run`)] : []),
  ];
  const unread = suites.filter(isNotRun).length;
  const which = unread > 0 ? ` (${style.red(`${count(unread)} not run`)})` : '';
  const total = `${plural(suites.length, 'suite')}${which}, ${plural(cases, 'case')}: ${parts.join(', ')}`;
  return `${[...blocks, ...lines, '', ...covered, style.bold(total)].join('\n')}\n`;
}

function suiteLine(suite: SuiteResult, style: Style): string {
  const { checked, cases, failures } = suite;
  const name = printable(checked.file.name);
  if (isNotRun(suite)) return `${style.red('not run')} ${name}`;
  if (failures.length > 0) return `${style.red('failed ')} ${name}  ${failures.length} of ${plural(cases, 'case')}`;
  return `${style.green('passed ')} ${name}  ${plural(cases, 'case')}`;
}

const namedRules = 10;

function coverageLines({ rules_files, rules, never_hit }: PolicyCoverage, style: Style): string[] {
  const covered = rules.length - never_hit.length;
  const names = rules_files.map(printable).join(' + ');
  const head = `Coverage of ${names}: ${covered} of ${plural(rules.length, 'rule')} (${share(covered, rules.length)})`;
  if (never_hit.length === 0) return [head];
  const more = never_hit.length > namedRules ? ` and ${never_hit.length - namedRules} more` : '';
  return [head, `  ${style.dim('never decided a case:')} ${never_hit.slice(0, namedRules).join(', ')}${more}`];
}
