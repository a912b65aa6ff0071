/** Context being made up: plain objects of its own. */
export type Draft = Record<string, unknown>;

/** What a path of own properties leads to; undefined when it leads nowhere. */
export function fieldIn(context: Readonly<Draft>, field: string): unknown {
  let value: unknown = context;
  for (const segment of field.split('.')) {
    if (!isDraft(value) || !Object.hasOwn(value, segment)) return undefined;
    value = value[segment];
  }
  return value;
}

/** Puts the value at the path, in place of whatever is in the way; undefined takes the field out. */
export function setField(context: Draft, field: string, value: unknown): void {
  const segments = field.split('.');
  if (segments.some((segment) => absentNames.has(segment))) return;
  let object = context;
  for (const segment of segments.slice(0, -1)) {
    const inner = Object.hasOwn(object, segment) ? object[segment] : undefined;
    if (isDraft(inner)) object = inner;
    else if (value === undefined) return;
    else {
      const made: Draft = {};
      object[segment] = made;
      object = made;
    }
  }
  const last = segments.at(-1) as string;
  if (value === undefined) delete object[last];
  else object[last] = value;
}

/** No test can read these, and assigning to one would do something else. */
const absentNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

function isDraft(value: unknown): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
