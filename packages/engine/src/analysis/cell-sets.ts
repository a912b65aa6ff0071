import type { Atom } from './atom.js';
import type { Cell, CellSets } from './field-model.js';
import { settlesHost } from './host-texts.js';
import { type Mask, maskOf } from './mask.js';

const no = 0;
const yes = 1;
const open = 2;
type Verdict = typeof no | typeof yes | typeof open;

/** What the tests on a field's strings have in common. */
export interface TextTraits {
  /** A character that no test mentions. */
  readonly fresh: string;
  /** Some test looks at a string's parts or order, so equality with constants and hosts is not all there is. */
  readonly looksInside: boolean;
}

/** What a test says of every value of a cell. */
function verdict(atom: Atom, cell: Cell, traits: TextTraits, isLeft: boolean): Verdict {
  if (atom.role === 'field') return isMissing(cell) ? no : open;
  if (!isLeft) return open;
  switch (cell.kind) {
    case 'value':
      return atom.holds(cell.value) ? yes : no;
    case 'anything':
      return open;
    case 'elements':
      return looksAtElements(atom) ? open : atom.holds([traits.fresh]) ? yes : no;
    case 'text':
      return isOpenOnText(atom, cell, traits) ? open : atom.holds(cell.anchor + cell.head) ? yes : no;
  }
}

export function isMissing(cell: Cell): boolean {
  return cell.kind === 'value' && cell.value === undefined;
}

export function looksAtElements({ test: { operator }, role }: Atom): boolean {
  return role !== 'field' && elementOperators.has(operator);
}

const elementOperators: ReadonlySet<string> = new Set(['contains', 'not_contains', 'any_in', 'all_in', 'domain_in']);

function isOpenOnText({ role }: Atom, { anchor }: { anchor: string }, { looksInside }: TextTraits): boolean {
  switch (role) {
    case 'inner':
    case 'suffix':
    case 'pattern':
      return true;
    case 'host':
      return looksInside && !settlesHost(anchor);
    case 'normalized':
      return looksInside;
    default:
      return false;
  }
}

/**
 * Met by its constants and by nothing else, so that only these need asking about: rules that tell thousands of tenants
 * apart make as many of these tests of one field.
 */
function isSparse({ role, test: { operator } }: Atom): boolean {
  return role === 'exact' && (operator === '==' || operator === 'in');
}

/** How many times the evaluator is asked about that many values of a field; making a set of them counts as well. */
export function effortOn(values: number, atoms: readonly Atom[]): number {
  const dense = atoms.reduce((count, atom) => count + Number(!isSparse(atom)), 0);
  return values * (dense + Math.ceil((atoms.length - dense) / 64));
}

/** One cell for each way of answering the tests. A class of strings stands for another whose beginning continues its own. */
export function distinctCells(
  cells: readonly Cell[],
  own: readonly Atom[],
  traits: TextTraits,
  apart: (value: unknown) => unknown,
): Cell[] {
  const seen = new Map<string, Cell[]>();
  const dense = own.filter((atom) => !isSparse(atom));
  const mentions = mentionsIn(own.filter(isSparse));
  return cells.filter((cell) => {
    let isOpen = cell.kind === 'anything';
    const verdicts = packed(dense, (atom) => {
      const says = verdict(atom, cell, traits, true);
      isOpen ||= says === open;
      return says;
    });
    const mentioned = cell.kind === 'value' ? (mentions.get(cell.value) ?? []) : [];
    const met = mentioned.filter((atom) => atom.holds((cell as { value: unknown }).value));
    let key = `${met.map(({ id }) => id).join(' ')} ${verdicts}`;
    if (cell.kind === 'value') key = `${String(isMissing(cell))} ${String(apart(cell.value))} ${key}`;
    else if (!isOpen) key = `false ${String(apart(''))} ${key}`;
    if (isOpen) key = `${cell.kind} ${key}`;
    const alike = seen.get(key);
    if (alike === undefined) {
      seen.set(key, [cell]);
      return true;
    }
    if (cell.kind !== 'text' || !isOpen) return false;
    if (alike.some((other) => other.kind === 'text' && cell.anchor.startsWith(other.anchor))) return false;
    alike.push(cell);
    return true;
  });
}

