import { isUtf8 } from 'node:buffer';
import { jsonPointer } from '@policy-studio/contract';

/** Levels of nesting a body may have: far more than any rule or context is allowed, far less than any stack. */
const maxDepth = 64;

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
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'unreadable', message: `the body is not valid JSON: ${(error as Error).message}` };
  }
  const scan = scanValue(value);
  if (typeof scan !== 'number') return scan;
  if (scan !== countKeys(text)) {
    return { kind: 'refused', path: duplicateKey(text), message: 'is written twice; each key may stand once' };
  }
  return { value, text };
}

/** The number of keys in `value`, or what is wrong with it. Iterative: nesting is the sender's choice. */
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
    if (stack.length >= maxDepth) return refused(`is nested deeper than ${maxDepth} levels`);
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

/** How many keys stand in valid JSON text: strings followed by a colon. */
function countKeys(text: string): number {
  let count = 0;
  for (let open = text.indexOf('"'); open !== -1; ) {
    const close = endOfString(text, open);
    let next = close + 1;
    while (isSpace(text.charCodeAt(next))) next += 1;
    if (text[next] === ':') count += 1;
    open = text.indexOf('"', next);
  }
  return count;
}

function endOfString(text: string, open: number): number {
  for (let close = text.indexOf('"', open + 1); ; close = text.indexOf('"', close + 1)) {
    let backslashes = 0;
    while (text[close - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return close;
  }
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
