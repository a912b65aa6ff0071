import { type Formula, isGuessed } from './atom.js';
import type { FieldModel } from './field-model.js';
import { type Demand, demand, demandsOf, type FieldState } from './field-state.js';
import { intersects, isSubset, type Mask, meet3 } from './mask.js';
import { assume, copyOf, propagate, type Space, type State, type Work } from './solver.js';

/**
 * What follows from one condition. Most conditions are demands on single fields and nothing else, so most questions
 * about two of them are answered by a look at the fields both speak of.
 */
export interface Root {
  readonly state: State;
  /** The fields of which something follows. */
  readonly touched: readonly number[];
  /** The state says all the condition does. */
  readonly isPlain: boolean;
  /** The state is plain, and every choice of a live cell for each field can be turned into a context. */
  readonly isCertain: boolean;
  /** What is asked of each touched field, in the order of `touched`; null when the root is not certain or a test is not understood in full. */
  readonly asked: readonly (readonly Demand[])[] | null;
}

/** Null when nothing meets the formula. */
export function rootFrom(space: Space, start: State, formula: Formula, work: Work): Root | null {
  const state = copyOf(start);
  if (!assume(space, state, formula, work) || !propagate(space, state, work)) return null;
  const touched = state.fields.flatMap((field, index) => (field === start.fields[index] ? [] : [index]));
  work.left -= touched.length;
  const isPlain = state.clauses.length === 0;
  const isSimple = space.ties.length === 0 && !space.comparesFields;
  const isCertain =
    isPlain &&
    isSimple &&
    touched.every((index) => !(state.fields[index] as FieldState).open.some(({ atom }) => isGuessed(atom)));
  const asked = touched.map((index) => demandsOf(state.fields[index] as FieldState));
  const isKnown = isCertain && !asked.some((demands) => demands.some(({ atom }) => isGuessed(atom)));
  return { state, touched, isPlain, isCertain, asked: isKnown ? asked : null };
}

/** Certain when true: the two conditions cannot hold together. */
export function areApart(a: Root, b: Root): boolean {
  for (const index of a.touched) {
    const x = (a.state.fields[index] as FieldState).live;
    const y = (b.state.fields[index] as FieldState).live;
    if (x !== y && !intersects(x, y)) return true;
  }
  return false;
}

/** Certain when true: the two conditions, which are not apart, hold together. */
export function surelyMeet(space: Space, a: Root, b: Root): boolean {
  if (!a.isCertain || !b.isCertain) return false;
  for (const index of a.touched) {
    const x = a.state.fields[index] as FieldState;
    const y = b.state.fields[index] as FieldState;
    if (x.open.length === 0 && y.open.length === 0) continue;
    if (x.demands === null || y.demands === null) continue;
    if (!meet3(x.live, y.live, (space.fields[index] as { singles: Mask }).singles)) return false;
  }
  return true;
}

/** Certain when true: something meets the first condition and not the second. */
export function surelySticksOut(a: Root, b: Root): boolean {
  if (!a.isCertain) return false;
  for (const index of b.touched) {
    const x = a.state.fields[index] as FieldState;
    const y = (b.state.fields[index] as FieldState).live;
    // Each live cell holds a value that meets all demands of the first condition; outside `y` none meets the second.
    if (!isSubset(x.live, y)) return true;
  }
  return false;
}

/** Certain when true: everything that meets the first condition meets the second. */
export function isWithin(a: Root, b: Root): boolean {
  if (!b.isPlain) return false;
  for (const index of b.touched) {
    const x = a.state.fields[index] as FieldState;
    const y = b.state.fields[index] as FieldState;
    if (y.demands === null) continue;
    if (y.open.length > 0 || !isSubset(x.live, y.live)) return false;
  }
  return true;
}

/**
 * Whether two conditions that are not apart hold together, field by field; null where that is not all there is to it.
 * Costs one visit for each demand looked at.
 */
export function holdTogether(space: Space, a: Root, b: Root, work: Work): boolean | null {
  if (a.asked === null || b.asked === null) return null;
  for (const [i, index] of b.touched.entries()) {
    const x = a.state.fields[index] as FieldState;
    const y = b.state.fields[index] as FieldState;
    if (x.demands === null || (x.open.length === 0 && y.open.length === 0)) continue;
    let both: FieldState | null = x;
    for (const { atom, sign } of b.asked[i] ?? []) {
      work.left -= space.visit;
      both = demand(space.fields[index] as FieldModel, both, atom, sign);
      if (both === null) return false;
    }
  }
  return true;
}

/** Whether everything that meets the first condition meets the second; null and the cost as with `holdTogether`. */
export function holdsWithin(space: Space, a: Root, b: Root, work: Work): boolean | null {
  if (a.asked === null || b.asked === null) return null;
  for (const [i, index] of b.touched.entries()) {
    for (const { atom, sign } of b.asked[i] ?? []) {
      work.left -= space.visit;
      const model = space.fields[index] as FieldModel;
      if (demand(model, a.state.fields[index] as FieldState, atom, !sign) !== null) return false;
    }
  }
  return true;
}