/** The tests that compare with each constant. */
function mentionsIn(atoms: readonly Atom[]): ReadonlyMap<unknown, readonly Atom[]> {
  const mentions = new Map<unknown, Atom[]>();
  for (const atom of atoms) {
    for (const value of new Set(atom.constants)) {
      const known = mentions.get(value);
      if (known === undefined) mentions.set(value, [atom]);
      else known.push(atom);
    }
  }
  return mentions;
}

/** The first of the elements that the tests tell apart. */
export function distinctElements(own: readonly Atom[], candidates: readonly unknown[]): unknown[] {
  const atoms = own.filter(looksAtElements);
  const seen = new Set<string>();
  return candidates.filter((element) => {
    const key = packed(atoms, (atom) => (atom.holds([element]) ? yes : no));
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

const verdictsPerUnit = 7;
const unitsAtOnce = 4096;

/** What all tests say, in a short string: one that grew by a verdict at a time took gigabytes for thousands of tests. */
function packed(atoms: readonly Atom[], says: (atom: Atom) => Verdict): string {
  const units = new Uint16Array(Math.ceil(atoms.length / verdictsPerUnit));
  atoms.forEach((atom, i) => {
    const unit = Math.floor(i / verdictsPerUnit);
    units[unit] = (units[unit] as number) | (says(atom) << (2 * (i % verdictsPerUnit)));
  });
  let text = '';
  for (let from = 0; from < units.length; from += unitsAtOnce) {
    text += String.fromCharCode(...units.subarray(from, from + unitsAtOnce));
  }
  return text;
}

/** For each test of the field `name`, what it says about the cells. */
export function cellSetsOf(
  name: string,
  atoms: readonly Atom[],
  cells: readonly Cell[],
  elements: readonly unknown[],
  traits: TextTraits,
): ReadonlyMap<Atom, CellSets> {
  const places = new Map(cells.flatMap((cell, place) => (cell.kind === 'value' ? [[cell.value, place] as const] : [])));
  const all = maskOf(cells.length, () => true);
  const unknown = maskOf(cells.length, (place) => cells[place]?.kind === 'anything');
  return new Map(
    atoms.map((atom) => {
      if (isSparse(atom)) return [atom, sparseSets(atom, places, all, unknown)];
      const isLeft = atom.test.field === name;
      const verdicts = cells.map((cell) => verdict(atom, cell, traits, isLeft));
      return [atom, denseSets(atom, verdicts, elements)];
    }),
  );
}

function denseSets(atom: Atom, verdicts: readonly Verdict[], elements: readonly unknown[]): CellSets {
  const size = verdicts.length;
  return {
    mayHold: maskOf(size, (i) => verdicts[i] !== no),
    mayFail: maskOf(size, (i) => verdicts[i] !== yes),
    open: maskOf(size, (i) => verdicts[i] === open),
    elements: looksAtElements(atom) ? maskOf(elements.length, (i) => atom.holds([elements[i]])) : null,
  };
}

function sparseSets(atom: Atom, places: ReadonlyMap<unknown, number>, all: Mask, unknown: Mask): CellSets {
  const mayHold = unknown.slice();
  const mayFail = all.slice();
  for (const value of atom.constants) {
    const place = places.get(value);
    if (place === undefined || !atom.holds(value)) continue;
    const bit = 1 << (place & 31);
    mayHold[place >>> 5] = (mayHold[place >>> 5] as number) | bit;
    mayFail[place >>> 5] = (mayFail[place >>> 5] as number) & ~bit;
  }
  return { mayHold, mayFail, open: unknown, elements: null };
}
