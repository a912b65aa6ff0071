import type { PatchOperation } from '../lint/finding.js';

/**
 * The rules after the patch, whose operations apply one after the other (RFC 6902 `add`, `replace`, `remove`). What is
 * not changed is shared with the rules given, which stay as they are. Throws when an operation does not fit the rules: a
 * patch is for the rules it was made from.
 */
export function applyPatch(rules: readonly unknown[], patch: readonly PatchOperation[]): unknown[] {
  let value: unknown = rules;
  for (const operation of patch) value = applied(value, pointerOf(operation.path), operation);
  if (!Array.isArray(value)) throw new Error('after the patch there is no list of rules any more');
  return value === rules ? [...value] : value;
}

/**
 * The patches that may be applied together, as one patch, and the places (in the list given) of those that must wait for
 * findings made anew. All are made for the same rules; of those that touch one rule the first is taken, and a patch that
 * adds or removes a rule among other steps, or touches several, goes alone.
 */
export function combinePatches(patches: readonly (readonly PatchOperation[])[]): {
  patch: PatchOperation[];
  waiting: number[];
} {
  const byRule = new Map<string, readonly PatchOperation[]>();
  const waiting: number[] = [];
  for (const [place, patch] of patches.entries()) {
    const touched = new Set(patch.map(({ path }) => pointerOf(path)[0] ?? ''));
    const [rule = ''] = touched;
    const moves = patch.length > 1 && patch.some(({ op, path }) => op !== 'replace' && pointerOf(path).length === 1);
    const isAlone = moves || touched.size !== 1 || !isIndex(rule);
    if (isAlone && place === 0) return { patch: [...patch], waiting: patches.slice(1).map((_, other) => other + 1) };
    if (isAlone || byRule.has(rule)) waiting.push(place);
    else byRule.set(rule, patch);
  }
  // From the last rule to the first, so that no operation moves what a later one means.
  const ordered = [...byRule].sort(([a], [b]) => Number(b) - Number(a));
  return { patch: ordered.flatMap(([, patch]) => patch), waiting };
}

/** The parts of a JSON Pointer (RFC 6901), unescaped. */
export function pointerOf(path: string): string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) throw misfit(path, 'a pointer begins with `/`');
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The index in an array of this length that a pointer's part names; `-`, the end, only where something is added. */
export function indexIn(length: number, part: string, operation: PatchOperation): number {
  const end = operation.op === 'add' ? length : length - 1;
  const index = part === '-' ? length : Number(part);
  if ((part !== '-' && !isIndex(part)) || index > end) throw misfit(operation.path, `there is no element ${part}`);
  return index;
}

/** The error of an operation that does not fit what it is applied to. */
export function misfit(path: string, why: string): Error {
  return new Error(`the patch does not fit the rules at \`${path}\`: ${why}`);
}

function isIndex(part: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(part);
}

function applied(value: unknown, [part, ...rest]: readonly string[], operation: PatchOperation): unknown {
  if (part === undefined) {
    if (operation.op === 'remove') throw misfit(operation.path, 'the whole list cannot be removed');
    return operation.value;
  }
  if (Array.isArray(value)) {
    const copy: unknown[] = [...value];
    if (rest.length > 0) {
      const index = indexIn(copy.length, part, { ...operation, op: 'remove' });
      copy[index] = applied(copy[index], rest, operation);
    } else if (operation.op === 'remove') copy.splice(indexIn(copy.length, part, operation), 1);
    else copy.splice(indexIn(copy.length, part, operation), operation.op === 'add' ? 0 : 1, operation.value);
    return copy;
  }
  if (typeof value !== 'object' || value === null) throw misfit(operation.path, `nothing can hold \`${part}\``);
  const entries = new Map(Object.entries(value));
  if (!entries.has(part) && (operation.op !== 'add' || rest.length > 0))
    throw misfit(operation.path, `there is no \`${part}\``);
  if (rest.length > 0) entries.set(part, applied(entries.get(part), rest, operation));
  else if (operation.op === 'remove') entries.delete(part);
  else entries.set(part, operation.value);
  return Object.fromEntries(entries);
}
