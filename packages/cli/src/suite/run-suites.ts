import {
  type CaseFailure,
  contextFault,
  type Diagnostic,
  decide,
  type PolicySuite,
  type Position,
  parseSuite,
  type RuleHits,
  type SimulationCase,
  simulate,
  unknownTo,
} from '@policy-studio/engine';
import { unusable } from '../exit-code.js';
import { readText, type TextFile } from '../input.js';
import { shown, type Terminal } from '../output.js';
import type { Check, CheckedFile, Problem } from '../report/report.js';
import { holdsRules, isSuiteName } from '../source-files.js';
import { type PolicyFault, type SuitePolicy, suitePolicy } from './suite-policy.js';
import { whyNot } from './why-not.js';

/** One suite, as it came out. */
export interface SuiteResult {
  readonly checked: CheckedFile;
  /** Files of rules that the suite names and that are not valid. */
  readonly broken: readonly CheckedFile[];
  readonly cases: number;
  readonly failures: readonly (CaseFailure & { readonly line: number | null; readonly column: number | null })[];
  readonly rules: readonly string[];
}

/** Which rules of one policy the suites that test it reach, together. */
export interface PolicyCoverage {
  readonly rules_files: readonly string[];
  readonly default_effect: string;
  readonly rules: readonly RuleHits[];
  readonly never_hit: readonly string[];
  readonly covered_rate: number;
  readonly policy: SuitePolicy;
}

/** Runs suites one after the other; suites that test the same files share their coverage. */
export function suiteRunner(terminal: Terminal): {
  run(path: string): Promise<SuiteResult>;
  coverage(): PolicyCoverage[];
} {
  const reached = new Map<string, { policy: SuitePolicy; hits: Map<string, RuleHits> }>();
  return {
    run: async (path) => {
      const file = await readText(path, terminal);
      const suite = parseSuite(file.text, file.format);
      if (Array.isArray(suite) && !isSuiteName(path) && holdsRules(file)) {
        throw unusable(`${file.name}: holds rules, not tests of them: a suite names such a file under \`rules\``);
      }
      if (Array.isArray(suite)) return notRun(file, { file, diagnostics: suite });
      const policy = await suitePolicy(suite, path, terminal);
      if (Array.isArray(policy)) return brokenPolicy(file, suite, policy);
      const { result, hits } = runCases(file, suite, policy);
      const key = `${policy.defaultEffect} ${policy.files.join('\n')}`;
      const known = reached.get(key)?.hits ?? new Map<string, RuleHits>();
      for (const hit of hits) {
        const before = known.get(hit.rule_id);
        known.set(hit.rule_id, before === undefined ? hit : { ...hit, hits: before.hits + hit.hits });
      }
      reached.set(key, { policy, hits: known });
      return result;
    },
    coverage: () => [...reached.values()].map(({ policy, hits }) => coverageOf(policy, [...hits.values()])),
  };
}

function coverageOf(policy: SuitePolicy, rules: readonly RuleHits[]): PolicyCoverage {
  const neverHit = rules.filter(({ hits }) => hits === 0).map(({ rule_id }) => rule_id);
  return {
    rules_files: policy.files,
    default_effect: policy.defaultEffect,
    rules,
    never_hit: neverHit,
    covered_rate: rules.length === 0 ? 1 : (rules.length - neverHit.length) / rules.length,
    policy,
  };
}

function runCases(
  file: TextFile,
  suite: PolicySuite,
  tested: SuitePolicy,
): { result: SuiteResult; hits: readonly RuleHits[] } {
  const { policy, ruleIds } = tested;
  const { cases } = suite;
  const report = simulate(policy, cases, { keptResults: 0, keptFailures: cases.length });
  const failures = new Map(report.failures.map((failure) => [failure.case_id, failure]));
  for (const failure of refusedByCatalog(cases, tested)) failures.set(failure.case_id, failure);
  const places = new Map<string, Position | null>();
  const checks = cases.map((one, index): Check => {
    const failure = failures.get(one.case_id);
    if (failure === undefined) return { name: one.case_id, problems: [] };
    const place = suite.locate(['cases', index, 'expect']);
    places.set(one.case_id, place);
    return { name: one.case_id, problems: [failedCase(one, failure, place, policy, ruleIds)] };
  });
  const result: SuiteResult = {
    checked: { file, checks },
    broken: [],
    cases: cases.length,
    failures: [...failures.values()].map((failure) => ({ ...failure, ...lineOf(places.get(failure.case_id) ?? null) })),
    rules: tested.files,
  };
  return { result, hits: report.coverage.rules };
}

