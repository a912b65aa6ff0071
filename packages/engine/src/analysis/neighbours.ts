import { intersects, type Mask, membersOf } from './mask.js';
import { type PairModel, rootOf } from './pair-model.js';

/** Which rules may meet which, found without looking at all of them. */
export interface Neighbours {
  /** Lower rules, ascending, among which are all that the rule meets. */
  below(rule: number): Iterable<number>;
}

/** A field that holds a rule to so few cells is worth an index. */
const fewCells = 8;
/** Below this many rules looking at all of them costs less. */
const manyRules = 64;

/**
 * Rules that hold one field to a few values each, a tenant or a kind of tool, seldom meet: those with other values need
 * no look. Everything left out is certainly apart.
 */
export function neighboursOf(pair: PairModel): Neighbours {
  const size = pair.formulas.length;
  if (size < manyRules) return { below: (rule) => placesFrom(rule + 1, size) };
  let indexes: readonly FieldIndex[] | null = null;
  return {
    below(rule) {
      indexes ??= fieldIndexes(pair);
      const best = bestIndex(pair, indexes, rule);
      return best === null ? placesFrom(rule + 1, size) : candidatesIn(pair, best, rule);
    },
  };
}

function* placesFrom(start: number, end: number): Generator<number> {
  for (let place = start; place < end; place++) yield place;
}

interface FieldIndex {
  readonly field: number;
  /** Rules that the field holds to few cells, by cell, ascending. */
  readonly byCell: Map<number, number[]>;
  readonly narrow: Set<number>;
  /** All other rules that something can meet, ascending; made when first needed. */
  others: readonly number[] | null;
}

/** One for each field. */
function fieldIndexes(pair: PairModel): FieldIndex[] {
  const indexes = pair.space.fields.map((_, field): FieldIndex => {
    return { field, byCell: new Map(), narrow: new Set(), others: null };
  });
  for (let rule = 0; rule < pair.formulas.length; rule++) {
    for (const field of rootOf(pair, rule)?.touched ?? []) {
      const live = liveIn(pair, rule, field);
      if (countUpTo(live, fewCells + 1) > fewCells) continue;
      const { byCell, narrow } = indexes[field] as FieldIndex;
      narrow.add(rule);
      for (const cell of membersOf(live)) {
        const known = byCell.get(cell);
        if (known === undefined) byCell.set(cell, [rule]);
        else known.push(rule);
      }
    }
    pair.work.left -= 1;
  }
  return indexes;
}

/** The index that leaves the fewest rules to look at; null when none leaves out much. */
function bestIndex(pair: PairModel, indexes: readonly FieldIndex[], rule: number): FieldIndex | null {
  const size = pair.formulas.length;
  let best: FieldIndex | null = null;
  let fewest = size / 2;
  for (const field of rootOf(pair, rule)?.touched ?? []) {
    const index = indexes[field] as FieldIndex;
    if (!index.narrow.has(rule)) continue;
    let left = size - index.narrow.size;
    for (const cell of membersOf(liveIn(pair, rule, field))) left += index.byCell.get(cell)?.length ?? 0;
    if (left >= fewest) continue;
    best = index;
    fewest = left;
  }
  return best;
}

function candidatesIn(pair: PairModel, index: FieldIndex, rule: number): readonly number[] {
  const { field, byCell } = index;
  index.others ??= othersIn(pair, index);
  const own = liveIn(pair, rule, field);
  const found = new Set<number>();
  for (const cell of membersOf(own)) for (const other of byCell.get(cell) ?? []) if (other > rule) found.add(other);
  for (const other of index.others) {
    if (other > rule && intersects(own, liveIn(pair, other, field))) found.add(other);
  }
  pair.work.left -= (index.others.length + found.size) / 16;
  return [...found].sort((a, b) => a - b);
}

function othersIn(pair: PairModel, { narrow }: FieldIndex): number[] {
  const others: number[] = [];
  for (let rule = 0; rule < pair.formulas.length; rule++) {
    if (!narrow.has(rule) && rootOf(pair, rule) !== null) others.push(rule);
  }
  return others;
}

const nothing: Mask = new Int32Array(0);

function liveIn(pair: PairModel, rule: number, field: number): Mask {
  return rootOf(pair, rule)?.state.fields[field]?.live ?? nothing;
}

function countUpTo(mask: Mask, most: number): number {
  let count = 0;
  for (let i = 0; i < mask.length && count < most; i++) {
    for (let bits = mask[i] as number; bits !== 0 && count < most; bits &= bits - 1) count += 1;
  }
  return count;
}
