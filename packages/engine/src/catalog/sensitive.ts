import { limits } from '../limits.js';
import { inPlaceOf } from './in-place.js';
import type { ContextSchema, SchemaNode } from './schema.js';

/** What stands in the place of a value that is kept out of records. */
export const redactedValue = '[redacted]';

/** A path of names from the context; `*` stands for every element of an array, or every field. */
export type SensitivePath = readonly string[];

const maxPaths = 1_000;
const maxSteps = 50_000;

/**
 * The paths whose schema says `x-sensitive: true`, those below another such path left out. Of a schema that has more
 * of them than can be listed every field is one.
 */
export function sensitivePaths(schema: ContextSchema): string[][] {
  if (!holdsSensitive(schema.root)) return [];
  const found = new Map<string, string[]>();
  let steps = maxSteps;
  const visit = (node: SchemaNode, path: readonly string[]): void => {
    steps -= 1;
    // Contexts are no deeper than that.
    if (steps < 0 || found.size > maxPaths || path.length > limits.contextDepth) return;
    if (node.sensitive) {
      found.set(JSON.stringify(path), [...path]);
      return;
    }
    for (const each of inPlaceOf(node)) visit(each, path);
    for (const [name, each] of node.object?.properties ?? []) visit(each, [...path, name]);
    for (const each of unnamedBelow(node)) visit(each, [...path, '*']);
  };
  visit(schema.root, []);
  return steps < 0 || found.size > maxPaths ? [['*']] : [...found.values()];
}

/** The schemas of a value's fields that are not called by name, and of its elements. */
function unnamedBelow({ object, array }: SchemaNode): SchemaNode[] {
  const found = [...(object?.patternProperties ?? []).map(({ node }) => node), ...(array?.prefix ?? [])];
  for (const each of [object?.additional, array?.rest, array?.contains?.node]) if (each !== undefined) found.push(each);
  return found;
}

function holdsSensitive(root: SchemaNode): boolean {
  const seen = new Set([root]);
  for (const node of seen) {
    if (node.sensitive) return true;
    const below = [...inPlaceOf(node), ...(node.object?.properties.values() ?? []), ...unnamedBelow(node)];
    for (const each of below) seen.add(each);
  }
  return false;
}

/**
 * The context with the values at the paths replaced by `"[redacted]"`, and the dotted places where there was one. The
 * context given is not changed; the same object when nothing is replaced. Missing and null values stay as they are.
 *
 * `strict` is for a context that violates its schema: where it has another shape than the path expects, what stands
 * there may be the sensitive value itself, and is replaced whole.
 */
export function redact(
  context: Readonly<Record<string, unknown>>,
  paths: readonly SensitivePath[],
  { strict = false }: { readonly strict?: boolean } = {},
): { context: Readonly<Record<string, unknown>>; redacted: string[] } {
  const redacted: string[] = [];
  let result: unknown = context;
  for (const path of paths) result = replaced(result, path, [], { redacted, strict });
  return { context: result as Readonly<Record<string, unknown>>, redacted };
}

interface Replacing {
  readonly redacted: string[];
  readonly strict: boolean;
}

function replaced(value: unknown, path: SensitivePath, above: readonly string[], replacing: Replacing): unknown {
  if (value === null || value === undefined) return value;
  const [name, ...rest] = path;
  const misshapen = typeof value !== 'object' || (Array.isArray(value) && name !== '*');
  if (name === undefined || (misshapen && replacing.strict)) {
    if (value === redactedValue) return value;
    replacing.redacted.push(above.join('.'));
    return redactedValue;
  }
  if (misshapen) return value;
  if (Array.isArray(value)) {
    let changed = false;
    const elements = value.map((element, i) => {
      const next = replaced(element, rest, [...above, String(i)], replacing);
      changed ||= next !== element;
      return next;
    });
    return changed ? elements : value;
  }
  const members = value as Readonly<Record<string, unknown>>;
  let changed = false;
  const entries = Object.entries(members).map(([key, member]): [string, unknown] => {
    if (name !== '*' && key !== name) return [key, member];
    const next = replaced(member, rest, [...above, key], replacing);
    changed ||= next !== member;
    return [key, next];
  });
  return changed ? Object.fromEntries(entries) : value;
}
