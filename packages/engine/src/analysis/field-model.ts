import type { Scalar } from '../condition.js';
import { type FieldReader, fieldReader } from '../field.js';
import type { Atom } from './atom.js';
import {
  cellSetsOf,
  distinctCells,
  distinctElements,
  effortOn,
  isMissing,
  looksAtElements,
  type TextTraits,
} from './cell-sets.js';
import {
  admitsScalar,
  admitsType,
  type FieldDomain,
  instantsAround,
  isIntegerOnly,
  nowField,
  someValue,
} from './domain.js';
import { domainsApart, settlesHost, textsWithHost, variantsOf } from './host-texts.js';
import { type Mask, maskOf } from './mask.js';
import { everyNumber, numberCells } from './number-cells.js';
import { patternSamples } from './pattern-sample.js';
import { charactersOf, type FreeText, textClasses, unusedCharacter } from './text-cells.js';

/**
 * What a field may be, as finitely many classes of values: every value behaves, towards the tests of the pair, like one
 * of them. `value` is one value (undefined: missing), `text` a class of strings, `elements` the non-empty arrays,
 * `anything` strings about which nothing is known.
 */
export type Cell =
  | { readonly kind: 'value'; readonly value: unknown }
  | ({ readonly kind: 'text' } & FreeText)
  | { readonly kind: 'elements' }
  | { readonly kind: 'anything' };

/** What a test says about the cells of one field. */
export interface CellSets {
  readonly mayHold: Mask;
  readonly mayFail: Mask;
  /** Cells where it depends on more than the cell. */
  readonly open: Mask;
  /** Elements that satisfy the test as an array of one; null when the test does not look at elements. */
  readonly elements: Mask | null;
}

export interface FieldModel {
  readonly index: number;
  readonly name: string;
  readonly read: FieldReader;
  readonly cells: readonly Cell[];
  readonly all: Mask;
  /** Cells of one value, about which no test leaves anything open unless it compares fields. */
  readonly singles: Mask;
  readonly missing: Mask;
  /** Plain objects that are not empty: what a field must be for one below it to be present. */
  readonly object: Mask;
  /** Representatives of the elements of arrays. */
  readonly elements: readonly unknown[];
  readonly everyElement: Mask;
  /** A character that no test mentions. */
  readonly fresh: string;
  /** Which `domain_in` tests hold together, by atom: one row for each kind of host. */
  readonly hostKinds: readonly ReadonlySet<Atom>[];
  readonly sets: ReadonlyMap<Atom, CellSets>;
}

export interface FieldInput {
  readonly index: number;
  readonly name: string;
  /** The tests on the field, those where it is the right side included. */
  readonly atoms: readonly Atom[];
  /** Constants of fields it is compared with. */
  readonly shared: readonly Scalar[];
  readonly domain: FieldDomain;
  readonly alwaysMissing: boolean;
  /** Values that must not be merged though all tests agree on them. */
  readonly apart: (value: unknown) => unknown;
  /** Counts the work of asking the evaluator. */
  readonly spend: (work: number) => void;
}

/** Beyond this many members, those of a list that nothing else mentions stand for each other if equality is all that counts. */
const manyMembers = 64;

export function fieldModel(input: FieldInput): FieldModel {
  const { atoms, domain } = input;
  const own = atoms.filter(({ test }) => test.field === input.name);
  const traits = traitsOf(input, own);
  const candidates = input.alwaysMissing ? [missing] : cellsOf(input, own, traits);
  const elements = input.alwaysMissing ? [] : distinctElements(own, elementCandidates(own, traits, domain.items ?? {}));
  const present = candidates.filter(({ kind }) => kind !== 'elements' || elements.length > 0);
  const compared = atoms.some(({ role }) => role === 'field');
  const cells = compared ? present : distinctCells(present, own, traits, input.apart);
  input.spend(effortOn(present.length, atoms));
  const size = cells.length;
  return {
    index: input.index,
    name: input.name,
    read: fieldReader(input.name),
    cells,
    all: maskOf(size, () => true),
    singles: maskOf(size, (i) => cells[i]?.kind === 'value'),
    missing: maskOf(size, (i) => isMissing(cells[i] as Cell)),
    object: maskOf(size, (i) => isFilledObject(cells[i] as Cell)),
    elements,
    everyElement: maskOf(elements.length, () => true),
    fresh: traits.fresh,
    hostKinds: hostKinds(own, traits),
    sets: cellSetsOf(input.name, atoms, cells, elements, traits),
  };
}

