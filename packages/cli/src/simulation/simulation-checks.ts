import type { CaseFailure, MutationReport, Position, SimulationReport, Survivor } from '@policy-studio/engine';
import { shown } from '../output.js';
import type { Check, CheckedFile, Problem } from '../report/report.js';
import type { CompiledRules } from '../rules-file.js';
import type { Dataset } from './dataset.js';
import { offeredCase } from './mutation-text.js';

interface Simulated {
  readonly rules: CompiledRules;
  readonly dataset: Dataset;
  readonly report: SimulationReport;
  readonly mutation: MutationReport | null;
}

/**
 * What a simulation checks: each case that expects something, the limits of the budgets, the rules that no case is decided
 * by (information), and the changes that no case notices, which fail below the least score.
 */
export function simulationChecks(
  simulated: Simulated,
  placeOf: (failure: CaseFailure) => Position | null,
  leastScore: number | null,
): CheckedFile[] {
  const { rules, dataset } = simulated;
  const cases = caseChecks(simulated, placeOf);
  const ofRules = [budgetCheck(simulated.report), ...hitChecks(simulated), ...mutantChecks(simulated, leastScore)];
  if (dataset.file === null) return [{ file: rules.file, checks: [...cases, ...ofRules] }];
  return [
    { file: dataset.file, checks: cases },
    { file: rules.file, checks: ofRules },
  ];
}

function caseChecks({ dataset, report }: Simulated, placeOf: (failure: CaseFailure) => Position | null): Check[] {
  const failures = new Map(report.failures.map((failure) => [failure.case_id, failure]));
  return dataset.cases
    .filter(
      ({ expected_effect, expected_rule, expected_reason }) =>
        expected_effect !== undefined || expected_rule !== undefined || expected_reason !== undefined,
    )
    .map(({ case_id, agent, action, context }): Check => {
      const failure = failures.get(case_id);
      if (failure === undefined) return { name: case_id, problems: [] };
      const problem: Problem = {
        ...plainProblem,
        code: 'unexpected-decision',
        severity: 'error',
        message: `\`${case_id}\`: ${failure.message}`,
        ruleId: failure.matched_rule,
        place: placeOf(failure),
        notes: [
          { label: 'reason given', text: failure.reason },
          { label: 'request', text: shown({ agent, action, context }, 400) },
        ],
      };
      return { name: case_id, problems: [problem] };
    });
}

const plainProblem = { ruleId: null, place: null, notes: [], related: [] } as const;

function budgetCheck({ summary }: SimulationReport): Check {
  const problems = summary.breaches.map(
    ({ message }): Problem => ({ ...plainProblem, code: 'limit-breach', severity: 'error', message }),
  );
  return { name: 'the cases keep within the limits of cost and compute', problems };
}

/** A rule that decides no case is worth a look, and no more: the cases may be few. */
function hitChecks({ rules, report }: Simulated): Check[] {
  return report.coverage.rules.map(({ rule_id, hits }): Check => {
    const name = `${rule_id} decides a case`;
    if (hits > 0) return { name, problems: [] };
    const problem: Problem = {
      ...plainProblem,
      code: 'never-hit',
      severity: 'info',
      message: `\`${rule_id}\` decided none of the cases`,
      ruleId: rule_id,
      place: rulePlace(rules, rule_id),
    };
    return { name, problems: [problem] };
  });
}

function mutantChecks({ rules, dataset, mutation }: Simulated, leastScore: number | null): Check[] {
  if (mutation === null) return [];
  const isTooLow = leastScore !== null && mutation.score * 100 < leastScore;
  const low: Problem = {
    ...plainProblem,
    code: 'low-score',
    severity: 'error',
    message: `the cases notice ${(mutation.score * 100).toFixed(1)} % of the changes that can be noticed, fewer than ${leastScore ?? 0} %`,
  };
  const least: Check[] =
    leastScore === null
      ? []
      : [{ name: `the cases notice ${leastScore} % of the changes`, problems: isTooLow ? [low] : [] }];
  const survivors = mutation.survived.map(
    (survivor): Check => ({ name: survivor.mutant, problems: [survivorProblem(survivor, rules, dataset.isSuite)] }),
  );
  return [...least, ...survivors];
}

function survivorProblem(
  { rule_id, description, case: offered }: Survivor,
  rules: CompiledRules,
  forSuite: boolean,
): Problem {
  return {
    code: 'surviving-mutant',
    severity: 'info',
    message: `no case notices this change of \`${rule_id}\`: ${description}`,
    ruleId: rule_id,
    place: rulePlace(rules, rule_id),
    notes: [{ label: 'a case that would', text: offeredCase(offered, forSuite) }],
    related: [],
  };
}

function rulePlace({ rules, source }: CompiledRules, ruleId: string): Position | null {
  const index = rules.findIndex(({ id }) => id === ruleId);
  return index === -1 ? null : source.locate([index]);
}