/**
 * Cases whose context the catalog refuses, which a server denies before any rule; they are as expected when that is what
 * they expect.
 */
function refusedByCatalog(cases: readonly SimulationCase[], { catalog, policy }: SuitePolicy): CaseFailure[] {
  if (catalog === null) return [];
  return cases.flatMap((one): CaseFailure[] => {
    const { case_id, agent, action, expected_effect, expected_rule } = one;
    const unknown = unknownTo(catalog, { agent, action });
    const fault = contextFault(catalog, one);
    const expected = { case_id, expected: expected_effect ?? null, matched_rule: null };
    if (unknown !== null) {
      const { effect, matched_rule, reason } = decide(policy, one);
      return [{ ...expected, actual: effect, matched_rule, reason, message: `${unknown}: is the name right?` }];
    }
    if (fault === null || (expected_effect === 'deny' && expected_rule == null)) return [];
    const { reason } = fault;
    return [{ ...expected, actual: 'deny', reason, message: `a server denies this request: ${reason}` }];
  });
}

function lineOf(place: Position | null): { line: number | null; column: number | null } {
  return { line: place?.line ?? null, column: place?.column ?? null };
}

function failedCase(
  { case_id, expected_rule, agent, action, context }: SimulationCase,
  { message, matched_rule, reason }: CaseFailure,
  place: Position | null,
  policy: SuitePolicy['policy'],
  ruleIds: readonly string[],
): Problem {
  const request = { agent, action, context };
  const missed = expected_rule != null && expected_rule !== matched_rule;
  return {
    code: 'unexpected-decision',
    severity: 'error',
    message: `\`${case_id}\`: ${message}`,
    ruleId: matched_rule,
    place,
    notes: [
      { label: 'reason given', text: reason },
      ...(missed ? [{ label: 'why', text: whyNot(policy, request, expected_rule, ruleIds) }] : []),
      { label: 'request', text: shown(request, 400) },
    ],
    related: [],
  };
}

/** A suite that cannot be read: its faults are one failed check. */
function notRun(file: TextFile, { diagnostics }: PolicyFault, broken: readonly CheckedFile[] = []): SuiteResult {
  const checks = [{ name: 'the suite can be run', problems: diagnostics.map(faultProblem) }];
  return { checked: { file, checks }, broken, cases: 0, failures: [], rules: [] };
}

function brokenPolicy(file: TextFile, suite: PolicySuite, faults: readonly PolicyFault[]): SuiteResult {
  const inSuite = faults
    .filter((fault) => fault.file === null)
    .flatMap(({ diagnostics }) => diagnostics.map((each) => ({ ...each, ...(suite.locate(each.path) ?? {}) })));
  const inRules = faults.flatMap((fault): CheckedFile[] =>
    fault.file === null
      ? []
      : [
          {
            file: fault.file,
            checks: [{ name: 'the rules are valid', problems: fault.diagnostics.map(faultProblem) }],
          },
        ],
  );
  const names = inRules.map(({ file: { name } }) => `\`${name}\``).join(', ');
  const blocked: Diagnostic = {
    code: 'invalid-source',
    message: `its cases cannot be decided: ${names} has rules that are not valid`,
    rule_id: null,
    path: [],
    ...(suite.locate(['rules']) ?? {}),
  };
  const own = inSuite.length > 0 ? inSuite : [blocked];
  return { ...notRun(file, { file, diagnostics: own }, inRules), cases: suite.cases.length };
}

function faultProblem({ code, message, rule_id, line, column }: Diagnostic): Problem {
  const place = line === undefined ? null : { line, column: column ?? 1 };
  return { code, severity: 'error', message, ruleId: rule_id, place, notes: [], related: [] };
}
