import type { Test } from './condition.js';
import { type NumberSet, type ValueSet, valueClass } from './value-set.js';

/** Where the rows of one field begin, by the field's value: for every class of values a row of bits, one for each rule. */
export interface FieldRows {
  readonly slot: number;
  /** The first word of the row of `valueClass` 0; the rows of the other classes follow. */
  readonly start: number;
  readonly wordsPerRow: number;
  /** First words of the rows of strings that some test names. */
  readonly strings: ReadonlyMap<string, number>;
  /** The numbers that some test names, ascending. */
  readonly numbers: readonly number[];
  /** Row of the numbers below the first one named; the rows of points and gaps follow in turns. */
  readonly numberStart: number;
  /** How many neighbouring numeric classes share a row, as a power of two, to keep within the budget. */
  readonly numberShift: number;
}

const { otherString } = valueClass;
const constantRows = otherString + 1;
// Shared, so that the many small plans of a large bundle stay small.
const noStrings = new Map<string, number>();
const noNumbers: readonly number[] = [];

/** The first word of the row for a value. */
export function rowOf(field: FieldRows, value: unknown): number {
  switch (typeof value) {
    case 'string':
      return field.strings.get(value) ?? field.start + otherString * field.wordsPerRow;
    case 'number':
      return field.numberStart + (numberClass(field.numbers, value) >> field.numberShift) * field.wordsPerRow;
    default:
      return field.start + classOf(value) * field.wordsPerRow;
  }
}

function classOf(value: unknown): number {
  if (value === undefined) return valueClass.missing;
  if (typeof value === 'boolean') return value ? valueClass.true : valueClass.false;
  if (Array.isArray(value)) return value.length === 0 ? valueClass.emptyArray : valueClass.array;
  return isEmptyObject(value) ? valueClass.emptyObject : valueClass.object;
}

/** `2i + 1` for the number at index i, `2i` for the gap before it. */
function numberClass(numbers: readonly number[], value: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === value ? 2 * low + 1 : 2 * low;
}

/** What the rules of a plan ask of one field. */
export interface FieldTests {
  readonly slot: number;
  /** The rule of each test, ascending, parallel to `tests`; a rule with two tests stands there twice. */
  readonly rules: number[];
  readonly tests: Test[];
}

/** The rows of one field before they are filled. */
export interface RowPlan {
  readonly field: FieldTests;
  readonly sets: readonly ValueSet[];
  /** Numbers the strings in the order of their rows. */
  readonly strings: ReadonlyMap<string, number>;
  readonly numbers: readonly number[];
  readonly numberShift: number;
  readonly numberRows: number;
  readonly rowCount: number;
  /** Places in `field.tests` that the rows leave open for some value. */
  readonly undecided: readonly number[];
}

/** The rows that a field's tests need, in at most `maxRows`; null when there is no room for the fewest that make sense. */
export function planRows(field: FieldTests, setOf: (test: Test) => ValueSet, maxRows: number): RowPlan | null {
  if (maxRows < constantRows + 2) return null;
  const room = maxRows - constantRows;
  const strings = new Map<string, number>();
  const points = new Set<number>();
  const undecided: number[] = [];
  const sets = field.tests.map((test, at) => {
    const set = roomForStrings(setOf(test), strings, room >> 1);
    if (set.open) undecided.push(at);
    addNumbers(points, set.numbers);
    return set;
  });
  const numbers = points.size === 0 ? noNumbers : [...points].sort((a, b) => a - b);
  const classes = 2 * numbers.length + 1;
  let numberShift = 0;
  while (((classes - 1) >> numberShift) + 1 > room - strings.size) numberShift += 1;
  const numberRows = ((classes - 1) >> numberShift) + 1;
  const rowCount = constantRows + strings.size + numberRows;
  if (numberShift > 0) {
    // Neighbouring classes share a row, so a rule that tells numbers apart is asked again.
    sets.forEach((set, at) => {
      if (!set.open && namesNumbers(set.numbers)) undecided.push(at);
    });
  }
  return { field, sets, strings, numbers, numberShift, numberRows, rowCount, undecided };
}

/** The set with its strings numbered; one that lets all strings in when they find no room. */
function roomForStrings(set: ValueSet, strings: Map<string, number>, maxStrings: number): ValueSet {
  if (set.strings.length === 0) return set;
  if (strings.size + set.strings.length > maxStrings && set.strings.some((text) => !strings.has(text))) {
    return { ...set, classes: set.classes | (1 << otherString), strings: [], open: true };
  }
  for (const text of set.strings) if (!strings.has(text)) strings.set(text, strings.size);
  return set;
}

function addNumbers(points: Set<number>, numbers: NumberSet): void {
  if (numbers.kind === 'side') points.add(numbers.bound);
  else for (const point of numbers.points) points.add(point);
}

function namesNumbers(numbers: NumberSet): boolean {
  return numbers.kind === 'side' || numbers.points.length > 0;
}

/**
 * Fills a field's rows in `words`, all zero there, from `start` on. Nothing is evaluated: each rule sets the bits of its
 * own values over what all other values share, and along the numbers each row is the one before with the rules flipped
 * that begin or end there.
 */
