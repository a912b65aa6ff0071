import { type Check, checkOf, outcome, type Resources, type Values } from './check.js';
import type { Scalar, Test } from './condition.js';
import type { Plan } from './plan.js';

/**
 * The rows of one field: for every class of values that its tests cannot tell apart, the rules that are still in play.
 * Classes are: missing, the booleans, empty and other arrays and objects, each string that a test names, all other
 * strings, each number that a test names, and the gaps between those.
 */
export interface FieldRows {
  readonly slot: number;
  readonly words: Uint32Array;
  readonly strings: ReadonlyMap<string, number>;
  readonly numbers: Float64Array;
  /** Row of the numbers below the first one named; the rows of points and gaps follow in turns. */
  readonly firstNumberRow: number;
  /** How many neighbouring numeric classes share a row, as a power of two, to keep within the budget. */
  readonly numberShift: number;
  /** Tests that the rows leave open for some class, with the index of their rule. */
  readonly undecided: readonly (readonly [rule: number, test: Test])[];
}

const row = {
  missing: 0,
  false: 1,
  true: 2,
  emptyArray: 3,
  array: 4,
  emptyObject: 5,
  object: 6,
  otherString: 7,
  firstOther: 8,
} as const;

/** Above this many values a literal list is looked up for the survivors instead. */
const maxNamedValues = 64;

/** The row for a value. */
export function rowOf(field: FieldRows, value: unknown): number {
  switch (typeof value) {
    case 'string':
      return field.strings.get(value) ?? row.otherString;
    case 'number':
      return field.firstNumberRow + (numberClass(field.numbers, value) >> field.numberShift);
    case 'boolean':
      return value ? row.true : row.false;
    case 'undefined':
      return row.missing;
    default:
      if (Array.isArray(value)) return value.length === 0 ? row.emptyArray : row.array;
      return isEmptyObject(value) ? row.emptyObject : row.object;
  }
}

/** `2i + 1` for the number at index i, `2i` for the gap before it. */
function numberClass(numbers: Float64Array, value: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === value ? 2 * low + 1 : 2 * low;
}

/** The rows of a field for the tests that each rule makes on it, in at most `budget` words. */
export function buildFieldRows(
  plan: Plan,
  field: string,
  testsByRule: ReadonlyMap<number, readonly Test[]>,
  ruleCount: number,
  budget: number,
): FieldRows {
  const slot = plan.fields.indexOf(field);
  const wordsPerRow = (ruleCount + 31) >> 5;
  const rules = [...testsByRule].map(([rule, tests]) => ruleOnField(rule, tests, plan.resources));
  const maxRows = Math.floor(budget / wordsPerRow) - row.firstOther - 2;
  if (maxRows < 0) return noRows(slot, rules);

  const named = namedStrings(rules, Math.floor(maxRows / 2));
  const numbers = numbersNamed(rules);
  const classes = 2 * numbers.length + 1;
  let numberShift = 0;
  while (classes >> numberShift > maxRows - named.strings.size) numberShift += 1;

  const firstNumberRow = row.firstOther + named.strings.size;
  const numberRows = ((classes - 1) >> numberShift) + 1;
  const words = new Uint32Array((firstNumberRow + numberRows) * wordsPerRow);
  const put = { words, wordsPerRow };
  const untouched = new Uint32Array(wordsPerRow);
  for (let rule = 0; rule < ruleCount; rule++) if (!testsByRule.has(rule)) flip(untouched, rule);
  fillConstantRows(put, rules, untouched);
  fillStringRows(put, rules, named);
  fillNumberRows(put, rules, numbers, { firstNumberRow, numberShift, untouched });
  return {
    slot,
    words,
    strings: named.strings,
    numbers,
    firstNumberRow,
    numberShift,
    undecided: rules.flatMap(({ rule, tests }) =>
      tests
        .filter(({ test, open, numbers: own }) => open || named.left.has(test) || (numberShift > 0 && own.length > 0))
        .map(({ test }) => [rule, test] as const),
    ),
  };
}

