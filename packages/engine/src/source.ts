import type { Diagnostic, Path } from './diagnostic.js';
import type { RoundedNumber } from './rounded-number.js';

/** A place in a text, both 1-based; columns count UTF-16 units. */
export interface Position {
  line: number;
  column: number;
}

/** A document read from text: its value and where each part of it stands. */
export interface SourceDocument {
  readonly value: unknown;
  /** Where the value at the path begins, or the nearest enclosing value that is there; null for an empty document. */
  locate(path: Path): Position | null;
  /** The numbers that are read as others, by their paths, in the order written; looked for when asked. */
  rounded(): readonly RoundedNumber[];
}

export function sourceError(message: string, position: Position | null, path: Path = []): Diagnostic {
  return { code: 'invalid-source', message, rule_id: null, path, ...position };
}

export function limitError(message: string, position: Position | null): Diagnostic {
  return { ...sourceError(message, position), code: 'limit-exceeded' };
}

/** Turns offsets into positions; lines end with LF, CR or CRLF. */
export function lineIndex(text: string): (offset: number) => Position {
  const starts = [0];
  for (const end of text.matchAll(/\r\n|\n|\r/g)) starts.push(end.index + end[0].length);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
