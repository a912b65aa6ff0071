import { type Constraint, constraintOf, elementOf, memberOf, namesIn, nodesIn, shapeOf } from './constraint.js';
import type { ContextSchema, SchemaNode } from './schema.js';
import { arrays, objects, shapeKinds, textSamples } from './shape.js';
import { type ContextViolation, violationsWithin } from './validate.js';

type Context = Readonly<Record<string, unknown>>;
type Members = Record<string, unknown>;

/** Work of checking one witness; they are small, so a schema that asks for more of it is not worth the wait. */
export const witnessWork = 5_000;

/** Bounds of one completion. */
const maxAttempts = 32;
const maxPlaces = 256;
const maxCandidates = 24;
const maxDepth = 6;

interface Repair {
  readonly schema: ContextSchema;
  readonly root: Constraint;
  /** Fields that tests look at. */
  readonly fixed: readonly string[];
  attempts: number;
}

/**
 * The context with what the schema asks for besides, so that it is let through; null when that is not found. Fields that
 * are looked at stay as they are, apart from what else an object holds.
 */
export function completed(schema: ContextSchema, context: Context, looked: readonly string[]): Context | null {
  const repair: Repair = { schema, root: constraintOf(schema.root), fixed: looked, attempts: maxAttempts };
  let current = context;
  let violations: readonly ContextViolation[] = violationsWithin(schema, current, witnessWork);
  while (violations.length > 0) {
    const better = repaired(repair, current, violations);
    if (better === null) return null;
    ({ context: current, violations } = better);
  }
  return current;
}

interface Repaired {
  readonly context: Context;
  readonly violations: readonly ContextViolation[];
}

/** The context without one of the violations, and with no more others than before. */
function repaired(repair: Repair, context: Context, before: readonly ContextViolation[]): Repaired | null {
  // Nothing helps where the whole is wrong, or too much work.
  if (before.some(({ path }) => path.length === 0)) return null;
  for (const { path } of before) {
    const field = path.join('.');
    for (const candidate of candidatesAt(repair, context, path)) {
      repair.attempts -= 1;
      if (repair.attempts < 0) return null;
      if (candidate === null) continue;
      const violations = violationsWithin(repair.schema, candidate, witnessWork);
      const isGone = !violations.some((each) => each.path.join('.') === field);
      if (isGone && violations.length <= before.length) return { context: candidate, violations };
    }
  }
  return null;
}

/** Contexts that differ at one place, where that may differ. */
function* candidatesAt({ root, fixed }: Repair, context: Context, path: readonly string[]): Generator<Context | null> {
  const field = path.join('.');
  const parent = path.slice(0, -1);
  if (fixed.includes(field)) return;
  // What is asked to be an empty object must stay one.
  if (fixed.includes(parent.join('.')) && Object.keys(objectAt(context, parent) ?? {}).length === 0) return;
  if (isAbove(field, fixed)) {
    if (objectAt(context, path) === null) yield withValue(context, path, {});
    return;
  }
  for (const value of candidatesFor(path.reduce(memberOf, root))) yield withValue(context, path, value);
  yield* withoutField(context, path, root, fixed);
}

function isAbove(field: string, others: readonly string[]): boolean {
  return others.some((other) => other.startsWith(`${field}.`));
}

/** Leaves the field out; where that would empty its object, another takes its place. */
function* withoutField(
  context: Context,
  path: readonly string[],
  root: Constraint,
  fixed: readonly string[],
): Generator<Context | null> {
  const parent = path.slice(0, -1);
  const name = path[path.length - 1] as string;
  const { [name]: _, ...rest } = objectAt(context, parent) ?? {};
  if (Object.keys(rest).length > 0 || parent.length === 0) {
    yield withValue(context, parent, rest);
    return;
  }
  const above = parent.reduce(memberOf, root);
  for (const other of namesIn(above)) {
    const field = [...parent, other].join('.');
    if (other === name || fixed.includes(field) || isAbove(field, fixed)) continue;
    for (const value of candidatesFor(memberOf(above, other))) yield withValue(context, parent, { [other]: value });
  }
}

