/** How many cases a second are decided and counted, and what made-up cases and mutants cost. CPU time, on one core. */
import {
  type CompiledPolicy,
  compareOn,
  compile,
  compileCatalog,
  decide,
  defaultCatalog,
  mutationCoverage,
  parseCases,
  prepareCases,
  type RuleInput,
  type SimulationCase,
  simulate,
  syntheticCases,
  tallyCases,
} from '@policy-studio/engine';
import { edited, rulesOver } from '../analysis/workload.js';
import { figure, median, publish, table } from '../report.js';
import { serverTimes } from './api.js';

const rounds = 15;
const count = 100_000;

function compiled(rules: readonly RuleInput[]): CompiledPolicy {
  const policy = compile({ rules });
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy[0]));
  return policy;
}

/** A thousand made-up cases a hundred times over, each with a context of its own, in an order that jumps between pairs. */
function casesFor(policy: CompiledPolicy): SimulationCase[] {
  const made = syntheticCases([policy], { count: 1000, seed: 1337 });
  return Array.from({ length: count }, (_, i) => {
    const one = made[(i * 389) % made.length] as SimulationCase;
    return { ...one, case_id: `case-${i}`, context: structuredClone(one.context) };
  });
}

/** CPU milliseconds of the first run, and the median of those after it. */
function measured(run: () => unknown): { first: number; later: number } {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  const [first = 0, ...rest] = times;
  return { first, later: median(rest) };
}

const perSecond = (cases: number, ms: number) => `${figure(cases / ms / 1000)} M/s`;

const speeds: string[][] = [];
for (const [name, rules] of [
  ['100 rules, 10 in each pair', rulesOver(100, 10)],
  ['1,000 rules, 10 in each pair', rulesOver(1_000, 100)],
  ['200 rules in one pair', rulesOver(200, 1)],
] as const) {
  const policy = compiled(rules);
  const other = compiled(edited(rules, 5));
  const cases = casesFor(policy);
  const prepared = prepareCases(cases);
  const { summary } = simulate(policy, cases);
  const tallied = tallyCases(policy, prepared).summary;
  if (JSON.stringify(summary) !== JSON.stringify(tallied)) throw new Error('the two ways count differently');
  const decided = (result: { later: number }) => perSecond(count, result.later);
  speeds.push([
    name,
    decided(measured(() => tallyCases(policy, prepared))),
    decided(measured(() => tallyCases(policy, prepareCases(cases)))),
    decided(measured(() => cases.filter((one) => decide(policy, one).default).length)),
    decided(measured(() => simulate(policy, cases))),
    decided(measured(() => compareOn(policy, other, cases))),
    `${((100 * (summary.total_cases - summary.no_match_count)) / summary.total_cases).toFixed(0)} %`,
  ]);
}

const catalog = compileCatalog(defaultCatalog);
if (Array.isArray(catalog)) throw new Error(JSON.stringify(catalog[0]));
/** The workload's rules under names that the default catalog knows. */
function underKnownNames(rules: readonly RuleInput[]): RuleInput[] {
  return rules.map((rule, i): RuleInput => {
    const { agent } = defaultCatalog.agents[i % 3] ?? { agent: '*' };
    const { action } = defaultCatalog.actions[i % 9] ?? { action: '*' };
    return { ...rule, agent, action };
  });
}
const catalogued = underKnownNames(rulesOver(100, 10));
const policy = compiled(catalogued);
const thousand = syntheticCases([policy], { count: 1000, seed: 1337, catalog });
const jsonl = thousand.map((one) => JSON.stringify(one)).join('\n');
const csv = ['case_id,agent,action,risk_score,category,recipient'];
for (let i = 0; i < 1000; i++) csv.push(`case-${i},inbox.triage,quarantine,${i % 100},spam,"x, y@example.com"`);

const tasks: [string, () => unknown][] = [
  ['make up 1,000 cases', () => syntheticCases([policy], { count: 1000, seed: 1337, catalog })],
  [
    'make up 1,000 cases and simulate them',
    () => simulate(policy, syntheticCases([policy], { count: 1000, seed: 7, catalog })),
  ],
  ['read 1,000 cases of JSONL', () => parseCases(jsonl, 'jsonl')],
  ['read 1,000 cases of CSV', () => parseCases(csv.join('\n'), 'csv')],
  ['try 200 mutants of 100 rules on 1,000 cases', () => mutationCoverage(catalogued, {}, thousand, { catalog })],
];
const times = tasks.map(([name, run]) => {
  const { first, later } = measured(run);
  return [name, figure(first), figure(later)];
});

const api: string[][] = [];
for (const rules of [20, 100, 1_000]) {
  const { first, later } = await serverTimes(underKnownNames(rulesOver(rules, 10)));
  later.sort((a, b) => a - b);
  const p95 = later[Math.floor(later.length * 0.95)] ?? Number.NaN;
  api.push([rules.toLocaleString('en'), figure(first), figure(median(later)), figure(p95)]);
}

publish(
  'simulate',
  [
    '100,000 cases on one core. Prepared cases are counted without a result for each; `first` reads their fields, `again` finds them read.',
    '',
    table(['rules', 'prepared, again', 'prepared, first', 'decide only', 'simulate', 'compare two', 'matched'], speeds),
    '',
    table(['task', 'first, ms', 'then, ms'], times),
    '',
    '1,000 made-up cases over the API: what the server says an answer took, by the clock.',
    '',
    table(['rules', 'first, ms', 'then p50', 'p95'], api),
  ].join('\n'),
);
