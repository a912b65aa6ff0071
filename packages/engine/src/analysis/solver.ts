import type { Atom, Formula, Junction, Literal } from './atom.js';
import type { FieldModel } from './field-model.js';
import { demand, type FieldState, isPossible, narrowed, untouched } from './field-state.js';
import { isSubset, type Mask } from './mask.js';

/** Why a question has no answer: a part of the language that is not understood in full, a schema, or too much work. */
export type UndecidedReason = 'budget' | 'matches' | 'field' | 'domain_in' | 'normalize' | 'text' | 'schema';

export type Context = Readonly<Record<string, unknown>>;

export type Answer =
  | { readonly kind: 'satisfiable'; readonly context: Context }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'undecided'; readonly reason: UndecidedReason };

/** Once every value of `from` lies within, only these cells of `to` are left. */
export interface Tie {
  readonly from: number;
  readonly within: Mask;
  readonly to: number;
  readonly keep: Mask;
}

/** The fields of one pair of agent and action. */
export interface Space {
  readonly fields: readonly FieldModel[];
  readonly fieldIndex: ReadonlyMap<string, number>;
  readonly ties: readonly Tie[];
  /** Whether some test has fields on both sides. */
  readonly comparesFields: boolean;
  /** What a visit costs: 1, and more where a field has thousands of cells. */
  readonly visit: number;
}

/** Counts clause visits, so that every answer is the same on every machine. */
export interface Work {
  left: number;
}

export interface State {
  readonly fields: FieldState[];
  clauses: Clause[];
  /** Fields that changed since the clauses were last looked at, folded into 32 bits. */
  dirty: number;
}

/** Alternatives of which one must hold. */
interface Clause {
  readonly of: readonly Formula[];
  readonly bits: number;
}

/** A context for the state, or why none was found. */
export type Realize = (state: State) => Context | UndecidedReason;

const maxFailedLeaves = 48;
const maxDepth = 1500;

/** The state in which nothing is asked for; null when the ties alone leave nothing. */
export function openState(space: Space): State | null {
  const state: State = { fields: space.fields.map(untouched), clauses: [], dirty: 0 };
  for (const { index } of space.fields) if (!followTies(space, state, index)) return null;
  return state;
}

export function copyOf(state: State): State {
  return { fields: state.fields.slice(), clauses: state.clauses.slice(), dirty: state.dirty };
}

/** Adds the formula to the state, which it changes; false when it cannot hold there. */
export function assume(space: Space, state: State, formula: Formula, work: Work): boolean {
  switch (formula.kind) {
    case 'literal':
      work.left -= space.visit;
      return assumeLiteral(space, state, formula);
    case 'all':
      return formula.of.every((child) => assume(space, state, child, work));
    case 'any':
      return assumeClause(space, state, formula, work);
  }
}

function assumeLiteral(space: Space, state: State, { atom, sign, bits }: Literal): boolean {
  const { field, operand } = atom.test;
  if (!demandOn(space, state, field, atom, sign)) return false;
  if (operand.kind === 'field' && operand.field !== field && !demandOn(space, state, operand.field, atom, sign))
    return false;
  state.dirty |= bits;
  return true;
}

function demandOn(space: Space, state: State, field: string, atom: Atom, sign: boolean): boolean {
  const index = space.fieldIndex.get(field) as number;
  const before = state.fields[index] as FieldState;
  // A test between fields fails when either is missing, so its failing asks nothing of one side alone.
  const after = demand(space.fields[index] as FieldModel, before, atom, sign);
  if (after === null) return false;
  if (after === before) return true;
  state.fields[index] = after;
  return followTies(space, state, index);
}

function followTies(space: Space, state: State, from: number): boolean {
  for (const tie of space.ties) {
    if (tie.from !== from || !isSubset((state.fields[from] as FieldState).live, tie.within)) continue;
    const before = state.fields[tie.to] as FieldState;
    const after = narrowed(before, tie.keep);
    if (after === null) return false;
    if (after === before) continue;
    state.fields[tie.to] = after;
    state.dirty |= 1 << (tie.to & 31);
    if (!followTies(space, state, tie.to)) return false;
  }
  return true;
}

/** Leaves the field this one cell, and what follows from it. */
export function choose(space: Space, state: State, field: number, cell: Mask): boolean {
  const after = narrowed(state.fields[field] as FieldState, cell);
  if (after === null) return false;
  state.fields[field] = after;
  return followTies(space, state, field);
}

