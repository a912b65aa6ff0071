import { isAbsolute, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lintCodes, type Position, type Severity, sha256Hex } from '@policy-studio/engine';
import { json } from '../output.js';
import { codeTitle } from './code-titles.js';
import { explainedMessage, type Problem, problemsOf, type Report } from './report.js';

const schema = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const levels: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** The report as SARIF 2.1.0, as code scanning services read it. Files are named relative to where the command ran. */
export function sarifText(report: Report, version: string): string {
  const { command, files } = report;
  const codes = [...new Set(files.flatMap(problemsOf).map(({ code }) => code))].sort();
  const seen = new Map<string, number>();
  const results = files.flatMap((checked) =>
    problemsOf(checked).map((problem) => {
      const identity = `${checked.file.name}\n${problem.code}\n${problem.ruleId ?? ''}\n${problem.message}`;
      const before = seen.get(identity) ?? 0;
      seen.set(identity, before + 1);
      // Without the line, so that a finding is the same one after an edit above it.
      const fingerprint = `${sha256Hex(identity).slice(0, 32)}:${before + 1}`;
      return sarifResult(problem, checked.file.name, codes.indexOf(problem.code), fingerprint);
    }),
  );
  const driver = {
    name: 'policy-studio',
    semanticVersion: version,
    rules: codes.map((code) => ({
      id: code,
      shortDescription: { text: codeTitle(code) },
      help: { text: `${codeTitle(code)}. See ${pageOf(code)}.` },
    })),
  };
  const run = {
    tool: { driver },
    automationDetails: { id: `policy-studio/${command}/` },
    columnKind: 'utf16CodeUnits',
    results,
  };
  return json({ $schema: schema, version: '2.1.0', runs: [run] });
}

function pageOf(code: string): string {
  return lintCodes.some((known) => known === code) ? `docs/lint/${code}.md` : 'docs/cli.md';
}

function sarifResult(problem: Problem, file: string, ruleIndex: number, fingerprint: string): object {
  const { code, severity, place, ruleId, related, suppressed } = problem;
  const logical = ruleId === null ? {} : { logicalLocations: [{ name: ruleId, kind: 'member' }] };
  return {
    ruleId: code,
    ruleIndex,
    level: levels[severity],
    message: { text: explainedMessage(problem) },
    locations: [{ physicalLocation: physical(file, place), ...logical }],
    ...(related.length === 0
      ? {}
      : {
          relatedLocations: related.map(({ message, place: at }, id) => ({
            id,
            message: { text: message },
            physicalLocation: physical(file, at),
          })),
        }),
    partialFingerprints: { 'policyStudioFinding/v1': fingerprint },
    ...(suppressed === undefined
      ? {}
      : { suppressions: [{ kind: 'inSource', status: 'accepted', justification: suppressed }] }),
  };
}

function physical(file: string, place: Position | null): object {
  const artifactLocation = isAbsolute(file)
    ? { uri: pathToFileURL(file).href }
    : { uri: relativeUri(file), uriBaseId: '%SRCROOT%' };
  return {
    artifactLocation,
    ...(place === null ? {} : { region: { startLine: place.line, startColumn: place.column } }),
  };
}

function relativeUri(path: string): string {
  return posix.normalize(path.replaceAll('\\', '/')).split('/').map(encodeURIComponent).join('/');
}
