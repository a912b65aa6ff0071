import { type Bitsets, buildBitsets, firstMatch, nextMatch } from './bitsets.js';
import { type Check, checkOf, type Outcome, outcome, type Resources, type Slots } from './check.js';
import { type Condition, type Test, visitTests } from './condition.js';
import { conditionCheck, partsInOrder } from './condition-check.js';
import type { FieldReader } from './field.js';
import type { Budget, Effect } from './generated/rule.js';
import { hostsOf } from './host.js';
import { limits } from './limits.js';
import { anyMismatch, firstMismatches, type MismatchSources, mismatchSources } from './mismatch.js';
import { evaluationKey, type Workload, workloadOf } from './work.js';

/** What a decision needs of an enabled rule. */
export interface CompiledRule {
  readonly id: string;
  readonly effect: Effect;
  readonly priority: number;
  readonly reason: string;
  readonly budget: Readonly<Budget> | null;
  readonly minApprovers: number | null;
  readonly condition: Condition;
  /** Place among all enabled rules of the bundle in decision order. */
  readonly rank: number;
}

export interface EvaluationError {
  code: 'type_mismatch' | 'work_exhausted';
  rule_id?: string;
  field?: string;
  operator?: string;
}

/** Above this many candidates a plan holds bitsets in place of steps: they take less memory to touch than closures. */
export const bitsetThreshold = 4;

/** Everything about the candidates of one pair of agent and action that does not depend on the request's context. */
export interface Plan {
  /** The candidates in decision order. */
  readonly rules: readonly CompiledRule[];
  readonly fields: readonly string[];
  readonly readers: readonly FieldReader[];
  /** Slots that `domain_in` reads hosts from; the hosts of `hostSources[i]` stand in slot `readers.length + i`. */
  readonly hostSources: readonly number[];
  /** How many slots follow, for outcomes of tests that several rules make. */
  readonly memoSlots: number;
  readonly mismatchable: MismatchSources;
  readonly workload: Workload | null;
  /** How the winner is found: by trying one rule after the other, or all at once. */
  readonly search: Steps | Bitsets;
  readonly checkOf: (test: Test) => Check;
  /** Words of memory, about. */
  readonly weight: number;
}

/** What the conditions of rules come to, one rule after the other: each must be met up to its rule's end. */
export interface Steps {
  readonly checks: readonly Check[];
  readonly ends: readonly number[];
}

const { met } = outcome;

/** A plan for candidates that stand in decision order. */
export function buildPlan(rules: readonly CompiledRule[], resources: Resources): Plan {
  const tests: Test[] = [];
  const rulesOfTests: number[] = [];
  rules.forEach(({ condition }, rule) => {
    visitTests(condition, (test) => {
      tests.push(test);
      rulesOfTests.push(rule);
    });
  });
  const layout = layoutOf(tests);
  const memos = repeatedEvaluations(tests, layout.fields.length + layout.hostSources.length);
  const checkFor = memoizing(memos, (test) => sharedCheck(test, layout, resources));
  const mismatchable = mismatchSources(tests, rulesOfTests, layout, checkFor);
  const conditions = reachableConditions(rules);
  const search =
    conditions.length > bitsetThreshold
      ? buildBitsets({ conditions, slots: layout, checkOf: checkFor, resources })
      : buildSteps(conditions, checkFor);
  return {
    rules,
    fields: layout.fields,
    readers: layout.fields.map(resources.reader),
    hostSources: layout.hostSources,
    memoSlots: memos.size,
    mismatchable,
    workload: workloadOf(tests, layout),
    search,
    checkOf: checkFor,
    weight: 64 + 4 * rules.length + 8 * tests.length + weightOf(search),
  };
}

/** The conditions up to and including the first that always holds; rules after it cannot win. */
export function reachableConditions(rules: readonly CompiledRule[]): Condition[] {
  const end = rules.findIndex(({ condition }) => condition.kind === 'all' && condition.of.length === 0);
  return rules.slice(0, end === -1 ? rules.length : end + 1).map(({ condition }) => condition);
}

/** The steps of conditions in decision order. */
export function buildSteps(conditions: readonly Condition[], checkFor: (test: Test) => Check): Steps {
  const checks: Check[] = [];
  const ends: number[] = [];
  for (const condition of conditions) {
    for (const part of partsInOrder(condition)) checks.push(conditionCheck(part, checkFor));
    ends.push(checks.length);
  }
  return { checks, ends };
}

/** The fields of a request's context; hosts are read later, once the work limit allows. */
export function readValues(plan: Plan, context: Readonly<Record<string, unknown>>): unknown[] {
  const { readers } = plan;
  const values: unknown[] = [];
  for (let i = 0; i < readers.length; i++) values.push((readers[i] as FieldReader)(context));
  for (let i = plan.hostSources.length + plan.memoSlots; i > 0; i--) values.push(undefined);
  return values;
}

