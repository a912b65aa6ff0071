import { type Bitsets, bitsetWordsPerRule, buildBitsets, firstMatch } from './bitsets.js';
import { type Check, checkOf, outcome, type Resources, type Slots } from './check.js';
import { type Condition, fieldsOf, type Operator, type Test, testsOf } from './condition.js';
import { conditionCheck, partsInOrder } from './condition-check.js';
import { everyKind, type FieldReader, kindOf, kinds } from './field.js';
import type { Budget, Effect } from './generated/rule.js';
import { hostsOf } from './host.js';
import { limits } from './limits.js';
import { type Workload, workloadOf } from './work.js';

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

/** Above this many candidates a plan that is used again is turned into bitsets. */
export const bitsetThreshold = 32;
const usesBeforeBitsets = 2;

/** Everything about the candidates of one pair of agent and action that does not depend on the request's context. */
export interface Plan {
  /** The candidates in decision order. */
  readonly rules: readonly CompiledRule[];
  readonly fields: readonly string[];
  readonly readers: readonly FieldReader[];
  /** Kinds of each field's value that are a mismatch for some test, parallel to `readers`. */
  readonly mismatchKinds: readonly number[];
  /** Slots that `domain_in` reads hosts from; the hosts of `hostSources[i]` stand in slot `readers.length + i`. */
  readonly hostSources: readonly number[];
  /** Tests between fields, where kinds alone do not tell whether there is a mismatch. */
  readonly crossChecks: readonly Check[];
  readonly workload: Workload | null;
  /** How many of the rules there are up to and including the first one that always holds; those after it cannot win. */
  readonly reachable: number;
  /** What the conditions of the reachable rules come to, one rule after the other: each must be met up to its rule's end. */
  readonly steps: readonly Check[];
  readonly ends: readonly number[];
  readonly checkOf: (test: Test) => Check;
  readonly resources: Resources;
  bitsets: Bitsets | null;
  uses: number;
  mismatchable: (readonly MismatchableTest[])[] | null;
}

interface MismatchableTest {
  readonly check: Check;
  readonly field: string;
  readonly operator: Operator;
}

const { met } = outcome;

/** A plan for candidates that stand in decision order. */
export function buildPlan(rules: readonly CompiledRule[], resources: Resources): Plan {
  const tests = rules.flatMap((rule) => testsOf(rule.condition));
  const layout = layoutOf(tests);
  const checkFor = (test: Test): Check => sharedCheck(test, layout, resources);
  const mismatchKinds = layout.fields.map(() => 0);
  const crossChecks: Check[] = [];
  for (const test of tests) {
    const slot = layout.slot(test.field);
    mismatchKinds[slot] = (mismatchKinds[slot] ?? 0) | mismatchKindsOf(test);
    if (test.operand.kind === 'field' && canMismatch(test)) crossChecks.push(checkFor(test));
  }
  const end = rules.findIndex(({ condition }) => condition.kind === 'all' && condition.of.length === 0);
  const reachable = end === -1 ? rules.length : end + 1;
  const steps: Check[] = [];
  const ends: number[] = [];
  for (const { condition } of rules.slice(0, reachable)) {
    for (const part of partsInOrder(condition)) steps.push(conditionCheck(part, checkFor));
    ends.push(steps.length);
  }
  return {
    rules,
    fields: layout.fields,
    readers: layout.fields.map(resources.reader),
    mismatchKinds,
    hostSources: layout.hostSources,
    crossChecks,
    workload: workloadOf(tests, layout),
    reachable,
    steps,
    ends,
    checkOf: checkFor,
    resources,
    bitsets: null,
    uses: 0,
    mismatchable: null,
  };
}

/** The fields of a request's context; hosts are read later, once the work limit allows. */
export function readValues(plan: Plan, context: Readonly<Record<string, unknown>>): unknown[] {
  const { readers, hostSources } = plan;
  const values: unknown[] = [];
  for (let i = 0; i < readers.length; i++) values.push((readers[i] as FieldReader)(context));
  for (let i = 0; i < hostSources.length; i++) values.push(undefined);
  return values;
}

