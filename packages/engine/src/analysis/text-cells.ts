/**
 * A class of strings: `anchor`, then `head` (a character that no test mentions, standing for all that could follow
 * there), then anything. What tests look for inside or at the end can be put behind the head, so it never decides here.
 */
export interface FreeText {
  readonly anchor: string;
  readonly head: string;
}

export interface TextClasses {
  /** Strings that need a cell of their own besides the constants. */
  readonly exact: readonly string[];
  readonly free: readonly FreeText[];
  /** False when some strings may behave like none of these. */
  readonly complete: boolean;
}

const plainCharacters = 'xzqjkvwyubfghmpldcrnostiae0123456789-_~XZQJKVWY';
const afterLastCodePoint = 0x110000;
const maxNodes = 20_000;

/** A character that occurs in none of the texts; null when every candidate does. */
export function unusedCharacter(used: ReadonlySet<string>): string | null {
  for (const character of plainCharacters) if (!used.has(character)) return character;
  for (let code = 0xa1; code < 0xd800; code++) {
    const character = String.fromCharCode(code);
    if (!used.has(character) && character.toLowerCase() === character && character.trim() !== '') return character;
  }
  return null;
}

/** The classes of strings that tests of beginning and order tell apart; `used` holds the characters of every test. */
export function textClasses(
  prefixes: readonly string[],
  orders: readonly string[],
  used: ReadonlySet<string>,
  fresh: string,
): TextClasses {
  if (orders.length === 0) {
    const anchors = [...new Set(['', ...prefixes])].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    return { exact: [], free: anchors.map((anchor) => ({ anchor, head: fresh })), complete: wellFormed(prefixes) };
  }
  const root = trieOf([...prefixes, ...orders]);
  if (root === null) return { exact: [], free: [{ anchor: '', head: fresh }], complete: false };
  const exact: string[] = [];
  const free: FreeText[] = [];
  let complete = wellFormed(prefixes) && wellFormed(orders);
  // Breadth first: the shorter anchor stands for the longer ones that behave alike.
  const queue: [string, Trie][] = [['', root]];
  for (let i = 0; i < queue.length; i++) {
    const [anchor, node] = queue[i] as [string, Trie];
    if (node.has(0)) exact.push(anchor);
    const next = [...node.keys()].sort((a, b) => a - b);
    let low = -1;
    for (const high of [...next, afterLastCodePoint]) {
      if (high > low + 1) {
        const head = unusedBetween(low, high, used, fresh);
        if (head !== null) free.push({ anchor, head });
        else if (high - low < 1000) {
          for (let code = low + 1; code < high; code++) {
            if (code >= 0xd800 && code < 0xe000) complete = false;
            else queue.push([anchor + String.fromCodePoint(code), new Map()]);
          }
        } else complete = false;
      }
      low = high;
    }
    for (const [code, child] of node) queue.push([anchor + String.fromCodePoint(code), child]);
  }
  return { exact, free, complete };
}

type Trie = Map<number, Trie>;

function trieOf(texts: readonly string[]): Trie | null {
  const root: Trie = new Map();
  let nodes = 0;
  for (const text of texts) {
    let node = root;
    for (const character of text) {
      const code = character.codePointAt(0) as number;
      let child = node.get(code);
      if (child === undefined) {
        nodes += 1;
        if (nodes > maxNodes) return null;
        child = new Map();
        node.set(code, child);
      }
      node = child;
    }
  }
  return root;
}

/** A character strictly between two code points that no test mentions. */
function unusedBetween(low: number, high: number, used: ReadonlySet<string>, fresh: string): string | null {
  const freshCode = fresh.codePointAt(0) as number;
  if (freshCode > low && freshCode < high) return fresh;
  for (const character of '5Mm~ ') {
    const code = character.codePointAt(0) as number;
    if (code > low && code < high && !used.has(character)) return character;
  }
  for (let code = Math.max(low + 1, 0); code < high; code++) {
    if (code === 0xd800) code = 0xe000;
    if (code >= high) break;
    const character = String.fromCodePoint(code);
    if (!used.has(character)) return character;
  }
  return null;
}

/** Tests look at UTF-16 units but order is that of code points: half a pair is where the two part. */
function wellFormed(texts: readonly string[]): boolean {
  return texts.every((text) => !/[\ud800-\udfff]/.test(text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '')));
}

/** The characters of the texts, both as units and as code points. */
export function charactersOf(texts: Iterable<string>): Set<string> {
  const used = new Set<string>();
  for (const text of texts) {
    for (const character of text) {
      used.add(character);
      if (character.length === 2) used.add(character.charAt(0)).add(character.charAt(1));
    }
  }
  return used;
}
