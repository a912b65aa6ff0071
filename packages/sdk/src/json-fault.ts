import { jsonPointer } from '@policy-studio/contract';

export interface JsonFault {
  /** JSON Pointer to the place. */
  readonly path: string;
  readonly message: string;
}

/**
 * The first place where `value` is not what JSON can carry, or null when it is JSON all through.
 *
 * `JSON.stringify` turns a NaN into null and a Date into text without a word, and a null field meets no condition: a
 * limit on an amount would be lost on the way. So such values are refused before they are sent or decided.
 * Object members that are `undefined` are left out, as JSON does. A cycle shows as too much depth.
 */
export function jsonFault(value: unknown, maxDepth: number, path = ''): JsonFault | null {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : { path, message: `is the number ${value}, which JSON cannot carry` };
    case 'object':
      break;
    default:
      return { path, message: `is of type ${typeof value}, which JSON cannot carry` };
  }
  if (value === null) return null;
  if (maxDepth === 0) return { path, message: 'is nested too deeply' };
  if (Array.isArray(value)) return arrayFault(value, maxDepth, path);
  if (!isPlain(value)) return { path, message: `is ${nameOf(value)}, not a plain object` };
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const fault = jsonFault(member, maxDepth - 1, '');
    if (fault !== null) return { path: `${path}${jsonPointer([name])}${fault.path}`, message: fault.message };
  }
  return null;
}

function arrayFault(values: readonly unknown[], maxDepth: number, path: string): JsonFault | null {
  for (let index = 0; index < values.length; index += 1) {
    const fault = jsonFault(values[index], maxDepth - 1, '');
    if (fault !== null) return { path: `${path}/${index}${fault.path}`, message: fault.message };
  }
  return null;
}

/** Plain in any realm: no prototype, or one that has none itself. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== '' ? `a ${name}` : 'an object of a class';
}
