import type { Resources } from '../check.js';
import { type Condition, fieldsOf, type Scalar, type Test, testsOf } from '../condition.js';
import {
  type Atom,
  atomOf,
  evaluate,
  type Formula,
  formulaOf,
  isGuessed,
  type Literal,
  literalOf,
  testKey,
} from './atom.js';
import { effortOn } from './cell-sets.js';
import { type ContextTyping, domainOf, isBelowScalar, weekdayField, weekendField } from './domain.js';
import { type Cell, type FieldModel, fieldModel } from './field-model.js';
import { difference, maskOf } from './mask.js';
import { type Root, rootFrom } from './root.js';
import { type Answer, type Context, openState, type Space, type State, solve, type Tie, type Work } from './solver.js';
import { realize } from './witness.js';

/** A condition and where its lists come from. */
export interface Clausal {
  readonly condition: Condition;
  readonly resources: Resources;
  /** Tells lists of one name apart. */
  readonly listTag: (name: string) => string;
}

/** How much work one query and one pair may take, in clause visits. */
export interface Limits {
  readonly perQuery: number;
  readonly perPair: number;
}

/** The conditions that meet in one pair of agent and action, ready for questions. */
export interface PairModel {
  readonly space: Space;
  /** One for each condition given. */
  readonly formulas: readonly Formula[];
  readonly typing: ContextTyping | undefined;
  /** Clause visits left for the pair. */
  readonly work: Work;
  readonly perQuery: number;
  readonly start: State | null;
  /** For each condition what follows from it alone; null when it is never met, undefined when not looked at yet. */
  readonly roots: (Root | null | undefined)[];
}

/**
 * The model of a pair, or null where making it would be more than the pair's work: every question about it is then
 * undecided for want of budget.
 */
export function pairModel(
  conditions: readonly Clausal[],
  typing: ContextTyping | undefined,
  limits: Limits,
): PairModel | null {
  const work: Work = { left: limits.perPair };
  const literals = new Map<string, Literal>();
  const atoms: Atom[] = [];
  const indexOf = new Map<string, number>();
  const tests = conditions.map(({ condition }) => testsOf(condition));
  const names = [...new Set(tests.flat().flatMap(fieldsOf))].sort();
  names.forEach((name, index) => {
    indexOf.set(name, index);
  });
  const formulas = conditions.map(({ condition, resources, listTag }) =>
    formulaOf(condition, (test) => {
      const key = testKey(test, listTag);
      let literal = literals.get(key);
      if (literal === undefined) {
        const atom = atomOf(atoms.length, test, resources);
        atoms.push(atom);
        literal = literalOf(atom, bitsOf(test, indexOf));
        literals.set(key, literal);
      }
      return literal;
    }),
  );
  if (effortOf(atoms) > limits.perPair * asksPerVisit) return null;
  const space = spaceOf(names, indexOf, atoms, typing, (spent) => {
    work.left -= Math.floor(spent / asksPerVisit);
  });
  return {
    space,
    formulas,
    typing,
    work,
    perQuery: limits.perQuery,
    start: openState(space),
    roots: [],
  };
}

/** How many values may be put to the evaluator for the price of one clause visit. */
const asksPerVisit = 16;

/** Up to two values come of every constant, and each is put to the tests of its field. */
function effortOf(atoms: readonly Atom[]): number {
  const byField = new Map<string, Atom[]>();
  for (const atom of atoms) {
    const known = byField.get(atom.test.field);
    if (known === undefined) byField.set(atom.test.field, [atom]);
    else known.push(atom);
  }
  let effort = 0;
  for (const own of byField.values()) {
    const values = own.reduce((count, { constants }) => count + 2 * Math.min(constants.length, mostMembers), 0);
    effort += effortOn(values, own);
  }
  return effort;
}

/** Members of a long list are looked at once, and mostly stand for each other. */
const mostMembers = 64;

function bitsOf(test: Test, indexOf: ReadonlyMap<string, number>): number {
  return fieldsOf(test).reduce((bits, field) => bits | (1 << ((indexOf.get(field) as number) & 31)), 0);
}

function spaceOf(
  names: readonly string[],
  fieldIndex: ReadonlyMap<string, number>,
  atoms: readonly Atom[],
  typing: ContextTyping | undefined,
  spend: (work: number) => void,
): Space {
  const byField = new Map<string, Atom[]>(names.map((name) => [name, []]));
  for (const atom of atoms) for (const field of new Set(fieldsOf(atom.test))) byField.get(field)?.push(atom);
  const shared = sharedConstants(atoms, byField);
  const fields = names.map((name, index) =>
    fieldModel({
      index,
      name,
      atoms: byField.get(name) as Atom[],
      shared: shared.get(name) ?? [],
      domain: domainOf(name, typing),
      alwaysMissing: isBelowScalar(name, typing) || isAbsentName(name),
      apart: apartnessOf(name, names),
      spend,
    }),
  );
  const comparesFields = atoms.some(({ role }) => role === 'field');
  const most = fields.reduce((cells, field) => Math.max(cells, field.cells.length), 0);
  const visit = 1 + Math.floor(most / cellsPerVisit);
  return { fields, fieldIndex, ties: [...pathTies(fields), ...weekTies(fields)], comparesFields, visit };
}

/** Sets of cells are looked through 32 at a time; up to here that is part of the visit. */
const cellsPerVisit = 2048;

function isAbsentName(name: string): boolean {
  return name
    .split('.')
    .some((segment) => segment === '__proto__' || segment === 'constructor' || segment === 'prototype');
}

