/** How long the exact analysis and the semantic diff take. CPU time: it hardly depends on what else the machine does. */
import { analyse, type CompiledPolicy, compile, type RuleInput, semanticDiff } from '@policy-studio/engine';
import { figure, median, publish, table } from '../report.js';
import { edited, respelled, rulesOver } from './workload.js';

const rounds = 15;

function compiled(rules: readonly RuleInput[]): CompiledPolicy {
  const policy = compile({ rules });
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy[0]));
  return policy;
}

/** CPU milliseconds of the first run and the median of those after it; each run has a policy of its own. */
function measured(prepare: () => () => string): { cold: number; warm: number; said: string } {
  const times: number[] = [];
  let said = '';
  for (let round = 0; round <= rounds; round++) {
    const run = prepare();
    const before = process.cpuUsage();
    said = run();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
    if (round >= 2 && times.reduce((sum, each) => sum + each, 0) > 20_000) break;
  }
  const [cold = 0, ...warm] = times;
  return { cold, warm: median(warm), said };
}

const analysed = (rules: readonly RuleInput[]) => () => {
  const policy = compiled(rules);
  return () => {
    const found = analyse(policy);
    const overlaps = found.overlaps.reduce((sum, { count }) => sum + count, 0);
    return `${found.neverMatches.length} never, ${found.unreachable.length} unreachable, ${found.redundant.length} redundant, ${overlaps} overlaps, ${found.undecided.length} undecided`;
  };
};
const diffed = (before: readonly RuleInput[], after: readonly RuleInput[]) => () => {
  const [a, b] = [compiled(before), compiled(after)];
  return () => {
    const { equal, changes, undecided } = semanticDiff(a, b);
    return equal ? 'equal' : `${changes.length} changes, ${undecided.length} undecided`;
  };
};

const thousand = rulesOver(1_000, 100);
const subjects: [string, () => () => string][] = [
  ['analyse 1,000 rules over 100 pairs', analysed(thousand)],
  ['analyse 10,000 rules over 1,000 pairs', analysed(rulesOver(10_000, 1_000))],
  ['the same, 20 of them in every pair', analysed(rulesOver(10_000, 1_000, { wide: 20 }))],
  ['analyse one pair of 10 rules', analysed(rulesOver(10, 1))],
  ['analyse one pair of 200 rules, one tenant each', analysed(rulesOver(200, 1, { narrow: true }))],
  ['analyse one pair of 200 rules that overlap', analysed(rulesOver(200, 1))],
  ['analyse one pair of 1,000 rules, one tenant each', analysed(rulesOver(1_000, 1, { narrow: true }))],
  ['analyse one pair of 1,000 rules that overlap', analysed(rulesOver(1_000, 1))],
  ['diff 1,000 rules, 5 % of them edited', diffed(thousand, edited(thousand, 5))],
  ['diff 1,000 rules with a renamed, reordered, respelled copy', diffed(thousand, respelled(thousand))],
  ['diff one pair of 200 rules, 5 % edited', diffed(rulesOver(200, 1), edited(rulesOver(200, 1), 5))],
];
const only = process.argv[2]?.startsWith('--') ? undefined : process.argv[2];
const rows = subjects
  .filter(([name]) => only === undefined || name.includes(only))
  .map(([name, prepare]) => {
    const { cold, warm, said } = measured(prepare);
    return [name, figure(cold), figure(warm), said];
  });
publish('analysis', table(['subject', 'first, ms', 'then, ms', 'found'], rows));
