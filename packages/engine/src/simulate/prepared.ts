import type { CompiledPolicy } from '../compile.js';
import { contextOf } from '../decide.js';
import { fieldReader } from '../field.js';
import { type CompiledRule, type Plan, readHosts, winnerOf } from '../plan.js';
import { planFor } from '../policy-index.js';
import { exceedsWork } from '../work.js';
import type { SimulationCase } from './case.js';
import { type RuleCoverage, ruleCoverage } from './rule-coverage.js';
import {
  type CaseBudgetLimits,
  createTally,
  defaultBudgetLimits,
  type SimulationSummary,
  type Tally,
} from './summary.js';

/**
 * Cases ready to be counted again and again while the rules change: by pair of agent and action, the fields in columns.
 * A field is read from all cases of a pair when rules first ask for it, and kept.
 */
export interface PreparedCases {
  readonly count: number;
  /** The engine's own. */
  readonly groups: readonly CaseGroup[];
}

interface CaseGroup {
  readonly agent: string;
  readonly action: string;
  readonly contexts: readonly Readonly<Record<string, unknown>>[];
  readonly columns: Map<string, readonly unknown[]>;
}

export interface CaseTally {
  readonly summary: SimulationSummary;
  readonly coverage: RuleCoverage;
}

/** The cases, ready for `tallyCases`. Later changes to their contexts may or may not be seen. */
export function prepareCases(cases: Iterable<SimulationCase>): PreparedCases {
  const byAgent = new Map<string, Map<string, Readonly<Record<string, unknown>>[]>>();
  let count = 0;
  for (const one of cases) {
    const { agent, action } = one;
    let byAction = byAgent.get(agent);
    if (byAction === undefined) {
      byAction = new Map();
      byAgent.set(agent, byAction);
    }
    const contexts = byAction.get(action);
    if (contexts === undefined) byAction.set(action, [contextOf(one)]);
    else contexts.push(contextOf(one));
    count += 1;
  }
  const groups = [...byAgent].flatMap(([agent, byAction]) =>
    [...byAction].map(([action, contexts]) => ({ agent, action, contexts, columns: new Map() })),
  );
  return { count, groups };
}

/** What `simulate` counts over the same cases, some times faster: no result of any one case is made. */
export function tallyCases(
  policy: CompiledPolicy,
  prepared: PreparedCases,
  options: { readonly limits?: Partial<CaseBudgetLimits> } = {},
): CaseTally {
  const tally = createTally();
  for (const group of prepared.groups) {
    const plan = planFor(policy.index, group.agent, group.action);
    tallyGroup(plan, group, tally);
  }
  const limits = { ...defaultBudgetLimits, ...options.limits };
  return { summary: tally.summary(limits), coverage: ruleCoverage(policy, tally.hits()) };
}

function tallyGroup(plan: Plan, group: CaseGroup, tally: Tally): void {
  const columns = plan.fields.map((field) => columnOf(group, field));
  const fields = columns.length;
  const slots = fields + plan.hostSources.length + plan.memoSlots;
  const wins = plan.rules.map(() => 0);
  let exhausted = 0;
  let unmatched = 0;
  // One array for all cases: whatever a decision leaves in it is overwritten by the next.
  const values: unknown[] = Array.from({ length: slots });
  for (let row = 0; row < group.contexts.length; row++) {
    for (let i = 0; i < fields; i++) values[i] = (columns[i] as readonly unknown[])[row];
    for (let i = fields; i < slots; i++) values[i] = undefined;
    if (plan.workload !== null && exceedsWork(plan.workload, values)) {
      exhausted += 1;
      continue;
    }
    readHosts(plan, values);
    const winner = winnerOf(plan, values);
    if (winner === -1) unmatched += 1;
    else wins[winner] = (wins[winner] as number) + 1;
  }
  wins.forEach((cases, place) => {
    if (cases > 0) tally.addDecided(plan.rules[place] as CompiledRule, cases);
  });
  tally.addUndecided('no_match', unmatched);
  tally.addUndecided('deny', exhausted);
}

function columnOf({ columns, contexts }: CaseGroup, field: string): readonly unknown[] {
  const known = columns.get(field);
  if (known !== undefined) return known;
  const read = fieldReader(field);
  const kept = new Map<string, string>();
  const column = contexts.map((context) => {
    const value = read(context);
    if (typeof value !== 'string') return value;
    // Equal texts become one object, which stays in the processor's cache when rules look at it again.
    const same = kept.get(value);
    if (same === undefined && kept.size < maxKeptTexts) kept.set(value, value);
    return same ?? value;
  });
  columns.set(field, column);
  return column;
}

const maxKeptTexts = 4096;