const missing: Cell = { kind: 'value', value: undefined };
/** Stands for every object that is not empty. */
export const filledObject: Readonly<Record<string, unknown>> = Object.freeze({ other: true });

function isFilledObject(cell: Cell): boolean {
  return cell.kind === 'value' && cell.value === filledObject;
}

interface Traits extends TextTraits {
  readonly strings: readonly string[];
  readonly numbers: readonly number[];
  readonly used: ReadonlySet<string>;
  readonly domains: readonly string[];
  readonly complete: boolean;
}

function traitsOf({ shared, domain }: FieldInput, own: readonly Atom[]): Traits {
  const looksInside = own.some(({ role }) => ['order', 'prefix', 'inner', 'suffix', 'pattern'].includes(role));
  const interchangeable = own.every(isEquality) && Object.keys(domain).length === 0;
  const constants = new Set<Scalar>([...shared, ...(domain.values ?? [])]);
  const strings = new Set<string>();
  const mentions = new Map<Scalar, number>();
  const crowded = own.some((atom) => atom.constants.length > manyMembers);
  if (crowded)
    for (const atom of own) for (const value of atom.constants) mentions.set(value, (mentions.get(value) ?? 0) + 1);
  for (const atom of own) {
    let alone = 0;
    const sample = interchangeable && atom.constants.length > manyMembers;
    for (const value of atom.constants) {
      if (sample && mentions.get(value) === 1) {
        alone += 1;
        if (alone > keptAlone) continue;
      }
      constants.add(value);
    }
  }
  for (const value of constants) if (typeof value === 'string') strings.add(value);
  const used = charactersOf([...strings, ...own.flatMap((atom) => (crowded ? textsOf(atom) : []))]);
  const fresh = unusedCharacter(used);
  const domains = domainsApart(own);
  for (const atom of own) {
    const normalize = normalizeOf(atom);
    if (normalize === undefined) continue;
    for (const member of atom.constants) {
      if (typeof member !== 'string' || !strings.has(member)) continue;
      for (const text of variantsOf(member, normalize, strings, fresh ?? 'x')) strings.add(text);
    }
  }
  return {
    strings: [...strings],
    numbers: [...constants].filter((value) => typeof value === 'number'),
    used,
    fresh: fresh ?? '\u{1f600}',
    domains,
    looksInside,
    complete: fresh !== null,
  };
}

const keptAlone = 3;
const orders: ReadonlySet<string> = new Set(['>', '<', '>=', '<=']);

function isEquality({ role, test: { operator } }: Atom): boolean {
  return role === 'exact' && !orders.has(operator);
}

function textsOf(atom: Atom): string[] {
  return atom.constants.filter((value) => typeof value === 'string');
}

function normalizeOf({ role, test: { operand }, resources }: Atom) {
  return role === 'normalized' && operand.kind === 'list' ? resources.list(operand.name).normalize : undefined;
}

/** Every cell, those first that make the plainest witness. */
function cellsOf(input: FieldInput, own: readonly Atom[], traits: Traits): Cell[] {
  const { domain } = input;
  const cells: Cell[] = [];
  const add = (values: readonly unknown[]) => cells.push(...values.map((value): Cell => ({ kind: 'value', value })));
  if (domain.required !== true || domain.values?.includes(null)) cells.push(missing);
  const booleans = own.some(({ constants }) => constants.some((value) => typeof value === 'boolean'));
  if (booleans) add(scalarsOf(domain, [true, false]));
  const numbers = numbersOf(domain, traits.numbers);
  if (traits.numbers.length > 0) add(numbers);
  cells.push(...textCells(input, own, traits));
  if (traits.numbers.length === 0) add(numbers);
  if (!booleans) add(scalarsOf(domain, [true, false]));
  if (admitsType(domain, 'array')) {
    if (domain.emptyArrays !== 'never') add([[]]);
    if (domain.emptyArrays !== 'always') cells.push({ kind: 'elements' });
  }
  if (admitsType(domain, 'object')) {
    if (domain.emptyObjects !== 'never') add([{}]);
    if (domain.emptyObjects !== 'always') add([filledObject]);
  }
  return cells;
}

