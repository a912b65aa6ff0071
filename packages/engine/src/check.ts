import type { RE2JS } from 're2js';
import { sameJson } from './canonical.js';
import { compareCodePoints, isBelowSurrogates } from './code-points.js';
import type { Operand, Operator, Scalar, Test } from './condition.js';
import type { FieldReader } from './field.js';
import { hostName, hostWithin } from './host.js';
import { type Normalize, normalized } from './list.js';

/** How a test came out. Only `met` is true; combinators see the rest as false. */
export const outcome = { notMet: 0, met: 1, missing: 2, mismatch: 3 } as const;
export type Outcome = (typeof outcome)[keyof typeof outcome];

/** The fields of one request, one slot each, read once; `undefined` is missing. */
export type Values = readonly unknown[];
export type Check = (values: Values) => Outcome;

/** What tests look up while a policy lives: each pattern and list is made ready once. */
export interface Resources {
  reader(field: string): FieldReader;
  /** The check kept under the key, made the first time. */
  check(key: string, make: () => Check): Check;
  pattern(source: string): RE2JS;
  list(name: string): { readonly members: ReadonlySet<unknown>; readonly normalize: Normalize | undefined };
  listDomains(name: string): ReadonlySet<string>;
}

/** Where a field's value, and the hosts read from it, stand among the values. */
export interface Slots {
  slot(field: string): number;
  hostSlot(field: string): number;
}

const { notMet, met, missing, mismatch } = outcome;

/** The test as a function of the values. Where both sides are fields, a missing one comes before a mismatch. */
export function checkOf(test: Test, slots: Slots, resources: Resources): Check {
  const slot = slots.slot(test.field);
  const { operator, operand } = test;
  switch (operator) {
    case 'exists':
      return isValue(operand, true)
        ? (values) => (values[slot] === undefined ? missing : met)
        : (values) => (values[slot] === undefined ? met : notMet);
    case 'is_empty':
      return isValue(operand, true)
        ? (values) => (values[slot] === undefined || isEmpty(values[slot]) ? met : notMet)
        : (values) => (values[slot] === undefined ? missing : isEmpty(values[slot]) ? notMet : met);
    case 'domain_in':
      return domainCheck(slots.hostSlot(test.field), slot, operand, slots, resources);
    default:
      break;
  }
  if (operand.kind === 'field') return fieldCheck(operator, slot, slots.slot(operand.field));
  if (operand.kind === 'value') return valueCheck(operator, slot, operand.value, resources);
  const { members, normalize } =
    operand.kind === 'list'
      ? resources.list(operand.name)
      : { members: new Set<unknown>(operand.values), normalize: undefined };
  return membershipCheck(operator, slot, members, normalize);
}

function valueCheck(operator: Operator, slot: number, literal: Scalar, resources: Resources): Check {
  switch (operator) {
    case '==':
      return (values) => {
        const value = values[slot];
        return value === literal ? met : value === undefined ? missing : notMet;
      };
    case '!=':
      return (values) => {
        const value = values[slot];
        return value === undefined ? missing : value !== literal ? met : notMet;
      };
    case '>=':
    case '<=':
    case '>':
    case '<':
      return typeof literal === 'number' ? numberOrder(operator, slot, literal) : stringOrder(operator, slot, literal);
    case 'matches': {
      const pattern = resources.pattern(literal as string);
      return (values) => {
        const value = values[slot];
        if (typeof value === 'string') return pattern.test(value) ? met : notMet;
        return value === undefined ? missing : mismatch;
      };
    }
    default: {
      const compare = pairwise(operator);
      return (values) => {
        const value = values[slot];
        return value === undefined ? missing : compare(value, literal);
      };
    }
  }
}

type Order = '>=' | '<=' | '>' | '<';

function numberOrder(operator: Order, slot: number, literal: number): Check {
  // One closure per operator: the comparison inside is what the hot path runs.
  switch (operator) {
    case '>=':
      return (values) => {
        const value = values[slot];
        return typeof value === 'number' ? (value >= literal ? met : notMet) : value === undefined ? missing : mismatch;
      };
    case '<=':
      return (values) => {
        const value = values[slot];
        return typeof value === 'number' ? (value <= literal ? met : notMet) : value === undefined ? missing : mismatch;
      };
    case '>':
      return (values) => {
        const value = values[slot];
        return typeof value === 'number' ? (value > literal ? met : notMet) : value === undefined ? missing : mismatch;
      };
    case '<':
      return (values) => {
        const value = values[slot];
        return typeof value === 'number' ? (value < literal ? met : notMet) : value === undefined ? missing : mismatch;
      };
  }
}

function stringOrder(operator: Order, slot: number, literal: unknown): Check {
  const text = literal as string;
  const holds = orderHolds(operator);
  const compare = isBelowSurrogates(text)
    ? (value: string) => (value < text ? -1 : value > text ? 1 : 0)
    : (value: string) => compareCodePoints(value, text);
  return (values) => {
    const value = values[slot];
    if (typeof value === 'string') return holds(compare(value)) ? met : notMet;
    return value === undefined ? missing : mismatch;
  };
}

function orderHolds(operator: Order): (sign: number) => boolean {
  switch (operator) {
    case '>=':
      return (sign) => sign >= 0;
    case '<=':
      return (sign) => sign <= 0;
    case '>':
      return (sign) => sign > 0;
    case '<':
      return (sign) => sign < 0;
  }
}

