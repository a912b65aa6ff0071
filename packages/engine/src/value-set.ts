import { type Check, checkOf, outcome, type Resources } from './check.js';
import type { Operator, Scalar, Test } from './condition.js';

/**
 * The classes of values that no test names: a test comes out the same for all values of one class, or is left open
 * there. Strings and numbers that tests do name stand beside them.
 */
export const valueClass = {
  missing: 0,
  false: 1,
  true: 2,
  emptyArray: 3,
  array: 4,
  emptyObject: 5,
  object: 6,
  otherString: 7,
} as const;

const constantRepresentatives: readonly unknown[] = [undefined, false, true, [], [null], {}, { member: null }];
const otherString = 1 << valueClass.otherString;

/** The values of its field that meet a test, as far as one value alone tells; where it does not, they are let in. */
export interface ValueSet {
  /** A bit for each value class that is in. */
  readonly classes: number;
  /** Strings that fare otherwise than other strings. */
  readonly strings: readonly string[];
  readonly numbers: NumberSet;
  /** Whether some value that is let in may not meet the test. */
  readonly open: boolean;
}

/** Numbers: `points` that fare otherwise than `others`, or all on one side of a bound. */
export type NumberSet =
  | { readonly kind: 'points'; readonly others: boolean; readonly points: readonly number[] }
  | { readonly kind: 'side'; readonly operator: Operator; readonly bound: number };

/** Above this many values a literal list is looked up for the survivors instead. */
const maxNamedValues = 64;

interface Shape {
  readonly classes: number;
  readonly otherNumbers: boolean;
}

/** Reads tests as value sets; remembers what tests that differ in their literals alone have in common. */
export function createValueSets(resources: Resources): (test: Test) => ValueSet {
  const shapes = new Map<string, Shape>();
  return (test) => {
    const { operator, operand } = test;
    const literals = operand.kind === 'value' ? [operand.value] : operand.kind === 'values' ? operand.values : [];
    const { openStrings, openNumbers, openArrays } = openness(test, literals);
    const key = shapeKey(test, literals);
    let shape = shapes.get(key);
    if (shape === undefined) {
      shape = shapeOf(checkOf(test, valueSlots, resources), literals);
      shapes.set(key, shape);
    }
    let { classes } = shape;
    if (openStrings) classes |= otherString;
    if (openArrays) classes |= 1 << valueClass.array;
    return {
      classes,
      strings: openStrings ? none : namedStrings(operator, literals),
      numbers: openNumbers ? everyNumber : numberSet(operator, literals, shape.otherNumbers),
      open: openStrings || openNumbers || openArrays,
    };
  };
}

const none: readonly never[] = [];
const everyNumber: NumberSet = { kind: 'points', others: true, points: none };
const valueSlots = { slot: () => 0, hostSlot: () => 1 };

/** What tests with the same key share: their outcome on every value that none of them names. */
function shapeKey({ operator, operand }: Test, literals: readonly Scalar[]): string {
  if (operand.kind === 'list') return `${operator} list ${operand.name}`;
  if (operand.kind === 'values') {
    // Literal arrays are sorted: null and the booleans come first.
    const first = literals.slice(0, 3);
    return `${operator} values ${first.includes(false)} ${first.includes(true)}`;
  }
  const [literal] = literals;
  return typeof literal === 'boolean' ? `${operator} ${literal}` : `${operator} ${typeof literal}`;
}

function shapeOf(check: Check, literals: readonly Scalar[]): Shape {
  let unnamed = 'other';
  while (literals.includes(unnamed)) unnamed += '.';
  let classes = 0;
  [...constantRepresentatives, unnamed].forEach((value, i) => {
    if (check([value, null]) === outcome.met) classes |= 1 << i;
  });
  // NaN stands for a number that no test names: it equals none of them.
  return { classes, otherNumbers: check([Number.NaN, null]) === outcome.met };
}

interface Openness {
  readonly openStrings: boolean;
  readonly openNumbers: boolean;
  readonly openArrays: boolean;
}

const closed: Openness = { openStrings: false, openNumbers: false, openArrays: false };
const openInStrings: Openness = { ...closed, openStrings: true };
const openInArrays: Openness = { ...closed, openArrays: true };
const openInBoth: Openness = { openStrings: true, openNumbers: false, openArrays: true };
const openInScalars: Openness = { openStrings: true, openNumbers: true, openArrays: false };
const openInAll: Openness = { openStrings: true, openNumbers: true, openArrays: true };

/** Where a test's outcome hangs on more than the class of a value. */
function openness({ operator, operand }: Test, literals: readonly Scalar[]): Openness {
  switch (operator) {
    case '==':
    case '!=':
    case 'exists':
    case 'is_empty':
      return closed;
    case '>=':
    case '<=':
    case '>':
    case '<':
      return typeof literals[0] === 'string' ? openInStrings : closed;
    case 'in':
    case 'not_in':
      return operand.kind === 'list' || literals.length > maxNamedValues ? openInScalars : closed;
    case 'any_in':
    case 'all_in':
      return operand.kind === 'list' || literals.length > maxNamedValues ? openInAll : openInArrays;
    case 'contains':
    case 'not_contains':
      return typeof literals[0] === 'string' ? openInBoth : openInArrays;
    case 'starts_with':
    case 'ends_with':
    case 'matches':
      return openInStrings;
    case 'domain_in':
      return openInBoth;
  }
}

function namedStrings(operator: Operator, literals: readonly Scalar[]): readonly string[] {
  if (operator === 'is_empty') return [''];
  return namesValues(operator) ? literals.filter((value) => typeof value === 'string') : none;
}

function numberSet(operator: Operator, literals: readonly Scalar[], others: boolean): NumberSet {
  const [literal] = literals;
  if (isOrder(operator)) {
    // Against a string every number is a mismatch.
    return typeof literal === 'number'
      ? { kind: 'side', operator, bound: literal }
      : { kind: 'points', others: false, points: none };
  }
  const points = namesValues(operator) ? literals.filter((value) => typeof value === 'number') : none;
  return { kind: 'points', others, points };
}

function isOrder(operator: Operator): boolean {
  return operator === '>=' || operator === '<=' || operator === '>' || operator === '<';
}

/** Whether a scalar that the test names fares otherwise than one that it does not. */
function namesValues(operator: Operator): boolean {
  switch (operator) {
    case '==':
    case '!=':
    case 'in':
    case 'not_in':
    case 'any_in':
    case 'all_in':
      return true;
    default:
      return false;
  }
}
