import type { Diagnostic, DiagnosticCode, Path } from '../diagnostic.js';

/**
 * Why a value cannot be taken as a JSON document of at most so many bytes and levels, or null. Looks no further than the
 * bounds, so that values that contain themselves are refused too.
 */
export function jsonProblem(
  value: unknown,
  maxBytes: number,
  maxDepth: number,
  what: 'schema' | 'catalog',
): Diagnostic | null {
  const code: DiagnosticCode = what === 'schema' ? 'invalid-schema' : 'invalid-catalog';
  const refusal = (message: string, path: Path, as: DiagnosticCode): Diagnostic => ({
    code: as,
    message,
    rule_id: null,
    path,
  });
  const pending: { value: unknown; path: PathLink | null; depth: number }[] = [{ value, path: null, depth: 0 }];
  let bytes = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value: each, path, depth } = next;
    const size = sizeOf(each, maxBytes);
    if (size === null) {
      const message = `a ${what} must be JSON, and \`${typeof each}\` is none of its types`;
      return refusal(message, pathOf(path), code);
    }
    bytes += size;
    if (bytes > maxBytes) {
      return refusal(`the ${what} is larger than ${maxBytes} bytes: shorten it`, [], 'limit-exceeded');
    }
    if (typeof each !== 'object' || each === null) continue;
    if (depth >= maxDepth) {
      const message = `the ${what} nests more than ${maxDepth} levels deep: flatten it`;
      return refusal(message, pathOf(path), 'limit-exceeded');
    }
    const entries = Object.entries(each);
    for (let i = entries.length - 1; i >= 0; i--) {
      const [key, member] = entries[i] as [string, unknown];
      if (member === undefined && !Array.isArray(each)) continue;
      if (!Array.isArray(each)) bytes += key.length + 4;
      if (bytes > maxBytes) break;
      const segment = Array.isArray(each) ? i : key;
      pending.push({ value: member, path: { segment, above: path }, depth: depth + 1 });
    }
  }
  return null;
}

interface PathLink {
  readonly segment: string | number;
  readonly above: PathLink | null;
}

function pathOf(link: PathLink | null): Path {
  const path: (string | number)[] = [];
  for (let at = link; at !== null; at = at.above) path.push(at.segment);
  return path.reverse();
}

/** About how many bytes a value is as JSON, its members left out; null for what JSON cannot hold. */
function sizeOf(value: unknown, most: number): number | null {
  switch (typeof value) {
    case 'string':
      return value.length > most ? most + 1 : utf8Length(value) + 3;
    case 'number':
      return Number.isFinite(value) ? String(value).length + 1 : null;
    case 'boolean':
      return 6;
    case 'object':
      return value === null ? 5 : 3;
    default:
      return null;
  }
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7ff) bytes += 2;
    else if (unit > 0x7f) bytes += 1;
  }
  return bytes;
}
