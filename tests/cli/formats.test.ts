import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../packages/cli/src/output.js';
import { githubText } from '../../packages/cli/src/report/github.js';
import { junitText } from '../../packages/cli/src/report/junit.js';
import { explainedMessage, isFailure, type Problem, type Report } from '../../packages/cli/src/report/report.js';
import { sarifText } from '../../packages/cli/src/report/sarif.js';
import { readAnnotations, readSarif, readXml } from './formats.testkit.js';

const problem: Problem = {
  code: 'conflict',
  severity: 'warning',
  message: '`allow-risky` allows what `deny-new` denies',
  ruleId: 'allow-risky',
  place: { line: 12, column: 5 },
  notes: [{ label: 'for example', text: 'inbox.triage quarantine {"risk_score":95}' }],
  related: [{ message: 'deny-new', place: { line: 3, column: 5 } }],
};

function reportOf(...checks: { name: string; problems: Problem[] }[]): Report {
  return { command: 'lint', files: [{ file: { name: 'rules/mail.yaml', text: '' }, checks }], result: null };
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '::error::owned',
    'a\r\n::set-env name=x::y',
    '%0A%25',
    ']]>',
    '<b>&amp;"\'',
    '\u0000\u001b[2J\ufffe',
    '\ud800',
    'a,b:c',
  ),
);
const anyProblem: fc.Arbitrary<Problem> = fc.record({
  code: fc.constantFrom('conflict', 'invalid-rule', 'no-such-code'),
  severity: fc.constantFrom('error' as const, 'warning' as const, 'info' as const),
  message: text,
  ruleId: fc.option(text),
  place: fc.option(fc.record({ line: fc.integer({ min: 1, max: 1e6 }), column: fc.integer({ min: 1, max: 1e6 }) })),
  notes: fc.array(fc.record({ label: fc.constantFrom('try', 'for example'), text }), { maxLength: 3 }),
  related: fc.array(fc.record({ message: text, place: fc.constant(null) }), { maxLength: 3 }),
});
const anyReport: fc.Arbitrary<Report> = fc
  .array(
    fc.record({
      file: fc.record({ name: text.map((name) => `f${Buffer.from(name).toString()}`), text }),
      checks: fc.array(fc.record({ name: text, problems: fc.array(anyProblem, { maxLength: 4 }) }), { maxLength: 4 }),
    }),
    { maxLength: 3 },
  )
  .map((files) => ({ command: 'lint', files, result: null }));
const problemsIn = ({ files }: Report) => files.flatMap(({ checks }) => checks.flatMap(({ problems }) => problems));

describe('SARIF', () => {
  it('is accepted by the schema of the standard, whatever the report holds', () => {
    fc.assert(
      fc.property(anyReport, (report) => {
        const [run] = readSarif(sarifText(report, '1.2.3')).runs;
        const problems = problemsIn(report);
        expect(run.results.map(({ message }) => message.text)).toEqual(problems.map(explainedMessage));
        for (const { ruleId, ruleIndex } of run.results) expect(run.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
        const prints = run.results.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints));
        expect(new Set(prints).size).toBe(prints.length);
      }),
    );
  });

  it('is refused by the test itself when it is not valid', () => {
    const log = sarifText(reportOf({ name: 'a', problems: [problem] }), '1.2.3');
    expect(() => readSarif(log.replace('"level": "warning"', '"level": "fatal"'))).toThrow(/level/);
    expect(() => readSarif(log.replace('"startLine": 12', '"startLine": 0'))).toThrow(/startLine/);
    expect(() => readSarif(log.replace('rules/mail.yaml', 'rules/a b.yaml'))).toThrow(/uri/);
  });

  it('places a result, names the rules around it, and keeps its fingerprint when lines move', () => {
    const resultOf = (one: Problem) =>
      readSarif(sarifText(reportOf({ name: 'a', problems: [one] }), '1.2.3')).runs[0].results[0];
    const result = resultOf(problem);
    expect(result).toMatchObject({
      ruleId: 'conflict',
      level: 'warning',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'rules/mail.yaml', uriBaseId: '%SRCROOT%' },
            region: { startLine: 12, startColumn: 5 },
          },
        },
      ],
      relatedLocations: [{ message: { text: 'deny-new' } }],
    });
    const moved = resultOf({ ...problem, place: { line: 99, column: 1 } });
    expect(moved?.partialFingerprints).toEqual(result?.partialFingerprints);
    expect(resultOf({ ...problem, ruleId: 'other' })?.partialFingerprints).not.toEqual(result?.partialFingerprints);
  });

  it('carries the reason of what the author has answered', () => {
    const answered = reportOf({ name: 'a', problems: [{ ...problem, suppressed: 'both are wanted' }] });
    expect(readSarif(sarifText(answered, '1.2.3')).runs[0].results[0]?.suppressions).toEqual([
      { kind: 'inSource', status: 'accepted', justification: 'both are wanted' },
    ]);
  });
});

