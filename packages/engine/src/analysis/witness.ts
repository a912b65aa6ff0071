import { sameJson } from '../canonical.js';
import { fieldReader } from '../field.js';
import { type ContextTyping, someValue } from './domain.js';
import { type Cell, type FieldModel, filledObject } from './field-model.js';
import { type Demand, demandsOf, elementNeeds, type FieldState, textNeeds } from './field-state.js';
import { difference, intersection, type Mask, maskOf, membersOf } from './mask.js';
import { patternSamples } from './pattern-sample.js';
import { type Context, choose, copyOf, type Space, type State, type UndecidedReason } from './solver.js';

const maxAttempts = 4000;
const maxCandidates = 96;

/** A context within the state that meets all its demands, or what kept it from being found. */
export function realize(space: Space, state: State, typing: ContextTyping | undefined): Context | UndecidedReason {
  const search: Assignment = { space, values: [], attempts: 0, stuck: 'text' };
  if (!assign(search, state, 0)) return search.stuck;
  const context = contextOf(space, search.values, typing);
  if (typing?.admits?.(context) !== false) return context;
  const names = space.fields.map(({ name }) => name);
  const complete = typing.complete?.(context, names) ?? null;
  return complete !== null && typing.admits(complete) && isLike(space, context, complete) ? complete : 'schema';
}

/** Whether no test tells the contexts apart: fields are the same, and objects that hold something still do. */
function isLike({ fields, comparesFields }: Space, a: Context, b: Context): boolean {
  return fields.every(({ read }) => {
    const [before, after] = [read(a), read(b)];
    if (isFilled(before) && isFilled(after) && !comparesFields) return true;
    return before === after || (before !== undefined && after !== undefined && sameJson(before, after));
  });
}

