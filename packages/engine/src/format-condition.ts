import { canonicalJson } from './canonical.js';
import {
  type AllOf,
  type AnyOf,
  type Condition,
  comparisons,
  type Operand,
  type Scalar,
  type Test,
} from './condition.js';

/** A string that a bare field would read as an operator and a number. */
export const operatorValue = /^(>=|<=|==|!=|>|<)\s*(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/;

/**
 * The canonical spelling of a condition: comparison before the field, word after it, equality bare. Tests that would
 * need the same key twice go into an `all`. `parseCondition` of it gives the same condition back.
 */
export function formatCondition(condition: Condition): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  const displaced: Record<string, unknown>[] = [];
  for (const child of condition.kind === 'all' ? condition.of : [condition]) {
    const [key, value] = entryOf(child);
    if (Object.hasOwn(object, key)) displaced.push(formatCondition(child));
    else setOwn(object, key, value);
  }
  if (displaced.length > 0) object.all = displaced;
  return object;
}

/** The right side of a test as it is written. */
export function formatOperand(operand: Operand): unknown {
  switch (operand.kind) {
    case 'value':
      return operand.value;
    case 'values':
      return [...operand.values];
    case 'list':
      return { list: operand.name };
    case 'field':
      return { field: operand.field };
  }
}

/** `all` of the children in normal form: flat, sorted, without duplicates, a single child by itself. */
export function allOf(children: readonly Condition[]): Condition {
  return combined('all', children);
}

/** `any` of the children in normal form. */
export function anyOf(children: readonly Condition[]): Condition {
  return combined('any', children);
}

function combined(kind: 'all' | 'any', children: readonly Condition[]): Condition {
  const flat = children.some((child) => child.kind === kind)
    ? children.flatMap((child) => (child.kind === kind ? (child as AllOf | AnyOf).of : [child]))
    : children;
  if (flat.length === 1) return flat[0] as Condition;
  if (flat.length === 0) return { kind, of: [] };
  const keyed = flat.map((child) => ({ child, key: sortKey(child) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const of = keyed.filter((entry, i) => i === 0 || entry.key !== keyed[i - 1]?.key).map((entry) => entry.child);
  return of.length === 1 ? (of[0] as Condition) : { kind, of };
}

/** Literal values in normal form: null, false, true, numbers ascending, strings by UTF-16 units; none twice. */
export function sortedValues(values: readonly Scalar[]): Scalar[] {
  return [...new Set(values.map((value) => (value === 0 ? 0 : value)))].sort(compareScalars);
}

const comparisonSet: ReadonlySet<string> = new Set(comparisons);
const combinators: ReadonlySet<string> = new Set(['any', 'all', 'not']);

function entryOf(condition: Condition): [key: string, value: unknown] {
  switch (condition.kind) {
    case 'test':
      return [keyOf(condition), formatOperand(condition.operand)];
    case 'not':
      return ['not', formatCondition(condition.of)];
    case 'any':
    case 'all':
      return [condition.kind, condition.of.map(formatCondition)];
  }
}

function keyOf({ field, operator, operand }: Test): string {
  if (operator === '==') {
    const readsDifferently =
      combinators.has(field) ||
      (operand.kind === 'value' && typeof operand.value === 'string' && operatorValue.test(operand.value));
    return readsDifferently ? `==${field}` : field;
  }
  return comparisonSet.has(operator) ? operator + field : `${field} ${operator}`;
}

/** Children are sorted by the RFC 8785 text of their canonical spelling. */
function sortKey(condition: Condition): string {
  if (condition.kind === 'all') return canonicalJson(formatCondition(condition));
  const [key, value] = entryOf(condition);
  return `{${JSON.stringify(key)}:${canonicalJson(value)}}`;
}

function compareScalars(a: Scalar, b: Scalar): number {
  const rank = scalarRank(a) - scalarRank(b);
  if (rank !== 0) return rank;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return Number(a) - Number(b);
}

function scalarRank(value: Scalar): number {
  return value === null ? 0 : typeof value === 'boolean' ? 1 : typeof value === 'number' ? 2 : 3;
}

function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}