export function fillRows(plan: RowPlan, words: Uint32Array, start: number, ruleCount: number): FieldRows {
  const wordsPerRow = (ruleCount + 31) >> 5;
  const { field, numbers, numberShift } = plan;
  const stringStart = start + constantRows * wordsPerRow;
  const numberStart = stringStart + plan.strings.size * wordsPerRow;
  const numberEnd = numberStart + plan.numberRows * wordsPerRow;
  const untouched = untouchedBy(field.rules, ruleCount);
  for (let row = 0; row < constantRows; row++) words.set(untouched, start + row * wordsPerRow);
  words.set(untouched, numberStart);

  const indexes = new Map<number, number>();
  numbers.forEach((number, i) => {
    indexes.set(number, i);
  });
  const demands = demandsOf(plan, indexes);
  for (const { rule, classes, ranges } of demands) {
    for (let rest = classes; rest !== 0; rest &= rest - 1) {
      flip(words, start + (31 - Math.clz32(rest & -rest)) * wordsPerRow, rule);
    }
    for (let i = 0; i < ranges.length; i++) {
      const at = numberStart + (ranges[i] as number) * wordsPerRow;
      if (at < numberEnd) flip(words, at, rule);
    }
  }
  for (let i = numberStart + wordsPerRow; i < numberEnd; i++) {
    words[i] = (words[i] as number) ^ (words[i - wordsPerRow] as number);
  }

  const rowsOfStrings = plan.strings.size === 0 ? noStrings : new Map<string, number>();
  const others = start + otherString * wordsPerRow;
  for (const [text, row] of plan.strings) {
    const at = stringStart + row * wordsPerRow;
    words.copyWithin(at, others, others + wordsPerRow);
    rowsOfStrings.set(text, at);
  }
  for (const { rule, strings } of demands) {
    for (const text of strings) flip(words, rowsOfStrings.get(text) as number, rule);
  }
  return { slot: field.slot, start, wordsPerRow, strings: rowsOfStrings, numbers, numberStart, numberShift };
}

/** Rules that ask nothing of a field are in play whatever its value. */
function untouchedBy(rules: readonly number[], ruleCount: number): Uint32Array {
  const untouched = new Uint32Array((ruleCount + 31) >> 5).fill(0xffffffff);
  if ((ruleCount & 31) !== 0) untouched[untouched.length - 1] = 2 ** (ruleCount & 31) - 1;
  for (const rule of rules) {
    untouched[rule >> 5] = (untouched[rule >> 5] as number) & ~(1 << (rule & 31));
  }
  return untouched;
}

/** All that one rule asks of a field. */
interface Demand {
  readonly rule: number;
  readonly classes: number;
  /** Strings that fare otherwise than other strings. */
  readonly strings: readonly string[];
  /** Rows of numbers where the rule begins and ends to be in play, in turns, ascending. */
  readonly ranges: readonly number[];
}

function demandsOf({ field, sets, numberShift }: RowPlan, indexes: ReadonlyMap<number, number>): Demand[] {
  const demands: Demand[] = [];
  const { rules } = field;
  for (let at = 0; at < rules.length; at++) {
    const rule = rules[at] as number;
    let { classes, strings, numbers } = sets[at] as ValueSet;
    let ranges = rangesOf(numbers, indexes);
    while (rules[at + 1] === rule) {
      at += 1;
      const other = sets[at] as ValueSet;
      strings = commonStrings({ classes, strings }, other);
      ranges = commonRanges(ranges, rangesOf(other.numbers, indexes));
      classes &= other.classes;
    }
    demands.push({ rule, classes, strings, ranges: numberShift === 0 ? ranges : coarser(ranges, numberShift) });
  }
  return demands;
}

type StringSet = Pick<ValueSet, 'classes' | 'strings'>;

function commonStrings(a: StringSet, b: StringSet): string[] {
  const letsIn = (set: StringSet, text: string) => letsOthersIn(set) !== set.strings.includes(text);
  const others = letsOthersIn(a) && letsOthersIn(b);
  return [...new Set([...a.strings, ...b.strings])].filter((text) => (letsIn(a, text) && letsIn(b, text)) !== others);
}

function letsOthersIn({ classes }: StringSet): boolean {
  return (classes & (1 << otherString)) !== 0;
}

/** The numeric classes of a set: from the first of each pair up to, without, the second. */
function rangesOf(set: NumberSet, indexes: ReadonlyMap<number, number>): readonly number[] {
  const end = 2 * indexes.size + 1;
  if (set.kind === 'side') {
    const point = 2 * (indexes.get(set.bound) as number) + 1;
    switch (set.operator) {
      case '>=':
        return [point, end];
      case '>':
        return [point + 1, end];
      case '<':
        return [0, point];
      default:
        return [0, point + 1];
    }
  }
  if (set.points.length === 0) return set.others ? [0, end] : noNumbers;
  const ranges: number[] = set.others ? [0] : [];
  for (const number of set.points) {
    const point = 2 * (indexes.get(number) as number) + 1;
    ranges.push(point, point + 1);
  }
  if (set.others) ranges.push(end);
  return ranges;
}

/** What two lists of ranges have in common. */
function commonRanges(a: readonly number[], b: readonly number[]): number[] {
  const common: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i] as number, b[j] as number);
    const to = Math.min(a[i + 1] as number, b[j + 1] as number);
    if (from < to) common.push(from, to);
    if (a[i + 1] === to) i += 2;
    else j += 2;
  }
  return common;
}

/** The ranges in rows that 2^shift neighbouring classes share. */
function coarser(ranges: readonly number[], shift: number): number[] {
  const rows: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const from = (ranges[i] as number) >> shift;
    const to = (((ranges[i + 1] as number) - 1) >> shift) + 1;
    if (rows.length > 0 && (rows.at(-1) as number) >= from) rows[rows.length - 1] = to;
    else rows.push(from, to);
  }
  return rows;
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** Flips the bit of a rule in the row that begins at the word. */
function flip(words: Uint32Array, row: number, rule: number): void {
  const at = row + (rule >> 5);
  words[at] = (words[at] as number) ^ (1 << (rule & 31));
}