function isFilled(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

interface Assignment {
  readonly space: Space;
  readonly values: unknown[];
  attempts: number;
  stuck: UndecidedReason;
}

interface Candidate {
  readonly value: unknown;
  readonly cells: Mask;
}

/** Gives the fields values one after the other. Only tests between fields, and guesses, can send it back. */
function assign(search: Assignment, state: State, index: number): boolean {
  const { space, values } = search;
  const model = space.fields[index];
  if (model === undefined) return true;
  const fieldState = state.fields[index] as FieldState;
  const plain = plainCell(model, fieldState);
  if (plain !== -1) {
    values[index] = (model.cells[plain] as Cell & { kind: 'value' }).value;
    return assignRest(search, state, model, plain);
  }
  const demands = demandsOf(fieldState);
  const between = demands.filter(({ atom }) => atom.role === 'field');
  let found = false;
  for (const { value, cells } of candidates(search, model, fieldState, demands, between)) {
    search.attempts += 1;
    if (search.attempts > maxAttempts) break;
    values[index] = value;
    if (!between.every((each) => agrees(search, index, each))) continue;
    found = true;
    const next = copyOf(state);
    if (choose(space, next, index, cells) && assign(search, next, index + 1)) return true;
  }
  if (!found) search.stuck = between.length > 0 ? 'field' : reasonOf(demands);
  return false;
}

/** The first live cell that is a single value, when no test between fields has a say; else -1. */
function plainCell({ cells }: FieldModel, { live, open }: FieldState): number {
  if (open.some(({ atom }) => atom.role === 'field')) return -1;
  for (let word = 0; word < live.length; word++) {
    for (let bits = live[word] as number; bits !== 0; bits &= bits - 1) {
      const index = word * 32 + 31 - Math.clz32(bits & -bits);
      if (cells[index]?.kind === 'value') return index;
    }
  }
  return -1;
}

function assignRest(search: Assignment, state: State, model: FieldModel, cell: number): boolean {
  if (search.space.ties.length === 0) return assign(search, state, model.index + 1);
  const next = copyOf(state);
  return choose(search.space, next, model.index, only(model, cell)) && assign(search, next, model.index + 1);
}

function reasonOf(demands: readonly Demand[]): UndecidedReason {
  const roles = new Set(demands.map(({ atom }) => atom.role));
  if (roles.has('pattern')) return 'matches';
  if (roles.has('host')) return 'domain_in';
  return roles.has('normalized') ? 'normalize' : 'text';
}

/** Whether a demand between two fields is met; one whose other side has no value yet may be. */
function agrees({ space, values }: Assignment, index: number, { atom, sign }: Demand): boolean {
  const { test } = atom;
  const left = space.fieldIndex.get(test.field) as number;
  const right = test.operand.kind === 'field' ? (space.fieldIndex.get(test.operand.field) as number) : left;
  if (left > index || right > index) return true;
  return atom.holds(values[left], values[right]) === sign;
}

function* candidates(
  search: Assignment,
  model: FieldModel,
  state: FieldState,
  demands: readonly Demand[],
  between: readonly Demand[],
): Generator<Candidate> {
  const alone = demands.filter(({ atom }) => atom.role !== 'field');
  const fits = (value: unknown) => alone.every(({ atom, sign }) => atom.holds(value) === sign);
  const present = difference(difference(model.all, model.missing), model.object);
  for (const value of between.flatMap((each) => likePartner(search, model, each))) {
    if (!isPlain(value) || !fits(value) || !mayBe(model, state, value)) continue;
    yield { value, cells: present };
  }
  let count = 0;
  for (const index of membersOf(state.live)) {
    const cells = only(model, index);
    for (const value of valuesOf(model, model.cells[index] as Cell, state, alone)) {
      if ((model.cells[index] as Cell).kind !== 'value' && !fits(value)) continue;
      yield { value, cells };
      count += 1;
      if (count > maxCandidates) return;
    }
  }
}

function only(model: FieldModel, index: number): Mask {
  return maskOf(model.cells.length, (cell) => cell === index);
}

function isPlain(value: unknown): boolean {
  return value !== undefined && (typeof value !== 'object' || Array.isArray(value));
}

/** Whether a value that is in no cell by itself is of a sort the field may hold. */
function mayBe(model: FieldModel, state: FieldState, value: unknown): boolean {
  return membersOf(state.live).some((index) => {
    const cell = model.cells[index] as Cell;
    if (cell.kind === 'elements') return Array.isArray(value) && value.length > 0;
    if (cell.kind === 'text') return typeof value === 'string';
    return cell.kind === 'value' && cell.value === value;
  });
}

/** Values that stand in a simple relation to what the other field of a test has been given. */
function likePartner({ space, values }: Assignment, model: FieldModel, { atom }: Demand): unknown[] {
  const { field, operand } = atom.test;
  if (operand.kind !== 'field') return [];
  const other = space.fieldIndex.get(field === model.name ? operand.field : field) as number;
  if (other >= model.index) return [];
  const value = values[other];
  const like: unknown[] = [value];
  if (typeof value === 'string')
    like.push(`${value}${model.fresh}`, `${model.fresh}${value}`, value.slice(1), value.slice(0, -1));
  if (Array.isArray(value)) like.push(...value, [...value, model.fresh]);
  else if (value !== undefined) like.push([value], [value, model.fresh]);
  return like;
}

function* valuesOf(model: FieldModel, cell: Cell, state: FieldState, demands: readonly Demand[]): Generator<unknown> {
  switch (cell.kind) {
    case 'value':
      yield cell.value;
      return;
    case 'elements': {
      const { allowed, needed } = elementNeeds(model, state.open);
      const chosen = new Set(needed.map((mask) => membersOf(intersection(mask, allowed))[0] ?? -1));
      if (chosen.size === 0) chosen.add(membersOf(allowed)[0] ?? -1);
      if (!chosen.has(-1)) yield [...chosen].sort((a, b) => a - b).map((element) => model.elements[element]);
      return;
    }
    case 'text':
      yield* texts(cell.anchor, cell.head, model.fresh, demands);
      return;
    case 'anything':
      yield* texts('', model.fresh, model.fresh, demands);
  }
}

/** Strings that begin with the anchor and meet the needs, then guesses for what patterns and hosts want. */
function* texts(anchor: string, head: string, fresh: string, demands: readonly Demand[]): Generator<string> {
  const needs = textNeeds(demands);
  if (needs === null) return;
  const inside = needs.inside.map((part) => part + fresh).join('');
  const { end } = needs;
  yield anchor + head + inside + end;
  const samples = demands
    .filter(({ atom, sign }) => atom.role === 'pattern' && sign)
    .map(({ atom: { test } }) => (test.operand.kind === 'value' ? patternSamples(String(test.operand.value)) : []));
  if (samples.length === 0) return;
  for (const choice of [0, 1]) {
    const parts = samples.map((each) => each[choice] ?? each[0] ?? '');
    for (const sample of [parts.join(fresh), ...parts]) {
      yield anchor + head + sample + fresh + inside + end;
      yield anchor + sample + fresh + inside + end;
      yield anchor + head + inside + sample;
      yield anchor + inside + sample;
      yield anchor + sample + end;
      yield anchor + sample;
      yield sample + fresh + inside + end;
      yield inside + sample;
      yield sample + end;
    }
  }
}

/** The fields' values as a context, with what the typing requires besides. */
function contextOf(space: Space, values: readonly unknown[], typing: ContextTyping | undefined): Context {
  const context: Record<string, unknown> = {};
  for (const { index, name } of space.fields) {
    if (values[index] !== undefined) put(context, name, structuredValue(space, values[index], name));
  }
  for (const [name, domain] of Object.entries(typing?.fields ?? {})) {
    if (domain.required !== true || space.fieldIndex.has(name) || fieldReader(name)(context) !== undefined) continue;
    put(context, name, someValue(domain));
  }
  return context;
}

/** An object below which other fields are looked at must not hold them by accident. */
function structuredValue(space: Space, value: unknown, name: string): unknown {
  if (value !== filledObject) return value;
  const below = space.fields
    .filter((field) => field.name.startsWith(`${name}.`))
    .map((field) => field.name.slice(name.length + 1).split('.')[0]);
  let key = 'other';
  while (below.includes(key)) key += '_';
  return { [key]: true };
}

function put(context: Record<string, unknown>, name: string, value: unknown): void {
  if (!name.includes('.')) {
    context[name] = value;
    return;
  }
  const segments = name.split('.');
  let object = context;
  for (const segment of segments.slice(0, -1)) {
    const known = Object.hasOwn(object, segment) ? object[segment] : undefined;
    if (typeof known === 'object' && known !== null && !Array.isArray(known)) object = known as Record<string, unknown>;
    else {
      const made: Record<string, unknown> = {};
      object[segment] = made;
      object = made;
    }
  }
  object[segments[segments.length - 1] as string] = value;
}