interface TestOnField {
  readonly test: Test;
  /** The test on a value that stands in slot 0. */
  readonly check: Check;
  /** Whether strings that no test names, or arrays, can come out differently. */
  readonly openStrings: boolean;
  readonly openNumbers: boolean;
  readonly openArrays: boolean;
  readonly open: boolean;
  readonly strings: readonly string[];
  readonly numbers: readonly number[];
}

interface RuleOnField {
  readonly rule: number;
  readonly tests: readonly TestOnField[];
}

function ruleOnField(rule: number, tests: readonly Test[], resources: Resources): RuleOnField {
  return { rule, tests: tests.map((test) => testOnField(test, resources)) };
}

const valueSlots = { slot: () => 0, hostSlot: () => 1 };

function testOnField(test: Test, resources: Resources): TestOnField {
  const check = checkOf(test, valueSlots, resources);
  const { openStrings, openNumbers, openArrays, literals } = reachOf(test);
  return {
    test,
    check,
    openStrings,
    openNumbers,
    openArrays,
    open: openStrings || openNumbers || openArrays,
    strings: openStrings ? [] : literals.filter((value) => typeof value === 'string'),
    numbers: openNumbers ? [] : literals.filter((value) => typeof value === 'number'),
  };
}

interface Reach {
  readonly openStrings: boolean;
  readonly openNumbers: boolean;
  readonly openArrays: boolean;
  readonly literals: readonly Scalar[];
}

/** What a test's outcome hangs on besides the class of a value. */
function reachOf({ operator, operand }: Test): Reach {
  const closed = { openStrings: false, openNumbers: false, openArrays: false };
  const literals = operand.kind === 'value' ? [operand.value] : operand.kind === 'values' ? operand.values : [];
  switch (operator) {
    case '==':
    case '!=':
      return { ...closed, literals };
    case '>=':
    case '<=':
    case '>':
    case '<':
      return { ...closed, openStrings: typeof literals[0] === 'string', literals };
    case 'exists':
      return { ...closed, literals: [] };
    case 'is_empty':
      return { ...closed, literals: [''] };
    case 'in':
    case 'not_in':
    case 'any_in':
    case 'all_in': {
      const open = operand.kind === 'list' || literals.length > maxNamedValues;
      const openArrays = operator === 'any_in' || operator === 'all_in';
      return { openStrings: open, openNumbers: open, openArrays, literals };
    }
    case 'contains':
    case 'not_contains':
      return { ...closed, openStrings: typeof literals[0] === 'string', openArrays: true, literals: [] };
    case 'starts_with':
    case 'ends_with':
    case 'matches':
      return { ...closed, openStrings: true, literals: [] };
    case 'domain_in':
      return { ...closed, openStrings: true, openArrays: true, literals: [] };
  }
}

interface Rows {
  readonly words: Uint32Array;
  readonly wordsPerRow: number;
}

function fillConstantRows(rows: Rows, rules: readonly RuleOnField[], untouched: Uint32Array): void {
  for (let at = 0; at < rows.words.length; at += rows.wordsPerRow) rows.words.set(untouched, at);
  const representatives: readonly (readonly [number, unknown])[] = [
    [row.missing, undefined],
    [row.false, false],
    [row.true, true],
    [row.emptyArray, []],
    [row.array, [null]],
    [row.emptyObject, {}],
    [row.object, { member: null }],
  ];
  for (const { rule, tests } of rules) {
    for (const [r, value] of representatives) {
      const open = (test: TestOnField) => test.openArrays && r === row.array;
      setBit(rows, r, rule, inPlay(tests, [value, null], open));
    }
  }
}

interface NamedStrings {
  readonly strings: ReadonlyMap<string, number>;
  /** Tests whose strings found no room. */
  readonly left: ReadonlySet<Test>;
}

/** A row for each string that some test names, as far as there is room. */
function namedStrings(rules: readonly RuleOnField[], maxRows: number): NamedStrings {
  const strings = new Map<string, number>();
  const left = new Set<Test>();
  for (const { tests } of rules) {
    for (const { test, strings: own } of tests) {
      const unseen = new Set(own.filter((text) => !strings.has(text)));
      if (strings.size + unseen.size > maxRows) {
        left.add(test);
        continue;
      }
      for (const text of unseen) strings.set(text, row.firstOther + strings.size);
    }
  }
  return { strings, left };
}