function objectAt(context: Context, path: readonly string[]): Members | null {
  let value: unknown = context;
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return null;
    value = value[name];
  }
  return isObject(value) ? value : null;
}

/** Null where the way there leads through something else than objects. */
function withValue(context: Context, path: readonly string[], value: unknown): Context | null {
  const [name, ...rest] = path;
  if (name === undefined) return isObject(value) ? value : null;
  if (rest.length === 0) return Object.fromEntries([...Object.entries(context), [name, value]]);
  const below = Object.hasOwn(context, name) ? context[name] : undefined;
  if (!isObject(below)) return null;
  const inner = withValue(below, rest, value);
  return inner === null ? null : Object.fromEntries([...Object.entries(context), [name, inner]]);
}

/** Values that may stand at a place, those first that its schemas give themselves. Some may not be let through. */
function candidatesFor(constraint: Constraint, places = { left: maxPlaces }, depth = 0): unknown[] {
  places.left -= 1;
  if (places.left < 0 || depth > maxDepth) return [];
  const { kinds, values, minimum, maximum } = shapeOf(constraint);
  const nodes = nodesIn(constraint);
  const found: unknown[] = nodes.flatMap(({ written, values: lists = [] }) => {
    const { default: standard, examples } = written;
    return [
      ...(standard === undefined ? [] : [standard]),
      ...(Array.isArray(examples) ? examples.slice(0, 2) : []),
      ...lists.flatMap((list) => list.slice(0, 4)),
    ];
  });
  if (values !== null) found.push(...values.slice(0, 4));
  if (kinds & shapeKinds.string) found.push(...textSamples(nodes.flatMap(({ text }) => text ?? [])));
  if (kinds & (shapeKinds.integer | shapeKinds.fraction)) found.push(...numbersFor(minimum, maximum, nodes));
  if (kinds & shapeKinds.boolean) found.push(true, false);
  if (kinds & arrays) found.push(...arraysFor(constraint, nodes, places, depth));
  if (kinds & objects) found.push(...objectsFor(constraint, nodes, places, depth));
  if (kinds & shapeKinds.null) found.push(null);
  return found.slice(0, maxCandidates);
}

function numbersFor(minimum: number, maximum: number, nodes: readonly SchemaNode[]): number[] {
  const steps = nodes.flatMap(({ number }) => number?.multipleOf ?? []);
  const near = steps.map((step) => Math.ceil(Math.max(minimum, 0) / step) * step);
  const within = [0, 1, ...near, Math.ceil(minimum), Math.floor(maximum), minimum, maximum];
  return within.filter((value) => Number.isFinite(value) && value >= minimum && value <= maximum);
}

interface Places {
  left: number;
}

function arraysFor(constraint: Constraint, nodes: readonly SchemaNode[], places: Places, depth: number): unknown[] {
  const least = Math.min(8, Math.max(0, ...nodes.map(({ array }) => array?.minItems ?? 0)));
  const elements = candidatesFor(elementOf(constraint), places, depth + 1);
  const filled = elements.slice(0, 4).map((element) => new Array(Math.max(1, least)).fill(element));
  return [...(least === 0 ? [[]] : []), elements.slice(0, least), ...filled];
}

function objectsFor(constraint: Constraint, nodes: readonly SchemaNode[], places: Places, depth: number): unknown[] {
  const required = new Set(nodes.flatMap(({ object }) => object?.required ?? []));
  const choices = [...required].map((name) => {
    return [name, candidatesFor(memberOf(constraint, name), places, depth + 1)] as const;
  });
  return [0, 1].map((choice) =>
    Object.fromEntries(choices.map(([name, values]) => [name, values[choice] ?? values[0] ?? null])),
  );
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
