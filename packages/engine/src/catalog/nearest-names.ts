/** How many names are offered at most. */
const offered = 3;

interface Candidate {
  readonly name: string;
  readonly lower: string;
  readonly letters: number;
}

/**
 * Finds the names most like a word, at most three, the likest first: those a few edits away (at most three, and at most
 * a third of the word), then those that share the last segment or hold the word as one of theirs. Candidates that cannot
 * be near are passed over by their length and letters, so that many unknown names in a large catalog stay cheap.
 */
export function nearestIn(names: readonly string[]): (word: string, accepts?: (name: string) => boolean) => string[] {
  const candidates = names.map((name): Candidate => {
    const lower = name.toLowerCase();
    return { name, lower, letters: lettersOf(lower) };
  });
  return (word, accepts = () => true) => {
    const wanted = word.slice(0, 128).toLowerCase();
    const most = Math.min(3, Math.floor(wanted.length / 3));
    const letters = lettersOf(wanted);
    const last = wanted.slice(wanted.lastIndexOf('.') + 1);
    const scored: { name: string; score: number }[] = [];
    for (const { name, lower, letters: own } of candidates) {
      if (lower === wanted && name === word) continue;
      let score = most + 1;
      if (Math.abs(lower.length - wanted.length) <= most && bitCount(own ^ letters) <= 2 * most) {
        score = editDistance(wanted, lower, most);
      }
      if (score > most) score = sharesSegment(lower, wanted, last) ? most + 1 : Number.POSITIVE_INFINITY;
      if (Number.isFinite(score) && accepts(name)) scored.push({ name, score });
    }
    scored.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
    return scored.slice(0, offered).map(({ name }) => name);
  };
}

function sharesSegment(candidate: string, wanted: string, last: string): boolean {
  if (last.length < 3) return false;
  return candidate === last || candidate.endsWith(`.${last}`) || wanted.endsWith(`.${candidate}`);
}

/** Which letters occur, as bits; an edit changes at most two of them. */
function lettersOf(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits |= 1 << (text.charCodeAt(i) & 31);
  return bits;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/** Edits between the texts, looked for no further than `most`; more than that when there are more. */
function editDistance(a: string, b: string, most: number): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = new Array<number>(b.length + 1).fill(most + 1);
    next[0] = i;
    let least = i;
    const from = Math.max(1, i - most);
    const to = Math.min(b.length, i + most);
    for (let j = from; j <= to; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const value = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      next[j] = value;
      least = Math.min(least, value);
    }
    if (least > most) return most + 1;
    row = next;
  }
  return row[b.length] ?? 0;
}