function fillStringRows(rows: Rows, rules: readonly RuleOnField[], { strings, left }: NamedStrings): void {
  const { words, wordsPerRow } = rows;
  const open = ({ test, openStrings }: TestOnField) => openStrings || left.has(test);
  let other = 'other';
  while (rules.some(({ tests }) => tests.some((test) => test.strings.includes(other)))) other += '.';
  for (const { rule, tests } of rules) setBit(rows, row.otherString, rule, inPlay(tests, [other, null], open));
  const otherRow = words.slice(row.otherString * wordsPerRow, (row.otherString + 1) * wordsPerRow);
  for (const r of strings.values()) words.set(otherRow, r * wordsPerRow);
  for (const { rule, tests } of rules) {
    for (const text of new Set(tests.flatMap((test) => (left.has(test.test) ? [] : test.strings)))) {
      const r = strings.get(text);
      if (r !== undefined) setBit(rows, r, rule, inPlay(tests, [text, null], open));
    }
  }
}

function numbersNamed(rules: readonly RuleOnField[]): Float64Array {
  const numbers = new Set<number>();
  for (const { tests } of rules) for (const test of tests) for (const number of test.numbers) numbers.add(number);
  return Float64Array.from(numbers).sort();
}

/**
 * A sweep over the numbers in order: each rule is evaluated on the points and gaps of its own numbers alone, which
 * gives the classes where its bit changes; between those the row before is copied.
 */
function fillNumberRows(
  { words, wordsPerRow }: Rows,
  rules: readonly RuleOnField[],
  numbers: Float64Array,
  {
    firstNumberRow,
    numberShift,
    untouched,
  }: Pick<FieldRows, 'firstNumberRow' | 'numberShift'> & { untouched: Uint32Array },
): void {
  const classes = 2 * numbers.length + 1;
  const changes: number[][] = Array.from({ length: classes }, () => []);
  for (const { rule, tests } of rules) {
    let before = false;
    for (const [at, representative] of ownClasses(tests, numbers)) {
      const now = inPlay(tests, [representative, null], ({ openNumbers }) => openNumbers);
      if (now !== before) changes[at]?.push(rule);
      before = now;
    }
  }
  const current = untouched.slice();
  for (let at = 0; at < classes; at++) {
    for (const rule of changes[at] ?? []) flip(current, rule);
    const start = (firstNumberRow + (at >> numberShift)) * wordsPerRow;
    for (let w = 0; w < wordsPerRow; w++) words[start + w] = (words[start + w] as number) | (current[w] as number);
  }
}

/** The classes where a rule's own numbers begin and end, with a number from each. */
function* ownClasses(tests: readonly TestOnField[], numbers: Float64Array): Generator<[at: number, number: number]> {
  const own = Float64Array.from(new Set(tests.flatMap((test) => test.numbers))).sort();
  yield [0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < own.length; i++) {
    const number = own[i] as number;
    const next = own[i + 1];
    const at = numberClass(numbers, number);
    yield [at, number];
    // Where two neighbours have no double between them the gap is empty and either of them will do.
    yield [at + 1, next === undefined ? Number.POSITIVE_INFINITY : number / 2 + next / 2];
  }
}

function inPlay(tests: readonly TestOnField[], values: Values, open: (test: TestOnField) => boolean): boolean {
  return tests.every((test) => open(test) || test.check(values) === outcome.met);
}

function noRows(slot: number, rules: readonly RuleOnField[]): FieldRows {
  const undecided = rules.flatMap(({ rule, tests }) => tests.map(({ test }) => [rule, test] as const));
  return {
    slot,
    words: new Uint32Array(0),
    strings: new Map(),
    numbers: new Float64Array(0),
    firstNumberRow: 0,
    numberShift: 0,
    undecided,
  };
}

function setBit({ words, wordsPerRow }: Rows, r: number, rule: number, on: boolean): void {
  const at = r * wordsPerRow + (rule >> 5);
  const bit = 1 << (rule & 31);
  words[at] = on ? (words[at] as number) | bit : (words[at] as number) & ~bit;
}

function flip(words: Uint32Array, rule: number): void {
  words[rule >> 5] = (words[rule >> 5] as number) ^ (1 << (rule & 31));
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
