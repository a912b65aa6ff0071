export type Path = readonly (string | number)[];

export type DiagnosticCode =
  | 'invalid-source'
  | 'invalid-rule'
  | 'duplicate-id'
  | 'invalid-condition'
  | 'invalid-catalog'
  | 'invalid-schema'
  | 'limit-exceeded';

/**
 * One thing that is wrong with what someone wrote. `path` leads from the value that was checked to the place;
 * `line` and `column` (1-based) are present when the source text is known.
 */
export interface Diagnostic {
  code: DiagnosticCode;
  message: string;
  rule_id: string | null;
  path: Path;
  line?: number;
  column?: number;
}

/** The candidate most like `word` (at most two edits, and less than half of it), or null. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const wanted = word.slice(0, 64).toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.min(2, Math.ceil(wanted.length / 2) - 1);
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance || (distance === bestDistance && best === null)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `, did you mean x?` in the form messages use, or nothing. */
export function hint(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === null ? '' : `, did you mean \`${found}\`?`;
}

/** A value of the author's, short and in back ticks, for a message. */
export function quoted(text: string): string {
  return `\`${text.length > 80 ? `${text.slice(0, 77)}...` : text}\``;
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