/** Reads the hosts that `domain_in` needs: null where a value has none. */
export function readHosts({ readers, hostSources }: Plan, values: unknown[]): void {
  for (let i = 0; i < hostSources.length; i++) {
    const value = values[hostSources[i] as number];
    if (value !== undefined) values[readers.length + i] = hostsOf(value);
  }
}

/** The index of the first rule that holds, or -1. */
export function winnerOf({ search }: Plan, values: readonly unknown[]): number {
  return 'words' in search ? firstMatch(search, values) : firstByChecks(search, values);
}

/** The index of the first rule from `from` on that holds, or -1: what would win without those before it. */
export function nextOf(plan: Plan, values: readonly unknown[], from: number): number {
  const { search, rules } = plan;
  const isBits = 'words' in search;
  const next = isBits ? nextMatch(search, values, from) : -1;
  if (next !== -1) return next;
  // Beyond a rule that always holds nothing can win, so the search ends there.
  for (let rule = isBits ? Math.max(from, search.residuals.length) : from; rule < rules.length; rule++) {
    if (conditionCheck((rules[rule] as CompiledRule).condition, plan.checkOf)(values) === met) return rule;
  }
  return -1;
}

/** As `winnerOf`, by trying one rule after the other. */
export function firstByChecks({ checks, ends }: Steps, values: readonly unknown[]): number {
  let start = 0;
  for (let rule = 0; rule < ends.length; rule++) {
    const end = ends[rule] as number;
    let at = start;
    while (at < end && (checks[at] as Check)(values) === met) at += 1;
    if (at === end) return rule;
    start = end;
  }
  return -1;
}

/** The mismatches of the rules up to and including the winner (all of them when it is -1), at most 32. */
export function mismatches(plan: Plan, values: readonly unknown[], winner: number): EvaluationError[] {
  if (!anyMismatch(plan.mismatchable, values)) return [];
  const last = winner === -1 ? plan.rules.length - 1 : winner;
  return firstMismatches(plan.mismatchable, values, last, limits.errors).map(({ rule, field, operator }) => ({
    code: 'type_mismatch',
    rule_id: (plan.rules[rule] as CompiledRule).id,
    field,
    operator,
  }));
}

function weightOf(search: Steps | Bitsets): number {
  if (!('words' in search)) return 8 * search.checks.length;
  const named = search.fields.reduce((sum, { strings, numbers }) => sum + 8 * strings.size + 2 * numbers.length, 0);
  return search.words.length + search.residuals.length + named;
}

export interface Layout extends Slots {
  readonly fields: readonly string[];
  readonly hostSources: readonly number[];
}

/** Checks of the same test on the same slot are shared by all plans of a policy: thousands of plans then fit a cache. */
function sharedCheck(test: Test, layout: Layout, resources: Resources): Check {
  if (test.operand.kind !== 'value') return checkOf(test, layout, resources);
  const { value } = test.operand;
  const key = `${test.operator} ${layout.slot(test.field)} ${typeof value} ${value}`;
  return resources.check(key, () => checkOf(test, layout, resources));
}

/** A slot, from `first` on, for each evaluation that several tests share. */
function repeatedEvaluations(tests: readonly Test[], first: number): ReadonlyMap<string, number> {
  const seen = new Set<string>();
  const slots = new Map<string, number>();
  for (const test of tests) {
    const key = evaluationKey(test);
    if (key === null) continue;
    if (!seen.has(key)) seen.add(key);
    else if (!slots.has(key)) slots.set(key, first + slots.size);
  }
  return slots;
}

/** Checks that keep their outcome among the values of the request where several rules ask for it. */
function memoizing(slots: ReadonlyMap<string, number>, checkFor: (test: Test) => Check): (test: Test) => Check {
  if (slots.size === 0) return checkFor;
  const made = new Map<number, Check>();
  return (test) => {
    const key = evaluationKey(test);
    const slot = key === null ? undefined : slots.get(key);
    if (slot === undefined) return checkFor(test);
    const known = made.get(slot);
    if (known !== undefined) return known;
    const check = checkFor(test);
    const memoized: Check = (values) => {
      const outcomes = values as (Outcome | undefined)[];
      outcomes[slot] ??= check(values);
      return outcomes[slot];
    };
    made.set(slot, memoized);
    return memoized;
  };
}

function layoutOf(tests: readonly Test[]): Layout {
  const slots = new Map<string, number>();
  const hosts = new Map<string, number>();
  for (const test of tests) {
    if (!slots.has(test.field)) slots.set(test.field, 0);
    if (test.operand.kind === 'field' && !slots.has(test.operand.field)) slots.set(test.operand.field, 0);
    if (test.operator === 'domain_in' && !hosts.has(test.field)) hosts.set(test.field, hosts.size);
  }
  // Sorted, so that plans that read the same fields have them in the same slots.
  const fields = [...slots.keys()].sort();
  fields.forEach((field, i) => {
    slots.set(field, i);
  });
  const slot = (field: string): number => slots.get(field) as number;
  return {
    fields,
    hostSources: [...hosts.keys()].map(slot),
    slot,
    hostSlot: (field) => slots.size + (hosts.get(field) as number),
  };
}
