import { type Check, outcome, type Resources, type Slots, type Values } from './check.js';
import type { Condition, Test } from './condition.js';
import { conditionCheck, conjunction } from './condition-check.js';
import { type FieldRows, type FieldTests, fillRows, planRows, type RowPlan, rowOf } from './field-rows.js';
import { createValueSets } from './value-set.js';

/**
 * Candidates as bits in decision order. For every field a row of bits tells, by the field's value, which rules it
 * leaves in play; the rows of one request are intersected word by word, and what could not be told from single values
 * is checked for the survivors alone.
 */
export interface Bitsets {
  readonly wordsPerRow: number;
  /** The rows of all fields, one after the other. */
  readonly words: Uint32Array;
  readonly fields: readonly FieldRows[];
  /** Per rule, what the rows do not decide; null when they decide it all. */
  readonly residuals: readonly (Check | null)[];
  /** Where each field's row begins, for the request at hand. */
  readonly offsets: Int32Array;
}

/** The most 32-bit words of rows a plan may hold, for each of its rules: 24 MB for 10,000 rules in one pair. */
export const bitsetWordsPerRule = 600;

/** What the conditions of rules are built with. */
export interface BitsetParts {
  readonly conditions: readonly Condition[];
  readonly slots: Slots;
  readonly checkOf: (test: Test) => Check;
  readonly resources: Resources;
}

/** The bitsets of conditions in decision order. Less room means coarser rows, never another answer. */
export function buildBitsets(parts: BitsetParts, wordsPerRule: number = bitsetWordsPerRule): Bitsets {
  const { conditions, checkOf } = parts;
  const count = conditions.length;
  const wordsPerRow = (count + 31) >> 5;
  const residuals = new Map<number, Condition[]>();
  const leave = (rule: number, part: Condition) => {
    const rest = residuals.get(rule);
    if (rest === undefined) residuals.set(rule, [part]);
    else rest.push(part);
  };
  const setOf = createValueSets(parts.resources);
  const plans: RowPlan[] = [];
  let rows = 0;
  const maxRows = Math.floor((count * wordsPerRule) / wordsPerRow);
  for (const field of fieldsInOrder(parts, leave)) {
    const plan = planRows(field, setOf, maxRows - rows);
    const open = plan?.undecided ?? field.tests.keys();
    for (const at of open) leave(field.rules[at] as number, field.tests[at] as Test);
    if (plan === null) continue;
    plans.push(plan);
    rows += plan.rowCount;
  }
  const words = new Uint32Array(rows * wordsPerRow);
  let start = 0;
  const fields = plans.map((plan) => {
    const filled = fillRows(plan, words, start, count);
    start += plan.rowCount * wordsPerRow;
    return filled;
  });
  const checks = new Array<Check | null>(count).fill(null);
  for (const [rule, rest] of residuals) checks[rule] = conjunction(rest.map((part) => conditionCheck(part, checkOf)));
  return { wordsPerRow, words, fields, residuals: checks, offsets: new Int32Array(fields.length) };
}

/** The index of the first rule that holds, or -1. */
export function firstMatch(bitsets: Bitsets, values: Values): number {
  const { fields, offsets, residuals, words, wordsPerRow } = bitsets;
  const count = fields.length;
  if (wordsPerRow === 1) {
    // Most pairs: the fields after the one that leaves no rule in play need no look.
    let word = -1;
    for (let f = 0; f < count && word !== 0; f++) {
      const field = fields[f] as FieldRows;
      word &= words[rowOf(field, values[field.slot])] as number;
    }
    return firstInWord(residuals, values, word, 0);
  }
  for (let f = 0; f < count; f++) {
    const field = fields[f] as FieldRows;
    offsets[f] = rowOf(field, values[field.slot]);
  }
  for (let w = 0; w < wordsPerRow; w++) {
    let word = -1;
    for (let f = 0; f < count && word !== 0; f++) word &= words[(offsets[f] as number) + w] as number;
    if (word === 0) continue;
    const rule = firstInWord(residuals, values, word, w << 5);
    if (rule !== -1) return rule;
  }
  return -1;
}

/** The index of the first rule from `from` on that holds, or -1. */
export function nextMatch(bitsets: Bitsets, values: Values, from: number): number {
  const { fields, residuals, words, wordsPerRow } = bitsets;
  const offsets = fields.map((field) => rowOf(field, values[field.slot]));
  for (let w = from >> 5; w < wordsPerRow; w++) {
    let word = w === from >> 5 ? -1 << (from & 31) : -1;
    for (let f = 0; f < offsets.length && word !== 0; f++) word &= words[(offsets[f] as number) + w] as number;
    if (word === 0) continue;
    const rule = firstInWord(residuals, values, word, w << 5);
    if (rule !== -1) return rule;
  }
  return -1;
}

/** The first rule of those whose bits are set, from `base` on, that its residual lets through too; -1 when none does. */
function firstInWord(residuals: readonly (Check | null)[], values: Values, bits: number, base: number): number {
  for (let word = bits; word !== 0; word &= word - 1) {
    const rule = base + 31 - Math.clz32(word & -word);
    // With no rows at all, the bits beyond the last rule are still set.
    if (rule >= residuals.length) return -1;
    const residual = residuals[rule] as Check | null;
    if (residual === null || residual(values) === outcome.met) return rule;
  }
  return -1;
}

/**
 * Per field, the tests of it that every match must meet and that look at no other field; the other parts of the
 * conditions go to `leave`. The field that most rules hold to a few values comes first, since it empties most words.
 */
function fieldsInOrder(
  { conditions, slots }: BitsetParts,
  leave: (rule: number, part: Condition) => void,
): FieldTests[] {
  const fields: (FieldTests & { weight: number })[] = [];
  conditions.forEach((condition, rule) => {
    for (const part of condition.kind === 'all' ? condition.of : [condition]) {
      if (part.kind !== 'test' || part.operand.kind === 'field') {
        leave(rule, part);
        continue;
      }
      const slot = slots.slot(part.field);
      let field = fields[slot];
      if (field === undefined) {
        field = { slot, rules: [], tests: [], weight: 0 };
        fields[slot] = field;
      }
      field.rules.push(rule);
      field.tests.push(part);
      field.weight += part.operator === '==' || part.operator === 'in' ? 2 : 1;
    }
  });
  return fields.filter((field) => field !== undefined).sort((a, b) => b.weight - a.weight);
}
