/**
 * Conditions before they are spelled: the generators make forms, `spell` writes one down in one of its many spellings.
 */
import type { Dict, Right } from './condition.js';

export type Form = { test: FormTest } | { all: Form[] } | { any: Form[] } | { not: Form };

export interface FormTest {
  readonly field: string;
  readonly operator: string;
  /** As written: a scalar, an array, `{field}` or `{list}`. */
  readonly right: unknown;
}

/** Picks one of several spellings; called once for each choice. */
export type Choose = <T>(choices: readonly T[]) => T;

/** Chooses by a generated list of numbers, used round and round; the empty list always takes the first choice. */
export function chooser(dice: readonly number[]): Choose {
  let next = 0;
  return (choices) => {
    const die = dice.length === 0 ? 0 : (dice[next++ % dice.length] ?? 0);
    const choice = choices[die % choices.length];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  };
}

/** A condition object that means the form. */
export function spell(form: Form, choose: Choose): Dict {
  const conjuncts = 'all' in form && choose([true, true, false]) ? form.all : [form];
  const written = new Map<string, unknown>();
  const collided: Dict[] = [];
  for (const conjunct of conjuncts) {
    const [key, value] = spellEntry(conjunct, choose);
    if (written.has(key)) collided.push({ all: [Object.fromEntries([[key, value]])] });
    else written.set(key, value);
  }
  for (const [i, extra] of collided.entries()) written.set(`all${' '.repeat(i + 1)}`, extra.all);
  return Object.fromEntries(written);
}

function spellEntry(form: Form, choose: Choose): [string, unknown] {
  if ('test' in form) return spellTest(form.test, choose);
  const around = (word: string) => choose([word, word, ` ${word}`]);
  if ('not' in form) return [around('not'), spell(form.not, choose)];
  const [word, forms] = 'any' in form ? ['any', form.any] : ['all', form.all];
  return [around(word), forms.map((inner) => spell(inner, choose))];
}

const readsDifferentlyBare = /^(>=|<=|==|!=|>|<)\s*-?[0-9]/;

function spellTest({ field, operator, right }: FormTest, choose: Choose): [string, unknown] {
  const isMembership = Array.isArray(right) || (typeof right === 'object' && right !== null && 'list' in right);
  const symbols = (symbol: string) => [
    `${symbol}${field}`,
    `${symbol} ${field}`,
    `${field}${symbol}`,
    `${field} ${symbol} `,
  ];
  const keys: string[] = /^[a-z]/.test(operator)
    ? [`${field} ${operator}`, ` ${field}  ${operator}`]
    : symbols(operator);
  if (operator === 'in' && isMembership) keys.push(...symbols('=='));
  if (operator === 'not_in' && isMembership) keys.push(...symbols('!='));
  const isCombinator = ['any', 'all', 'not'].includes(field);
  const bareReadsSame = !(typeof right === 'string' && readsDifferentlyBare.test(right));
  if ((operator === '==' || (operator === 'in' && isMembership)) && !isCombinator && bareReadsSame) {
    keys.push(field, field, ` ${field}`);
  }
  if (typeof right === 'number' && !/^[a-z]/.test(operator) && !isCombinator && choose([false, false, true])) {
    return [field, `${operator}${choose(['', ' '])}${right}`];
  }
  return [choose(keys), right];
}

/** The tests of a form, wherever they stand. */
export function formTests(form: Form): FormTest[] {
  if ('test' in form) return [form.test];
  if ('not' in form) return formTests(form.not);
  return ('any' in form ? form.any : form.all).flatMap(formTests);
}

/** The other field that a right side names, if it does. */
export function otherField(right: unknown): string | null {
  return typeof right === 'object' && right !== null && 'field' in right
    ? (right as Extract<Right, { field: string }>).field
    : null;
}