/** Fields compared with one another need each other's constants, through any number of comparisons. */
function sharedConstants(
  atoms: readonly Atom[],
  byField: ReadonlyMap<string, readonly Atom[]>,
): ReadonlyMap<string, readonly Scalar[]> {
  const groups = new Map<string, Set<string>>();
  for (const { test } of atoms) {
    if (test.operand.kind !== 'field') continue;
    const merged = new Set(fieldsOf(test).flatMap((field) => [field, ...(groups.get(field) ?? [])]));
    for (const field of merged) groups.set(field, merged);
  }
  const constants = new Map<string, readonly Scalar[]>();
  for (const [field, group] of groups) {
    const values = [...group].flatMap((member) =>
      (byField.get(member) ?? []).flatMap((atom) => atom.constants.slice(0, 64)),
    );
    constants.set(field, [...new Set(values)].slice(0, 256));
  }
  return constants;
}

/** What must stay apart for the ties: filled objects where fields below are looked at, days of the week-end. */
function apartnessOf(name: string, names: readonly string[]): (value: unknown) => unknown {
  const hasBelow = names.some((other) => other.startsWith(`${name}.`));
  if (hasBelow)
    return (value) => typeof value === 'object' && !Array.isArray(value) && Object.keys(value ?? {}).length > 0;
  if (name === weekdayField && names.includes(weekendField)) return (value) => isWeekendDay(value);
  if (name === weekendField && names.includes(weekdayField)) return (value) => value;
  return () => '';
}

function isWeekendDay(value: unknown): boolean {
  return value === 'saturday' || value === 'sunday';
}

/** A field is present only when every field above it is an object. */
function pathTies(fields: readonly FieldModel[]): Tie[] {
  const ties: Tie[] = [];
  for (const above of fields) {
    for (const below of fields) {
      if (!below.name.startsWith(`${above.name}.`)) continue;
      const present = difference(below.all, below.missing);
      ties.push({ from: below.index, within: present, to: above.index, keep: above.object });
      ties.push({
        from: above.index,
        within: difference(above.all, above.object),
        to: below.index,
        keep: below.missing,
      });
    }
  }
  return ties;
}

function weekTies(fields: readonly FieldModel[]): Tie[] {
  const day = fields.find(({ name }) => name === weekdayField);
  const weekend = fields.find(({ name }) => name === weekendField);
  if (day === undefined || weekend === undefined) return [];
  const cellsWith = ({ cells }: FieldModel, says: (value: unknown) => boolean) =>
    maskOf(cells.length, (i) => says(constantIn(cells[i] as Cell)));
  return [true, false].flatMap((isWeekend) => {
    const days = cellsWith(day, (value) => isWeekendDay(value) === isWeekend);
    const flags = cellsWith(weekend, (value) => value === isWeekend);
    return [
      { from: day.index, within: days, to: weekend.index, keep: flags },
      { from: weekend.index, within: flags, to: day.index, keep: days },
    ];
  });
}

function constantIn(cell: Cell): unknown {
  return cell.kind === 'value' ? cell.value : undefined;
}

/** What follows from the condition alone; null when nothing meets it. Not to be changed. */
export function rootOf(pair: PairModel, index: number): Root | null {
  const known = pair.roots[index];
  if (known !== undefined) return known;
  const root =
    pair.start === null ? null : rootFrom(pair.space, pair.start, pair.formulas[index] as Formula, pair.work);
  pair.roots[index] = root;
  return root;
}

/** How often a context is checked, at the most, while what a schema asks for is added to it. */
const triesToComplete = 32;

/** Whether something meets all the formulas together with the condition `within`, and a context that does. */
export function ask(pair: PairModel, within: number | null, formulas: readonly Formula[]): Answer {
  const start = within === null ? pair.start : (rootOf(pair, within)?.state ?? null);
  if (start === null) return { kind: 'unsatisfiable' };
  const granted = Math.min(pair.perQuery, pair.work.left);
  if (granted <= 0) return { kind: 'undecided', reason: 'budget' };
  // What a question costs beyond the clauses it visits: a state of its own, and trying the context that was found.
  const work: Work = { left: granted - pair.space.fields.length / 8 };
  const all = within === null ? formulas : [pair.formulas[within] as Formula, ...formulas];
  const { effort = 0 } = pair.typing ?? {};
  const answer = solve(pair.space, start, formulas, work, (state) => {
    work.left -= 3 + pair.space.fields.length / 8 + effort;
    const found = realize(pair.space, state, pair.typing);
    if (found === 'schema') work.left -= triesToComplete * effort;
    if (typeof found === 'string') return found;
    const holds = holdsIn(pair.space, found);
    if (all.every(holds)) return found;
    // Guesses apart, every context made is one that the state describes.
    const guessed = pair.space.fields.some(({ index }) =>
      state.fields[index]?.open.some(({ atom }) => isGuessed(atom)),
    );
    if (!guessed) throw new Error(`the context ${JSON.stringify(found)} does not meet what it was made for`);
    return 'text';
  });
  pair.work.left -= granted - work.left;
  return answer;
}

/** Whether a formula of the space holds in the context, as the evaluator sees it. */
export function holdsIn({ fields, fieldIndex }: Space, context: Context): (formula: Formula) => boolean {
  // A map: few of what may be thousands of tests are asked.
  const outcomes = new Map<Atom, boolean>();
  const valueIn = (field: string): unknown => fields[fieldIndex.get(field) as number]?.read(context);
  const says = (atom: Atom): boolean => {
    let known = outcomes.get(atom);
    if (known === undefined) {
      const { field, operand } = atom.test;
      known = atom.holds(valueIn(field), operand.kind === 'field' ? valueIn(operand.field) : undefined);
      outcomes.set(atom, known);
    }
    return known;
  };
  return (formula) => evaluate(formula, says);
}