/** Reads the hosts that `domain_in` needs, and tells whether any test of any candidate may be a mismatch. */
export function readHosts(plan: Plan, values: unknown[]): boolean {
  const { mismatchKinds, hostSources, crossChecks } = plan;
  let suspicious = false;
  for (let i = 0; i < mismatchKinds.length; i++) {
    const mask = mismatchKinds[i] as number;
    if (mask !== 0 && (mask & kindOf(values[i])) !== 0) suspicious = true;
  }
  for (let i = 0; i < hostSources.length; i++) {
    const value = values[hostSources[i] as number];
    if (value === undefined) continue;
    const hosts = hostsOf(value);
    values[mismatchKinds.length + i] = hosts;
    if (hosts === null) suspicious = true;
  }
  for (let i = 0; i < crossChecks.length && !suspicious; i++) {
    suspicious = (crossChecks[i] as Check)(values) === outcome.mismatch;
  }
  return suspicious;
}

/** The index of the first rule that holds, or -1. */
export function winnerOf(plan: Plan, values: readonly unknown[]): number {
  if (plan.bitsets !== null) return firstMatch(plan.bitsets, values);
  if (plan.reachable > bitsetThreshold) {
    plan.uses += 1;
    if (plan.uses >= usesBeforeBitsets) {
      plan.bitsets = buildBitsets(plan);
      return firstMatch(plan.bitsets, values);
    }
  }
  return winnerByChecks(plan, values);
}

/** The same, by trying one rule after the other. */
export function winnerByChecks(plan: Plan, values: readonly unknown[]): number {
  const { steps, ends } = plan;
  let start = 0;
  for (let rule = 0; rule < ends.length; rule++) {
    const end = ends[rule] as number;
    let at = start;
    while (at < end && (steps[at] as Check)(values) === met) at += 1;
    if (at === end) return rule;
    start = end;
  }
  return -1;
}

/** The mismatches of the rules up to and including the winner (all of them when it is -1), at most 32. */
export function mismatches(plan: Plan, values: readonly unknown[], winner: number): EvaluationError[] {
  const last = winner === -1 ? plan.rules.length - 1 : winner;
  plan.mismatchable ??= plan.rules.map(({ condition }) =>
    testsOf(condition)
      .filter(canMismatch)
      .map((test) => ({ check: plan.checkOf(test), field: test.field, operator: test.operator })),
  );
  const errors: EvaluationError[] = [];
  for (let i = 0; i <= last; i++) {
    for (const { check, field, operator } of plan.mismatchable[i] ?? []) {
      if (check(values) !== outcome.mismatch) continue;
      errors.push({ code: 'type_mismatch', rule_id: (plan.rules[i] as CompiledRule).id, field, operator });
      if (errors.length === limits.errors) return errors;
    }
  }
  return errors;
}

/** The most words a plan may come to take, its bitsets included. */
export function planWeight(plan: Plan): number {
  const { length } = plan.rules;
  return 64 + length * (length > bitsetThreshold ? bitsetWordsPerRule : 16);
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

function layoutOf(tests: readonly Test[]): Layout {
  const slots = new Map<string, number>();
  const hosts = new Map<string, number>();
  for (const test of tests) {
    for (const field of fieldsOf(test)) if (!slots.has(field)) slots.set(field, slots.size);
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

const { string, array, object } = kinds;

function canMismatch(test: Test): boolean {
  switch (test.operator) {
    case '==':
    case '!=':
    case 'exists':
    case 'is_empty':
      return false;
    case 'in':
    case 'not_in':
      return test.operand.kind === 'field';
    default:
      return true;
  }
}

/** The kinds of the left side that are a mismatch whatever the value; tests between fields are checked one by one. */
function mismatchKindsOf(test: Test): number {
  if (!canMismatch(test) || test.operand.kind === 'field') return 0;
  const literal = test.operand.kind === 'value' ? typeof test.operand.value : '';
  switch (test.operator) {
    case 'contains':
    case 'not_contains':
      return literal === 'string' ? everyKind & ~(string | array) : everyKind & ~array;
    case 'any_in':
    case 'all_in':
      return object;
    case 'domain_in':
      return 0; // an absent host tells
    default:
      return literal === 'number' ? everyKind & ~kinds.number : everyKind & ~string;
  }
}
