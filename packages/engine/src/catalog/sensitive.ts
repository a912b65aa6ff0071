import { inPlaceOf } from './in-place.js';
import type { ContextSchema, SchemaNode } from './schema.js';

/** What stands in the place of a value that is kept out of records. */
export const redactedValue = '[redacted]';

/** A path of names from the context; `*` stands for every element of an array, or every field. */
export type SensitivePath = readonly string[];

const maxPaths = 1_000;
const maxDepth = 16;
const maxSteps = 50_000;

/** The paths whose schema says `x-sensitive: true`, those below another such path left out. */
export function sensitivePaths(schema: ContextSchema): string[][] {
  const found = new Map<string, string[]>();
  let steps = maxSteps;
  const visit = (node: SchemaNode, path: readonly string[]): void => {
    steps -= 1;
    if (steps < 0 || found.size >= maxPaths || path.length > maxDepth) return;
    if (node.sensitive) {
      found.set(JSON.stringify(path), [...path]);
      return;
    }
    for (const each of inPlaceOf(node)) visit(each, path);
    const { object, array } = node;
    for (const [name, each] of object?.properties ?? []) visit(each, [...path, name]);
    for (const { node: each } of object?.patternProperties ?? []) visit(each, [...path, '*']);
    if (object?.additional !== undefined) visit(object.additional, [...path, '*']);
    for (const each of [...(array?.prefix ?? []), ...(array?.rest === undefined ? [] : [array.rest])]) {
      visit(each, [...path, '*']);
    }
  };
  visit(schema.root, []);
  return [...found.values()];
}

/**
 * The context with the values at the paths replaced by `"[redacted]"`, and the dotted places where there was one. The
 * context given is not changed; the same object when nothing is replaced. Missing and null values stay as they are.
 */
export function redact(
  context: Readonly<Record<string, unknown>>,
  paths: readonly SensitivePath[],
): { context: Readonly<Record<string, unknown>>; redacted: string[] } {
  const redacted: string[] = [];
  let result: unknown = context;
  for (const path of paths) result = replaced(result, path, [], redacted);
  return { context: result as Readonly<Record<string, unknown>>, redacted };
}

function replaced(value: unknown, path: SensitivePath, above: readonly string[], redacted: string[]): unknown {
  if (value === null || value === undefined) return value;
  const [name, ...rest] = path;
  if (name === undefined) {
    if (value === redactedValue) return value;
    redacted.push(above.join('.'));
    return redactedValue;
  }
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    if (name !== '*') return value;
    let changed = false;
    const elements = value.map((element, i) => {
      const next = replaced(element, rest, [...above, String(i)], redacted);
      changed ||= next !== element;
      return next;
    });
    return changed ? elements : value;
  }
  const members = value as Readonly<Record<string, unknown>>;
  let changed = false;
  const entries = Object.entries(members).map(([key, member]): [string, unknown] => {
    if (name !== '*' && key !== name) return [key, member];
    const next = replaced(member, rest, [...above, key], redacted);
    changed ||= next !== member;
    return [key, next];
  });
  return changed ? Object.fromEntries(entries) : value;
}
