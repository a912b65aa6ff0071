import { type Comparison, comparisons, hintWords, type Scalar, type Test, visitTests } from '../../condition.js';
import { quoted } from '../../diagnostic.js';
import { parseKey } from '../../parse-key.js';
import type { SoundRule } from '../../rule.js';
import { at, type Found, type LintCheck } from '../check.js';
import { add, isRecord, remove, replace, valueAt } from '../edits.js';
import type { Suggestion } from '../finding.js';
import type { LintMemory } from '../memory.js';
import { pathOf } from '../written-tests.js';

export const check: LintCheck = {
  code: 'mistyped-comparison',
  severity: 'warning',
  *find({ rules, memory }) {
    for (const each of rules) {
      if (!each.rule.enabled) continue;
      const suspects: Test[] = [];
      visitTests(each.condition, (test) => {
        if (strayText(test) !== undefined) suspects.push(test);
      });
      for (const test of suspects) yield* mistyped(each, test, memory);
    }
  },
};

const run = /^\s*([<>=!≥≤≠]+)\s*(.*?)\s*$/su;
const memberships: ReadonlySet<string> = new Set(['in', 'not_in', 'any_in', 'all_in']);

/** The first text of the test that begins like a comparison. */
function strayText({ operator, operand }: Test): string | undefined {
  if (operand.kind === 'value' && operator === '==') return looksCompared(operand.value) ? operand.value : undefined;
  return operand.kind === 'values' && memberships.has(operator) ? operand.values.find(looksCompared) : undefined;
}

function looksCompared(value: Scalar): value is string {
  return typeof value === 'string' && /^\s*[<>=!≥≤≠]/u.test(value);
}

function* mistyped(each: SoundRule, test: Test, memory: LintMemory): Iterable<Found> {
  const path = pathOf(memory, each, test);
  const key = path.at(-1);
  const parsed = typeof key === 'string' ? parseKey(key) : null;
  // Who writes `==` or `!=` before the field means the text.
  if (parsed?.kind !== 'test' || (!parsed.bare && !memberships.has(parsed.operator))) return;
  const text = strayText(test);
  if (text === undefined) return;
  const { id } = each.rule;
  const written = valueAt(each.rule, path);
  if (Array.isArray(written)) {
    const isOnly = parsed.bare && written.length === 1;
    yield {
      rule: at(each),
      path: [...path, written.indexOf(text)],
      message: `\`${id}\` looks for the text ${quoted(text)} in \`${test.field}\`: inside an array nothing is compared, every string stands for itself`,
      suggestion: (isOnly ? meantBy(each, path, test.field, text) : null) ?? {
        message: `write comparisons as conditions of their own, such as \`"${comparedBy(text) ?? '>='}${test.field}": 85\`, in an \`any\` where one of them is enough`,
      },
    };
    return;
  }
  yield {
    rule: at(each),
    path,
    message: `\`${id}\` tests whether \`${test.field}\` is the text ${quoted(text)}: only an operator and one JSON number, such as \`">=85"\`, is read as a comparison`,
    suggestion: meantBy(each, path, test.field, text) ?? {
      message: `${instead(test.field, text)}; if the text is meant, write \`"==${test.field}"\``,
    },
  };
}

/** What to write where no edit is sure. */
function instead(field: string, text: string): string {
  const operator = comparedBy(text);
  const rest = run.exec(text)?.[2] ?? '';
  if (operator === null || rest === '') return `write the operator before the field, such as \`">=${field}": 85\``;
  // More than one comparison, or a number with something at it.
  if (/[<>=!≥≤≠]/u.test(rest) || /^[-+.\d]/.test(rest)) {
    return `write the operator before the field and a plain value, such as \`"${operator}${field}": 85\`, one entry for each comparison`;
  }
  return `if it is a comparison, write \`"${operator}${field}": ${JSON.stringify(rest)}\``;
}

const typographic: Readonly<Record<string, Comparison>> = { '≥': '>=', '≤': '<=', '≠': '!=' };

/** The operator that the text begins with, or the one that is meant. */
function comparedBy(text: string): Comparison | null {
  const symbol = run.exec(text)?.[1] ?? '';
  const meant = typographic[symbol] ?? hintWords[symbol] ?? symbol;
  return comparisons.find((operator) => operator === meant) ?? null;
}

interface Comparing {
  readonly operator: Comparison;
  readonly number: number;
}

/** The edit, where the text can be read in one way only. */
function meantBy(each: SoundRule, path: Found['path'] & {}, field: string, text: string): Suggestion | null {
  const parts = text.split(/\s*(?:,|&&|\band\b)\s*/).map(comparing);
  const all = parts.filter((part) => part !== null);
  const [first, second] = all;
  if (first === undefined || all.length !== parts.length || parts.length > 2) return null;
  const place = [each.index, ...path];
  const orText = `; if the text is meant, write \`"==${field}"\``;
  if (second === undefined) {
    const { operator, number } = first;
    const value = operator === '==' ? number : `${operator}${number}`;
    const message = `write \`${JSON.stringify(value)}\`${orText}`;
    return { message, patch: [replace(place, value)], changes_decisions: true };
  }
  const owner = valueAt(each.rule, path.slice(0, -1));
  const keys = [first, second].map(({ operator }) => `${operator}${field}`);
  const [one = '', other = ''] = keys;
  const message = `write \`"${one}": ${first.number}\` and \`"${other}": ${second.number}\`${orText}`;
  if (!isRecord(owner) || one === other || keys.some((key) => Object.hasOwn(owner, key))) return { message };
  const siblings = place.slice(0, -1);
  const patch = [remove(place), add([...siblings, one], first.number), add([...siblings, other], second.number)];
  return { message, patch, changes_decisions: true };
}

const plainNumber = /^[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/;

function comparing(text: string): Comparing | null {
  const operator = comparedBy(text);
  const rest = run.exec(text)?.[2] ?? '';
  // No leading zeros: `010` is 8 to some and 10 to others.
  if (operator === null || !(plainNumber.test(rest) || /^0x[\da-f]+$/i.test(rest))) return null;
  const number = Number(rest) + 0;
  return Number.isFinite(number) ? { operator, number } : null;
}
