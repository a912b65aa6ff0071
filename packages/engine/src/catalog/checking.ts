import { limits } from '../limits.js';
import type { SchemaType } from './schema.js';

/** One way in which a context breaks its schema. */
export interface ContextViolation {
  /** From the context: names of fields, positions in arrays as decimal text. */
  readonly path: readonly string[];
  readonly message: string;
}

export const validationLimits = {
  /** violations reported at once */
  violations: 16,
  /** schemas applied to values, values compared and characters matched, together: some 100 ms at the worst */
  work: 200_000,
} as const;

/** Ends a validation that no answer can be given for; a `not` must not turn it into a pass. */
export class Unsettled extends Error {}
export const tooDeep = `it nests more than ${limits.contextDepth} levels deep: flatten it`;

export interface Check {
  work: number;
  /** Null while alternatives are tried, where only the answer counts. */
  found: ContextViolation[] | null;
}

export interface Place {
  readonly name: string | number;
  readonly above: Place | null;
}

export function spend(check: Check, work: number): void {
  check.work -= work;
  if (check.work < 0) throw new Unsettled('checking it against the schema is too much work: simplify the schema');
}

/** Notes a violation, unless alternatives are being tried; always false. */
export function broken(check: Check, place: Place | null, message: string): false {
  if (check.found !== null && check.found.length < validationLimits.violations) {
    const path: string[] = [];
    for (let at = place; at !== null; at = at.above) path.push(String(at.name));
    check.found.push({ path: path.reverse(), message });
  }
  return false;
}

export type Kind = Exclude<SchemaType, 'integer'>;

export const kindNames: Readonly<Record<SchemaType, string>> = {
  null: 'null',
  boolean: 'true or false',
  number: 'a number',
  integer: 'an integer',
  string: 'a string',
  array: 'an array',
  object: 'an object',
};

export function kindOf(value: unknown): Kind | null {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return typeof value as 'string' | 'boolean';
    case 'number':
      return Number.isFinite(value) ? 'number' : null;
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'array' : 'object';
    default:
      return null;
  }
}

export function isOfType(types: readonly SchemaType[], kind: Kind, value: unknown): boolean {
  return types.includes(kind) || (kind === 'number' && types.includes('integer') && Number.isInteger(value));
}

export function typeNames(types: readonly SchemaType[]): string {
  return types.length === 0 ? 'absent' : types.map((type) => kindNames[type]).join(' or ');
}

/** How many values there are in a value, itself included; null when one of them has no JSON. */
export function sizeOf(check: Check, value: unknown): number | null {
  let size = 0;
  const pending = [{ value, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    size += 1;
    if (kindOf(next.value) === null) return null;
    if (next.depth > limits.contextDepth) throw new Unsettled(tooDeep);
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const member of Object.values(next.value)) {
      if (member !== undefined) pending.push({ value: member, depth: next.depth + 1 });
    }
    if (pending.length > check.work) return pending.length;
  }
  return size;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : noun.endsWith('y') ? '' : 's'}`;
}