function scalarsOf(domain: FieldDomain, values: readonly Scalar[]): Scalar[] {
  return values.filter((value) => value !== null && admitsScalar(domain, value));
}

function numbersOf(domain: FieldDomain, thresholds: readonly number[]): Scalar[] {
  const { minimum = everyNumber.minimum, maximum = everyNumber.maximum, values } = domain;
  if (values !== undefined)
    return scalarsOf(
      domain,
      values.filter((value) => typeof value === 'number'),
    );
  if (!admitsType(domain, 'number')) return [];
  const cells = numberCells(thresholds, { minimum, maximum, integer: isIntegerOnly(domain) });
  const extreme = (value: number) => Number(Math.abs(value) === Number.MAX_VALUE);
  return cells.sort((a, b) => extreme(a) - extreme(b));
}

function textCells({ name, domain, atoms }: FieldInput, own: readonly Atom[], traits: Traits): Cell[] {
  if (!admitsType(domain, 'string')) return [];
  const value = (text: string): Cell => ({ kind: 'value', value: text });
  if (domain.values !== undefined) {
    return scalarsOf(
      domain,
      domain.values.filter((each) => typeof each === 'string'),
    ).map((text) => value(text as string));
  }
  if (name === nowField) {
    const certain = atoms.every(({ role }) => role === 'exact' || role === 'order' || role === 'prefix');
    const instants = instantsAround(traits.strings).map(value);
    return certain ? instants : [...instants, { kind: 'anything' }];
  }
  const { fresh, domains, strings, used } = traits;
  const withRole = (role: Atom['role']) => own.filter((atom) => atom.role === role).flatMap(textsOf);
  const prefixes = withRole('prefix');
  const exact = new Set(['', ...strings]);
  const anchors: string[] = [];
  for (const domain of domains) {
    const inside = traits.looksInside;
    const texts = textsWithHost(domain, inside ? prefixes : [], inside ? withRole('suffix') : [], fresh);
    for (const text of texts.exact) exact.add(text);
    if (inside) anchors.push(...texts.anchors.filter(settlesHost));
  }
  for (const { test, role } of own) {
    if (role !== 'pattern' || test.operand.kind !== 'value') continue;
    for (const text of patternSamples(String(test.operand.value))) exact.add(text);
  }
  const classes = textClasses(prefixes, withRole('order'), used, fresh);
  for (const text of classes.exact) exact.add(text);
  const free = [...classes.free, ...anchors.map((anchor): FreeText => ({ anchor, head: fresh }))];
  const texts = [...new Set([...(domain.samples ?? []), ...exact])].filter((text) => admitsScalar(domain, text));
  const cells = [...texts.map(value), ...free.map((text): Cell => ({ kind: 'text', ...text }))];
  return classes.complete && traits.complete ? cells : [...cells, { kind: 'anything' }];
}

function elementCandidates(own: readonly Atom[], traits: Traits, items: FieldDomain): unknown[] {
  if (!own.some(looksAtElements)) return [Object.keys(items).length === 0 ? [] : someValue(items)];
  const { fresh, domains } = traits;
  const values: unknown[] = [];
  if (admitsType(items, 'string')) {
    const texts = items.values?.filter((value) => typeof value === 'string') ?? [
      fresh,
      ...traits.strings,
      ...domains.flatMap((domain) => [`https://${domain}/`, `${fresh}@${domain}`, `https://${domain}/${fresh}`]),
    ];
    values.push(...scalarsOf(items, texts));
  }
  values.push(...numbersOf(items, traits.numbers), ...scalarsOf(items, [true, false]));
  if (items.types === undefined && (items.values === undefined || items.values.includes(null))) values.push(null);
  if (admitsType(items, 'object')) values.push({});
  if (admitsType(items, 'array')) values.push([]);
  return values;
}

/** Whether a test on an array needs every element to pass; else one is enough. */
export function needsEvery({ test: { operator } }: Atom): boolean {
  return operator !== 'contains' && operator !== 'any_in';
}

/** The sets of `domain_in` tests that one string can satisfy, and no others. */
function hostKinds(own: readonly Atom[], { domains }: Traits): ReadonlySet<Atom>[] {
  const atoms = own.filter(({ role }) => role === 'host');
  return [
    new Set<Atom>(),
    ...domains.map((domain) => new Set(atoms.filter((atom) => atom.holds(`https://${domain}/`)))),
  ];
}