describe('JUnit', () => {
  it('is well-formed XML that counts what failed, whatever the report holds', () => {
    fc.assert(
      fc.property(anyReport, (report) => {
        const root = readXml(junitText(report));
        const cases = root.children.flatMap(({ children }) => children);
        const failed = cases.filter(({ children }) => children.some(({ name }) => name === 'failure'));
        const checks = report.files.flatMap((file) => file.checks);
        expect(failed.length).toBe(checks.filter(({ problems }) => problems.some(isFailure)).length);
        expect([root.attributes.tests, root.attributes.failures]).toEqual([`${cases.length}`, `${failed.length}`]);
        for (const [index, suite] of root.children.entries()) {
          expect(suite.attributes.tests).toBe(`${report.files[index]?.checks.length}`);
          expect(suite.children.every(({ name, attributes }) => name === 'testcase' && 'classname' in attributes)).toBe(
            true,
          );
        }
      }),
    );
  });

  it('passes a rule with nothing but information, and says in one failure all that fails', () => {
    const info: Problem = { ...problem, severity: 'info', message: 'just so you know' };
    const report = reportOf(
      { name: 'clean', problems: [] },
      { name: 'told', problems: [info] },
      { name: 'bad', problems: [problem, { ...problem, severity: 'error', message: 'and <this>' }, info] },
    );
    const [suite] = readXml(junitText(report)).children;
    expect(suite?.attributes).toMatchObject({ name: 'rules/mail.yaml', tests: '3', failures: '1', errors: '0' });
    const [clean, told, bad] = suite?.children ?? [];
    expect(clean?.children).toEqual([]);
    expect(told?.children.map(({ name }) => name)).toEqual(['system-out']);
    expect(bad?.attributes).toMatchObject({ name: 'bad', file: 'rules/mail.yaml', line: '12' });
    expect(bad?.children.map(({ name }) => name)).toEqual(['failure', 'system-out']);
    expect(bad?.children[0]?.attributes).toEqual({ message: `${problem.message} (and 1 more)`, type: 'conflict' });
    expect(bad?.children[0]?.text).toContain('rules/mail.yaml:12:5 warning conflict\n');
    expect(bad?.children[0]?.text).toContain('and <this>');
  });
});

describe('annotations for GitHub', () => {
  it('hold nothing but the commands they are, whatever the report holds', () => {
    fc.assert(
      fc.property(anyReport, (report) => {
        const annotations = readAnnotations(githubText(report));
        expect(annotations.map(({ message }) => message)).toEqual(problemsIn(report).map(explainedMessage));
        expect(annotations.every(({ command }) => ['error', 'warning', 'notice'].includes(command))).toBe(true);
        const names = report.files.flatMap(({ file, checks }) =>
          checks.flatMap(({ problems }) => problems.map(() => printable(file.name.replaceAll('\\', '/')))),
        );
        expect(annotations.map(({ properties }) => properties.file)).toEqual(names);
      }),
    );
  });

  it('stand at their line, and leave out what the author has answered', () => {
    const answered = { ...problem, suppressed: 'both are wanted' };
    expect(githubText(reportOf({ name: 'a', problems: [problem, answered] }))).toBe(
      '::warning file=rules/mail.yaml,line=12,col=5,title=policy-studio conflict::`allow-risky` allows what `deny-new` denies%0Afor example: inbox.triage quarantine {"risk_score":95}\n',
    );
  });
});
