/** What kind of JSON value a field holds, as bits so that sets of kinds are numbers. Missing has no bit. */
export const kinds = { string: 1, number: 2, boolean: 4, array: 8, object: 16 } as const;
export const everyKind = 31;

export function kindOf(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return kinds.string;
    case 'number':
      return kinds.number;
    case 'boolean':
      return kinds.boolean;
    case 'undefined':
      return 0;
    default:
      return Array.isArray(value) ? kinds.array : kinds.object;
  }
}

/** Reads one field of a context; `undefined` when it is missing (absent or null). */
export type FieldReader = (context: Readonly<Record<string, unknown>>) => unknown;

const absentNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * A reader for a dotted path of own properties, through plain objects only. A number that is not one (NaN, which JSON
 * cannot hold) reads as missing.
 */
export function fieldReader(field: string): FieldReader {
  const segments = field.split('.');
  if (segments.some((segment) => absentNames.has(segment))) return () => undefined;
  const [first = '', ...rest] = segments;
  if (rest.length === 0) {
    return (context) => (Object.hasOwn(context, first) ? presentOrUndefined(context[first]) : undefined);
  }
  return (context) => {
    let value: unknown = Object.hasOwn(context, first) ? context[first] : undefined;
    for (let i = 0; i < rest.length; i++) {
      const segment = rest[i] as string;
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      value = Object.hasOwn(value, segment) ? (value as Record<string, unknown>)[segment] : undefined;
    }
    return presentOrUndefined(value);
  };
}

function presentOrUndefined(value: unknown): unknown {
  // NaN is the one value that differs from itself.
  // biome-ignore lint/suspicious/noSelfCompare: the fastest test for NaN
  return value === null || value !== value ? undefined : value;
}
