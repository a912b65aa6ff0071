import type { Scalar } from '../condition.js';
import { type Constraint, constraintOf, elementOf, memberOf, namesIn, nodesIn, shapeOf } from './constraint.js';
import type { ContextSchema } from './schema.js';
import { arrays, objects, shapeKinds, textSamples } from './shape.js';
import { type ContextViolation, validateContext } from './validate.js';

type Context = Readonly<Record<string, unknown>>;
type Members = Record<string, unknown>;

const maxRounds = 16;
const maxCandidates = 24;
const maxDepth = 6;

/**
 * The context with what the schema asks for besides, so that it is let through; null when that is not found. Fields that
 * are looked at stay as they are, apart from what else an object holds.
 */
export function completed(schema: ContextSchema, context: Context, looked: readonly string[]): Context | null {
  const root = constraintOf(schema.root);
  const fixed = new Set(looked);
  let current = context;
  for (let round = 0; round < maxRounds; round++) {
    const violations = validateContext(schema, current);
    if (violations.length === 0) return current;
    const next = firstOf(violations, (violation) => repaired(schema, root, current, violation, fixed, violations));
    if (next === null) return null;
    current = next;
  }
  return null;
}

function firstOf<T, R>(from: Iterable<T>, attempt: (each: T) => R | null): R | null {
  for (const each of from) {
    const result = attempt(each);
    if (result !== null) return result;
  }
  return null;
}

/** The context without this violation, and without more of others than there were. */
function repaired(
  schema: ContextSchema,
  root: Constraint,
  context: Context,
  { path }: ContextViolation,
  fixed: ReadonlySet<string>,
  before: readonly ContextViolation[],
): Context | null {
  const field = path.join('.');
  if (path.length === 0 || fixed.has(field)) return null;
  const parent = path.slice(0, -1);
  // What is asked to be an empty object must stay one.
  if (fixed.has(parent.join('.')) && Object.keys(objectAt(context, parent) ?? {}).length === 0) return null;
  let constraint = root;
  for (const name of path) constraint = memberOf(constraint, name);
  const isAbove = [...fixed].some((other) => other.startsWith(`${field}.`));
  const isBetter = (candidate: Context) => {
    const after = validateContext(schema, candidate);
    return !after.some((each) => each.path.join('.') === field) && after.length <= before.length;
  };
  const attempts = function* (): Generator<Context | null> {
    if (isAbove) {
      if (objectAt(context, path) === null) yield withValue(context, path, {});
      return;
    }
    for (const value of candidatesFor(constraint, 0)) yield withValue(context, path, value);
    yield* withoutField(context, path, root, fixed);
  };
  return firstOf(attempts(), (candidate) => (candidate !== null && isBetter(candidate) ? candidate : null));
}

/** Leaves the field out; where that would empty its object, another takes its place. */
function* withoutField(
  context: Context,
  path: readonly string[],
  root: Constraint,
  fixed: ReadonlySet<string>,
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
    if (other === name || fixed.has(field) || [...fixed].some((each) => each.startsWith(`${field}.`))) continue;
    for (const value of candidatesFor(memberOf(above, other), 0)) yield withValue(context, parent, { [other]: value });
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
function candidatesFor(constraint: Constraint, depth: number): unknown[] {
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
  if (kinds & (shapeKinds.integer | shapeKinds.fraction)) found.push(...numbersFor(minimum, maximum, constraint));
  if (kinds & shapeKinds.boolean) found.push(true, false);
  if (kinds & arrays) found.push(...arraysFor(constraint, depth));
  if (kinds & objects) found.push(...objectsFor(constraint, depth));
  if (kinds & shapeKinds.null) found.push(null);
  return found.slice(0, maxCandidates);
}

function numbersFor(minimum: number, maximum: number, constraint: Constraint): Scalar[] {
  const steps = nodesIn(constraint).flatMap(({ number }) => number?.multipleOf ?? []);
  const near = steps.map((step) => Math.ceil(Math.max(minimum, 0) / step) * step);
  const within = [0, 1, ...near, Math.ceil(minimum), Math.floor(maximum), minimum, maximum];
  return within.filter((value) => Number.isFinite(value) && value >= minimum && value <= maximum);
}

function arraysFor(constraint: Constraint, depth: number): unknown[] {
  if (depth >= maxDepth) return [[]];
  const least = Math.min(8, Math.max(0, ...nodesIn(constraint).map(({ array }) => array?.minItems ?? 0)));
  const elements = candidatesFor(elementOf(constraint), depth + 1);
  const filled = elements.slice(0, 4).map((element) => new Array(Math.max(1, least)).fill(element));
  return [...(least === 0 ? [[]] : []), elements.slice(0, least), ...filled];
}

function objectsFor(constraint: Constraint, depth: number): unknown[] {
  if (depth >= maxDepth) return [{}];
  const required = new Set(nodesIn(constraint).flatMap(({ object }) => object?.required ?? []));
  const choices = [...required].map((name) => [name, candidatesFor(memberOf(constraint, name), depth + 1)] as const);
  return [0, 1].map((choice) =>
    Object.fromEntries(choices.map(([name, values]) => [name, values[choice] ?? values[0] ?? null])),
  );
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