/** Membership in a set that the policy knows. */
function membershipCheck(
  operator: Operator,
  slot: number,
  members: ReadonlySet<unknown>,
  normalize: Normalize | undefined,
): Check {
  const has =
    normalize === undefined
      ? (value: unknown) => members.has(value)
      : (value: unknown) => members.has(typeof value === 'string' ? normalized(value, normalize) : value);
  switch (operator) {
    case 'in':
      return (values) => {
        const value = values[slot];
        return value === undefined ? missing : has(value) ? met : notMet;
      };
    case 'not_in':
      return (values) => {
        const value = values[slot];
        return value === undefined ? missing : has(value) ? notMet : met;
      };
    default: {
      const every = operator === 'all_in';
      return (values) => {
        const value = values[slot];
        return value === undefined ? missing : arrayMembership(value, has, every);
      };
    }
  }
}

function arrayMembership(value: unknown, has: (element: unknown) => boolean, every: boolean): Outcome {
  if (typeof value !== 'object') return has(value) ? met : notMet;
  if (!Array.isArray(value)) return mismatch;
  if (every) return value.length > 0 && value.every(has) ? met : notMet;
  return value.some(has) ? met : notMet;
}

function fieldCheck(operator: Operator, left: number, right: number): Check {
  const compare = pairwise(operator);
  return (values) => {
    const a = values[left];
    const b = values[right];
    return a === undefined || b === undefined ? missing : compare(a, b);
  };
}

/** The meaning of an operator between two present values, wherever the right one comes from. */
function pairwise(operator: Operator): (left: unknown, right: unknown) => Outcome {
  switch (operator) {
    case '==':
      return (left, right) => (sameJson(left, right) ? met : notMet);
    case '!=':
      return (left, right) => (sameJson(left, right) ? notMet : met);
    case '>=':
    case '<=':
    case '>':
    case '<': {
      const holds = orderHolds(operator);
      return (left, right) => {
        if (typeof left === 'number' && typeof right === 'number') {
          return holds(left < right ? -1 : left > right ? 1 : 0) ? met : notMet;
        }
        if (typeof left !== 'string' || typeof right !== 'string') return mismatch;
        return holds(compareCodePoints(left, right)) ? met : notMet;
      };
    }
    case 'contains':
      return includes;
    case 'not_contains':
      return (left, right) => {
        const found = includes(left, right);
        return found === mismatch ? mismatch : found === met ? notMet : met;
      };
    case 'starts_with':
      return (left, right) =>
        typeof left !== 'string' || typeof right !== 'string' ? mismatch : left.startsWith(right) ? met : notMet;
    case 'ends_with':
      return (left, right) =>
        typeof left !== 'string' || typeof right !== 'string' ? mismatch : left.endsWith(right) ? met : notMet;
    case 'in':
      return (left, right) => (!Array.isArray(right) ? mismatch : isIn(left, right) ? met : notMet);
    case 'not_in':
      return (left, right) => (!Array.isArray(right) ? mismatch : isIn(left, right) ? notMet : met);
    case 'any_in':
    case 'all_in':
      return (left, right) => {
        if (!Array.isArray(right)) return mismatch;
        const members = new Set(right.filter(isScalar));
        return arrayMembership(left, (element) => members.has(element), operator === 'all_in');
      };
    default:
      throw new Error(`the operator ${operator} compares no pairs`);
  }
}

function includes(left: unknown, right: unknown): Outcome {
  if (typeof left === 'string') return typeof right !== 'string' ? mismatch : left.includes(right) ? met : notMet;
  if (!Array.isArray(left) || !isScalar(right)) return mismatch;
  return left.includes(right) ? met : notMet;
}

function domainCheck(hostSlot: number, slot: number, operand: Operand, slots: Slots, resources: Resources): Check {
  if (operand.kind === 'field') {
    const right = slots.slot(operand.field);
    return (values) => {
      const entries = values[right];
      if (values[slot] === undefined || entries === undefined) return missing;
      return Array.isArray(entries) ? domainOutcome(values[hostSlot], domainsOf(entries)) : mismatch;
    };
  }
  const domains = operand.kind === 'list' ? resources.listDomains(operand.name) : domainsOf(literalsOf(operand));
  return (values) => (values[slot] === undefined ? missing : domainOutcome(values[hostSlot], domains));
}

function domainOutcome(hosts: unknown, domains: ReadonlySet<string>): Outcome {
  if (!Array.isArray(hosts)) return mismatch;
  return hosts.length > 0 && hosts.every((host: string) => hostWithin(host, domains)) ? met : notMet;
}

/** The entries that are host names, as hosts. */
export function domainsOf(entries: readonly unknown[]): ReadonlySet<string> {
  const domains = new Set<string>();
  for (const entry of entries) {
    const host = typeof entry === 'string' ? hostName(entry) : null;
    if (host !== null) domains.add(host);
  }
  return domains;
}

function literalsOf(operand: Operand): readonly Scalar[] {
  return operand.kind === 'values' ? operand.values : operand.kind === 'value' ? [operand.value] : [];
}

function isValue(operand: Operand, value: Scalar): boolean {
  return operand.kind === 'value' && operand.value === value;
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isIn(value: unknown, array: readonly unknown[]): boolean {
  return isScalar(value) && array.includes(value);
}

function isEmpty(value: unknown): boolean {
  if (value === '') return true;
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}
