import type { Path } from '../diagnostic.js';
import type { PatchOperation } from './finding.js';

/** The JSON Pointer (RFC 6901) of a path from the array of rules. */
export function pointerOf(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

export function replace(path: Path, value: unknown): PatchOperation {
  return { op: 'replace', path: pointerOf(path), value };
}

export function add(path: Path, value: unknown): PatchOperation {
  return { op: 'add', path: pointerOf(path), value };
}

export function remove(path: Path): PatchOperation {
  return { op: 'remove', path: pointerOf(path) };
}

/** The edits that give a member of an object another key; none where the key is taken, for that would overwrite. */
export function rename(
  owner: Readonly<Record<string, unknown>>,
  path: Path,
  key: string,
  newKey: string,
): PatchOperation[] | null {
  if (Object.hasOwn(owner, newKey) || !Object.hasOwn(owner, key)) return null;
  return [remove([...path, key]), add([...path, newKey], owner[key])];
}

/** What stands at the path, or undefined. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
