import { canonicalJson } from './canonical.js';
import type { Slots } from './check.js';
import type { Test } from './condition.js';
import { formatOperand } from './format-condition.js';
import { limits } from './limits.js';

/** How much work one field's value causes, for each UTF-16 unit of a string or element of an array. */
interface FieldWork {
  readonly slot: number;
  /** for each unit of a string */
  perUnit: number;
  /** for each element of an array */
  perElement: number;
  /** for each unit of the strings in an array */
  perInnerUnit: number;
}

/** The expensive tests of a plan, by the fields they read. */
export type Workload = readonly FieldWork[];

const perUnitOfPattern = 16;
const perUnitOfHost = 16;

/** The distinct expensive tests; null when there are none. */
export function workloadOf(tests: readonly Test[], slots: Slots): Workload | null {
  const bySlot = new Map<number, FieldWork>();
  const seen = new Set<string>();
  // The hosts of a field are read once, however many tests look at them.
  const hostFields = new Set<string>();
  const workOn = (field: string): FieldWork => {
    const slot = slots.slot(field);
    const known = bySlot.get(slot) ?? { slot, perUnit: 0, perElement: 0, perInnerUnit: 0 };
    bySlot.set(slot, known);
    return known;
  };
  for (const test of tests) {
    const key = workKey(test);
    if (key === null || seen.has(key)) continue;
    seen.add(key);
    const left = workOn(test.field);
    const right = test.operand.kind === 'field' ? workOn(test.operand.field) : null;
    switch (test.operator) {
      case 'matches':
        left.perUnit += perUnitOfPattern;
        break;
      case 'domain_in':
        if (hostFields.has(test.field)) break;
        hostFields.add(test.field);
        left.perUnit += perUnitOfHost;
        left.perInnerUnit += perUnitOfHost;
        break;
      case 'in':
      case 'not_in':
        break;
      default:
        left.perUnit += 1;
        left.perElement += 1;
    }
    if (right === null) continue;
    if (test.operator === 'domain_in') right.perInnerUnit += perUnitOfHost;
    else right.perElement += 1;
  }
  return bySlot.size === 0 ? null : [...bySlot.values()];
}

/**
 * What makes two tests one evaluation, for tests whose evaluation can take long; null for the others. The work limit
 * counts such a test once however many rules make it, so it must be evaluated once.
 */
export function evaluationKey(test: Test): string | null {
  const { operator, field, operand } = test;
  switch (operator) {
    case 'matches':
    case 'contains':
    case 'not_contains':
    case 'any_in':
    case 'all_in':
    case 'domain_in':
      break;
    default:
      if (operand.kind === 'value' || operand.kind === 'values') return null;
  }
  return `${operator} ${field} ${canonicalJson(formatOperand(operand))}`;
}

/** What makes two tests one piece of work; null for a test whose work is not counted. */
function workKey(test: Test): string | null {
  switch (test.operator) {
    case 'domain_in':
    case 'in':
    case 'not_in':
      return test.operand.kind === 'field' || test.operator === 'domain_in'
        ? `${test.operator} ${test.field} ${test.operand.kind === 'field' ? test.operand.field : ''}`
        : null;
    case 'matches':
    case 'contains':
    case 'not_contains':
    case 'any_in':
    case 'all_in':
      return `${test.operator} ${test.field} ${canonicalJson(formatOperand(test.operand))}`;
    default:
      return null;
  }
}

/** Whether evaluating the candidates of a plan on these values is more work than one decision may cause. */
export function exceedsWork(workload: Workload, values: readonly unknown[]): boolean {
  let total = 0;
  for (const { slot, perUnit, perElement, perInnerUnit } of workload) {
    const value = values[slot];
    if (typeof value === 'string') total += value.length * perUnit;
    else if (Array.isArray(value)) {
      total += value.length * perElement;
      if (perInnerUnit > 0) total += unitsIn(value) * perInnerUnit;
    }
  }
  return total > limits.work;
}

function unitsIn(array: readonly unknown[]): number {
  let units = 0;
  for (const element of array) if (typeof element === 'string') units += element.length;
  return units;
}
