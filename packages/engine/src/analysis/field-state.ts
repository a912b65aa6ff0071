import type { Atom } from './atom.js';
import { type CellSets, type FieldModel, needsEvery } from './field-model.js';
import { difference, has, intersection, intersects, isEmpty, type Mask, meet3, membersOf } from './mask.js';

/** A test's outcome that is asked for. */
export interface Demand {
  readonly atom: Atom;
  readonly sign: boolean;
}

/** What is still possible for a field, given the demands made so far. */
export interface FieldState {
  /** Cells none of the demands rules out. */
  readonly live: Mask;
  /** Demands that some live cell does not settle by itself. */
  readonly open: readonly Demand[];
  /** Every demand that ruled something out or is open, latest first. */
  readonly demands: DemandList | null;
}

interface DemandList extends Demand {
  readonly before: DemandList | null;
}

export function untouched(model: FieldModel): FieldState {
  return { live: model.all, open: [], demands: null };
}

export function demandsOf(state: FieldState): Demand[] {
  const demands: Demand[] = [];
  for (let list = state.demands; list !== null; list = list.before) demands.push(list);
  return demands;
}

/** The state with one more demand; null when nothing meets them all, the same state when nothing changes. */
export function demand(model: FieldModel, state: FieldState, atom: Atom, sign: boolean): FieldState | null {
  const sets = model.sets.get(atom) as CellSets;
  let live = intersection(state.live, sign ? sets.mayHold : sets.mayFail);
  const isOpen = intersects(live, sets.open);
  if (!isOpen) {
    if (isEmpty(live)) return null;
    if (sameMask(live, state.live)) return state;
    return { live, open: state.open, demands: { atom, sign, before: state.demands } };
  }
  const known = state.open.find((other) => other.atom === atom);
  if (known !== undefined) {
    if (known.sign === sign) return narrowed(state, live);
    return narrowed(state, difference(live, sets.open));
  }
  const open = [...state.open, { atom, sign }];
  for (const cell of membersOf(live)) {
    if (!has(sets.open, cell) || isFeasible(model, cell, open)) continue;
    live = difference(live, single(live.length, cell));
  }
  if (isEmpty(live)) return null;
  return { live, open, demands: { atom, sign, before: state.demands } };
}

/** The state with only these cells left; null when there are none. */
export function narrowed(state: FieldState, cells: Mask): FieldState | null {
  const live = intersection(state.live, cells);
  if (isEmpty(live)) return null;
  return sameMask(live, state.live) ? state : { live, open: state.open, demands: state.demands };
}

/** Whether the demand can be met. */
export function isPossible(model: FieldModel, state: FieldState, atom: Atom, sign: boolean): boolean {
  const sets = model.sets.get(atom) as CellSets;
  const may = sign ? sets.mayHold : sets.mayFail;
  const { live } = state;
  for (let i = 0; i < live.length; i++) {
    if (((live[i] as number) & (may[i] as number) & ~(sets.open[i] as number)) !== 0) return true;
  }
  if (!meet3(live, may, sets.open)) return false;
  return demand(model, state, atom, sign) !== null;
}

function single(words: number, cell: number): Mask {
  const mask = new Int32Array(words);
  mask[cell >>> 5] = 1 << (cell & 31);
  return mask;
}

function sameMask(a: Mask, b: Mask): boolean {
  if (a === b) return true;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether some value of the cell meets the demands that the cell does not settle. */
function isFeasible(model: FieldModel, index: number, demands: readonly Demand[]): boolean {
  const cell = model.cells[index];
  if (cell === undefined || cell.kind === 'value') return true;
  const open = demands.filter(({ atom }) => has((model.sets.get(atom) as CellSets).open, index));
  if (cell.kind === 'elements') return elementsFeasible(model, open);
  if (!hostFeasible(model, open) || !listsFeasible(open)) return false;
  return cell.kind === 'anything' || textFeasible(cell.anchor, open);
}

/** Elements that may be in the array, and sets of which it must hold a member. */
export function elementNeeds(model: FieldModel, demands: readonly Demand[]): { allowed: Mask; needed: Mask[] } {
  let allowed = model.everyElement;
  const needed: Mask[] = [];
  for (const { atom, sign } of demands) {
    const { elements } = model.sets.get(atom) as CellSets;
    if (elements === null) continue;
    const wanted = needsEvery(atom) === sign;
    const matching = sign ? elements : difference(model.everyElement, elements);
    if (wanted) allowed = intersection(allowed, matching);
    else needed.push(matching);
  }
  return { allowed, needed };
}

function elementsFeasible(model: FieldModel, demands: readonly Demand[]): boolean {
  const { allowed, needed } = elementNeeds(model, demands);
  return !isEmpty(allowed) && needed.every((mask) => intersects(mask, allowed));
}

/** What must and must not stand in a string, and how it must and must not end. */
export interface TextNeeds {
  readonly inside: readonly string[];
  readonly notInside: readonly string[];
  /** The longest end asked for; '' when none is. */
  readonly end: string;
  readonly notEnds: readonly string[];
}

/** The needs of the demands, or null when two ends exclude each other. */
export function textNeeds(demands: readonly Demand[]): TextNeeds | null {
  const inside: string[] = [];
  const notInside: string[] = [];
  const notEnds: string[] = [];
  let end = '';
  for (const { atom, sign } of demands) {
    if (atom.role !== 'inner' && atom.role !== 'suffix') continue;
    const text = atom.test.operand.kind === 'value' ? String(atom.test.operand.value) : '';
    const wanted = sign === (atom.test.operator !== 'not_contains');
    if (atom.role === 'inner') (wanted ? inside : notInside).push(text);
    else if (!wanted) notEnds.push(text);
    else if (text.endsWith(end)) end = text;
    else if (!end.endsWith(text)) return null;
  }
  return { inside, notInside, end, notEnds };
}

/** Complete: anchor, fresh, each part with a fresh character behind it, the end, is a witness whenever there is one. */
function textFeasible(anchor: string, demands: readonly Demand[]): boolean {
  const needs = textNeeds(demands);
  if (needs === null) return false;
  const { inside, notInside, end, notEnds } = needs;
  for (const text of notInside) {
    if (anchor.includes(text) || end.includes(text) || inside.some((part) => part.includes(text))) return false;
  }
  return !notEnds.some((text) => end.endsWith(text));
}

/** Whether one host answers all `domain_in` tests as demanded. */
function hostFeasible(model: FieldModel, demands: readonly Demand[]): boolean {
  const hosts = demands.filter(({ atom }) => atom.role === 'host');
  if (hosts.length === 0) return true;
  return model.hostKinds.some((kind) => hosts.every(({ atom, sign }) => kind.has(atom) === sign));
}

/** Whether no list that normalizes is asked both to hold the string and not to. */
function listsFeasible(demands: readonly Demand[]): boolean {
  const asked = new Map<unknown, boolean>();
  for (const { atom, sign } of demands) {
    const { operand, operator } = atom.test;
    if (atom.role !== 'normalized' || operand.kind !== 'list') continue;
    const { members } = atom.resources.list(operand.name);
    const inside = sign === (operator !== 'not_in');
    if ((asked.get(members) ?? inside) !== inside) return false;
    asked.set(members, inside);
  }
  return true;
}