const never = 0;
const always = 1;
const open = 2;

function assumeClause(space: Space, state: State, { of, bits }: Junction | Clause, work: Work): boolean {
  const left: Formula[] = [];
  for (const child of of) {
    const status = statusOf(space, state, child, work);
    if (status === always) return true;
    if (status === open) left.push(child);
  }
  if (left.length === 0) return false;
  if (left.length === 1) return assume(space, state, left[0] as Formula, work);
  state.clauses.push({ of: left, bits });
  return true;
}

function statusOf(space: Space, state: State, formula: Formula, work: Work): 0 | 1 | 2 {
  if (formula.kind === 'literal') {
    work.left -= space.visit;
    if (!literalPossible(space, state, formula.atom, formula.sign)) return never;
    return literalPossible(space, state, formula.atom, !formula.sign) ? open : always;
  }
  const decisive = formula.kind === 'all' ? never : always;
  let isOpen = false;
  for (const child of formula.of) {
    const status = statusOf(space, state, child, work);
    if (status === decisive) return decisive;
    if (status === open) isOpen = true;
  }
  return isOpen ? open : decisive === never ? always : never;
}

function literalPossible(space: Space, state: State, atom: Atom, sign: boolean): boolean {
  const { field, operand } = atom.test;
  if (!possibleOn(space, state, field, atom, sign)) return false;
  return operand.kind !== 'field' || possibleOn(space, state, operand.field, atom, sign);
}

function possibleOn(space: Space, state: State, field: string, atom: Atom, sign: boolean): boolean {
  const index = space.fieldIndex.get(field) as number;
  return isPossible(space.fields[index] as FieldModel, state.fields[index] as FieldState, atom, sign);
}

/** Draws every conclusion that single clauses allow; false when some clause cannot hold. */
export function propagate(space: Space, state: State, work: Work): boolean {
  while (state.dirty !== 0 && work.left > 0) {
    const { dirty, clauses } = state;
    state.dirty = 0;
    state.clauses = [];
    for (const clause of clauses) {
      if ((clause.bits & (dirty | state.dirty)) === 0) state.clauses.push(clause);
      else if (!assumeClause(space, state, clause, work)) return false;
    }
  }
  return true;
}

/** Whether something meets the formulas. The state is one that `openState` or `assume` made; it is not changed. */
export function solve(space: Space, start: State, formulas: readonly Formula[], work: Work, realize: Realize): Answer {
  const state = copyOf(start);
  for (const formula of formulas) if (!assume(space, state, formula, work)) return { kind: 'unsatisfiable' };
  const search = { space, work, realize, failures: 0, reason: null as UndecidedReason | null };
  const context = explore(search, state, 0);
  if (context !== null) return { kind: 'satisfiable', context };
  if (search.reason !== null) return { kind: 'undecided', reason: search.reason };
  return { kind: 'unsatisfiable' };
}

interface Search {
  readonly space: Space;
  readonly work: Work;
  readonly realize: Realize;
  failures: number;
  reason: UndecidedReason | null;
}

/** Depth first over the alternatives of the shortest clause; the state is used up. */
function explore(search: Search, state: State, depth: number): Context | null {
  const { space, work } = search;
  for (;;) {
    if (!propagate(space, state, work)) return null;
    if (work.left <= 0 || depth > maxDepth) {
      search.reason = 'budget';
      return null;
    }
    const clause = shortest(state.clauses);
    if (clause === null) return leaf(search, state);
    state.clauses = state.clauses.filter((other) => other !== clause);
    const branch = copyOf(state);
    const [first, ...rest] = clause.of as [Formula, ...Formula[]];
    if (assume(space, branch, first, work)) {
      const context = explore(search, branch, depth + 1);
      if (context !== null) return context;
      if (search.reason === 'budget' || search.failures > maxFailedLeaves) return null;
    }
    // What met the first alternative has been searched.
    if (!assume(space, state, first.negation, work)) return null;
    if (!assumeClause(space, state, { of: rest, bits: clause.bits }, work)) return null;
  }
}

function shortest(clauses: readonly Clause[]): Clause | null {
  let best: Clause | null = null;
  for (const clause of clauses) {
    if (best === null || clause.of.length < best.of.length) best = clause;
    if (best.of.length === 2) break;
  }
  return best;
}

function leaf(search: Search, state: State): Context | null {
  const found = search.realize(state);
  if (typeof found !== 'string') return found;
  search.failures += 1;
  search.reason = found;
  return null;
}
