import { type Check, outcome, type Values } from './check.js';
import type { Condition, Test } from './condition.js';
import { conditionCheck, conjunction } from './condition-check.js';
import { buildFieldRows, type FieldRows, rowOf } from './field-rows.js';
import type { Plan } from './plan.js';

/**
 * Candidates as bits in decision order. For every field a row of bits tells, by the field's value, which rules it
 * leaves in play; the rows of one request are intersected word by word, and what could not be told from single values
 * is checked for the survivors alone.
 */
export interface Bitsets {
  readonly wordsPerRow: number;
  readonly fields: readonly FieldRows[];
  /** Per rule, what the rows do not decide; null when they decide it all. */
  readonly residuals: readonly (Check | null)[];
  /** Where each field's row begins, for the request at hand. */
  readonly offsets: Int32Array;
}

/** The most words of rows a plan may hold, for each of its rules. */
export const bitsetWordsPerRule = 600;

/** The bitsets of a plan's rules, up to and including the first one that always holds. Less room means coarser rows, never another answer. */
export function buildBitsets(plan: Plan, wordsPerRule: number = bitsetWordsPerRule): Bitsets {
  const count = plan.reachable;
  const wordsPerRow = (count + 31) >> 5;
  const parts = plan.rules.slice(0, count).map(({ condition }) => partsOf(condition));
  const residuals: Condition[][] = parts.map(({ rest }) => [...rest]);
  let budget = count * wordsPerRule;
  const fields: FieldRows[] = [];
  for (const [field, testsByRule] of byField(parts.map(({ tests }) => tests))) {
    const rows = buildFieldRows(plan, field, testsByRule, count, budget);
    for (const [rule, test] of rows.undecided) residuals[rule]?.push(test);
    if (rows.words.length === 0) continue;
    budget -= rows.words.length;
    fields.push(rows);
  }
  return {
    wordsPerRow,
    fields,
    residuals: residuals.map((rest) => (rest.length === 0 ? null : residualCheck(rest, plan))),
    offsets: new Int32Array(fields.length),
  };
}

/** The index of the first rule that holds, or -1. */
export function firstMatch(bitsets: Bitsets, values: Values): number {
  const { fields, offsets, residuals, wordsPerRow } = bitsets;
  const count = fields.length;
  for (let f = 0; f < count; f++) {
    const field = fields[f] as FieldRows;
    offsets[f] = rowOf(field, values[field.slot]) * wordsPerRow;
  }
  for (let w = 0; w < wordsPerRow; w++) {
    let word = -1;
    for (let f = 0; f < count && word !== 0; f++) {
      word &= (fields[f] as FieldRows).words[(offsets[f] as number) + w] as number;
    }
    while (word !== 0) {
      const rule = (w << 5) + 31 - Math.clz32(word & -word);
      // With no rows at all, the bits beyond the last rule are still set.
      if (rule >= residuals.length) return -1;
      const residual = residuals[rule] as Check | null;
      if (residual === null || residual(values) === outcome.met) return rule;
      word &= word - 1;
    }
  }
  return -1;
}

/** The tests that every match must meet and that look at one field, and the other parts of the conjunction. */
function partsOf(condition: Condition): { tests: Test[]; rest: Condition[] } {
  const tests: Test[] = [];
  const rest: Condition[] = [];
  for (const part of condition.kind === 'all' ? condition.of : [condition]) {
    if (part.kind === 'test' && part.operand.kind !== 'field') tests.push(part);
    else rest.push(part);
  }
  return { tests, rest };
}

/** Per field, the tests of each rule that has some; the field that constrains most rules first, since it empties most words. */
function byField(testsByRule: readonly (readonly Test[])[]): [string, Map<number, Test[]>][] {
  const fields = new Map<string, Map<number, Test[]>>();
  testsByRule.forEach((tests, rule) => {
    for (const test of tests) {
      const rules = fields.get(test.field) ?? new Map<number, Test[]>();
      fields.set(test.field, rules);
      rules.set(rule, [...(rules.get(rule) ?? []), test]);
    }
  });
  return [...fields].sort((a, b) => b[1].size - a[1].size);
}

function residualCheck(rest: readonly Condition[], plan: Plan): Check {
  return conjunction(rest.map((part) => conditionCheck(part, plan.checkOf)));
}
