import { isUtf8 } from 'node:buffer';
import { jsonPointer } from '@policy-studio/contract';

/** Levels of nesting a body may have: far more than any rule or context is allowed, far less than any stack. */
const maxDepth = 64;
/** Values in a body: a bundle of 10,000 rules has some hundred thousand. Each may take twenty times the room of its text. */
const maxValues = 2_000_000;

export type JsonFault =
  | { readonly kind: 'unreadable'; readonly message: string }
  | { readonly kind: 'refused'; readonly path: string; readonly message: string };

/**
 * Parses a body. Beyond JSON.parse it refuses what two readers could understand differently or what cannot be stored and
 * hashed faithfully: duplicate keys, numbers that overflow, text that is no Unicode, extreme nesting. `__proto__` is a key
 * like any other.
 */
export function parseJson(bytes: Buffer): { value: unknown; text: string } | JsonFault {
  if (!isUtf8(bytes)) return { kind: 'unreadable', message: 'the body is not valid UTF-8' };
  const text = bytes.toString('utf8');
  // First, since what is deep or manifold costs seconds and hundreds of megabytes to parse.
  const outline = outlineOf(text);
  if (outline.kind === 'refused') return outline;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'unreadable', message: `the body is not valid JSON: ${(error as Error).message}` };
  }
  const scan = scanValue(value);
  if (typeof scan !== 'number') return scan;
  if (scan !== outline.keys) {
    return { kind: 'refused', path: duplicateKey(text), message: 'is written twice; each key may stand once' };
  }
  return { value, text };
}

/** The number of keys in `value`, or what is wrong with it. */
function scanValue(root: unknown): number | JsonFault {
  interface Frame {
    readonly value: object;
    readonly keys: readonly string[] | null;
    index: number;
  }
  const stack: Frame[] = [];
  const path = (): string => jsonPointer(stack.map(({ keys, index }) => (keys ? (keys[index - 1] ?? '') : index - 1)));
  const refused = (message: string): JsonFault => ({ kind: 'refused', path: path(), message });
  let count = 0;
  const enter = (value: unknown): JsonFault | null => {
    if (typeof value === 'number')
      return Number.isFinite(value) ? null : refused('is a number beyond what can be kept');
    if (typeof value === 'string') return isWellFormed(value) ? null : refused('is not valid Unicode');
    if (typeof value !== 'object' || value === null) return null;
    const keys = Array.isArray(value) ? null : Object.keys(value);
    count += keys?.length ?? 0;
    stack.push({ value, keys, index: 0 });
    return null;
  };
  const first = enter(root);
  if (first) return first;
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const { value, keys, index } = frame;
    if (index >= (keys ?? (value as unknown[])).length) {
      stack.pop();
      continue;
    }
    frame.index += 1;
    const key = keys?.[index];
    if (key !== undefined && !isWellFormed(key)) return refused('is not valid Unicode');
    const fault = enter(key === undefined ? (value as unknown[])[index] : (value as Record<string, unknown>)[key]);
    if (fault) return fault;
  }
  return count;
}

/** `String.prototype.isWellFormed` is there from Node 20 on; the compiler's library does not know it yet. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/**
 * How many keys stand in JSON text, or that there is too much in it. Of text that is no JSON the number means nothing; it
 * is found in one pass all the same.
 */
function outlineOf(text: string): { readonly kind: 'fine'; readonly keys: number } | (JsonFault & { kind: 'refused' }) {
  let depth = 0;
  let keys = 0;
  let commas = 0;
  for (let index = 0; index < text.length; index += 1) {
    switch (text.charCodeAt(index)) {
      case 0x22: // "
        index = endOfString(text, index);
        if (index === -1) return { kind: 'fine', keys };
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        if (depth > maxDepth) {
          return { kind: 'refused', path: '', message: `is nested deeper than ${maxDepth} levels` };
        }
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case 0x3a: // :
        keys += 1;
        break;
      case 0x2c: // ,
        commas += 1;
        break;
    }
  }
  // As many values as there are commas, but for the first of each object and array.
  return commas > maxValues
    ? { kind: 'refused', path: '', message: `has more than ${maxValues} values` }
    : { kind: 'fine', keys };
}

/** -1: it has none. */
function endOfString(text: string, open: number): number {
  for (let close = text.indexOf('"', open + 1); close !== -1; close = text.indexOf('"', close + 1)) {
    let backslashes = 0;
    while (text[close - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return close;
  }
  return -1;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** JSON Pointer of the first key that repeats one of its object. Only for text that is known to have one. */
function duplicateKey(text: string): string {
  const stack: { seen: Set<string> | null; at: string | number }[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const top = stack.at(-1);
    switch (text[index]) {
      case '{':
        stack.push({ seen: new Set(), at: '' });
        break;
      case '[':
        stack.push({ seen: null, at: 0 });
        break;
      case '}':
      case ']':
        stack.pop();
        break;
      case ',':
        if (top && typeof top.at === 'number') top.at += 1;
        break;
      case '"': {
        const close = endOfString(text, index);
        let next = close + 1;
        while (isSpace(text.charCodeAt(next))) next += 1;
        if (text[next] === ':' && top?.seen) {
          const key = JSON.parse(text.slice(index, close + 1)) as string;
          top.at = key;
          if (top.seen.has(key)) return jsonPointer(stack.map(({ at }) => at));
          top.seen.add(key);
        }
        index = close;
        break;
      }
    }
  }
  return '';
}
