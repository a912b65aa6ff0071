import {
  Composer,
  type CST,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type ParsedNode,
  Parser,
} from 'yaml';
import { type Diagnostic, type Path, quoted } from './diagnostic.js';
import { limits } from './limits.js';
import { maxRounded, mayRound, type RoundedNumber, roundedTo } from './rounded-number.js';
import { limitError, type Position, type SourceDocument, sourceError } from './source.js';

/** Reads one YAML 1.2 document of the core schema: string keys only, none twice, few aliases, no other tags. */
export function readYaml(text: string): SourceDocument | Diagnostic[] {
  try {
    return readDocument(text);
  } catch (error) {
    if (error instanceof TooDeep) return [tooDeep(null)];
    // Alias resolution reports by throwing.
    if (error instanceof ReferenceError) return [sourceError(lowerFirst(error.message), null)];
    throw error;
  }
}

class TooDeep extends Error {}

/** Tokens that open a document stand on the parser's stack besides the collections. */
const stackedTokens = 4;

/** The library composes nodes by recursion, and a native stack at its end kills the process, so depth is bounded before. */
function* boundedTokens(text: string, onLine: (offset: number) => void): Generator<CST.Token> {
  const parser = new Parser(onLine);
  onLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > limits.sourceDepth + stackedTokens) throw new TooDeep();
  }
  yield* parser.end();
}

function readDocument(text: string): SourceDocument | Diagnostic[] {
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const composer = new Composer<ParsedNode>({
    // The library's own check compares all pairs; the walk below does it with a set.
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    resolveKnownTags: false,
  });
  const [document, second] = composer.compose(boundedTokens(text, lines.addNewLine), true, text.length);
  if (document === undefined) throw new Error('an empty text has an empty document');
  if (second !== undefined) {
    return [sourceError('a bundle is one document: remove what follows `---`', position(second.range[0]))];
  }
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    return problems.slice(0, limits.diagnostics).map((problem) => {
      return sourceError(lowerFirst(problem.message), position(problem.pos[0]));
    });
  }
  const root = document.contents as ParsedNode | null;
  if (root === null) return [sourceError('the document is empty: write a list of rules', null)];
  const found = checkNodes(root, position);
  if (found.length > 0) return found;
  return {
    value: document.toJS({ maxAliasCount: limits.sourceAliases }) as unknown,
    locate: (path) => locateNode(root, path, position),
    rounded: () => (mayRound(text) ? roundedNumbers(root) : []),
  };
}

interface Visit {
  readonly node: unknown;
  readonly path: Path;
  readonly depth: number;
  /** Whether a collection around the node has an anchor. */
  readonly anchored: boolean;
}

function checkNodes(root: ParsedNode, position: (offset: number) => Position): Diagnostic[] {
  const found: Diagnostic[] = [];
  const pending: Visit[] = [{ node: root, path: [], depth: 0, anchored: false }];
  let aliases = 0;
  while (pending.length > 0 && found.length < limits.diagnostics) {
    const { node, path, depth, anchored } = pending.pop() as Visit;
    const at = startOf(node);
    if (isAlias(node)) {
      aliases += 1;
      if (aliases > limits.sourceAliases) {
        return [
          limitError(`a document has at most ${limits.sourceAliases} aliases: write the values out`, position(at)),
        ];
      }
    }
    if (isAlias(node) && anchored) {
      // So no value holds itself, and none grows with every alias.
      found.push(sourceError('an alias may not stand inside a value with an anchor: write it out', position(at), path));
    }
    if (!isMap(node) && !isSeq(node)) continue;
    const inside = { depth: depth + 1, anchored: anchored || node.anchor !== undefined };
    if (depth >= limits.sourceDepth) {
      return [tooDeep(position(at))];
    }
    if (isSeq(node)) {
      for (let i = node.items.length - 1; i >= 0; i--) {
        pending.push({ node: node.items[i], path: [...path, i], ...inside });
      }
      continue;
    }
    const keys = new Set<string>();
    for (const pair of node.items) {
      const key: unknown = isScalar(pair.key) ? pair.key.value : undefined;
      if (typeof key !== 'string') {
        found.push(sourceError('a key must be a string: put it in quotes', position(startOf(pair.key)), path));
        continue;
      }
      if (keys.has(key)) {
        const message = `the key ${quoted(key)} stands twice in this object: keep one`;
        found.push(sourceError(message, position(startOf(pair.key)), [...path, key]));
      }
      keys.add(key);
      pending.push({ node: pair.value, path: [...path, key], ...inside });
    }
  }
  return found;
}

/** Those of the nodes as written: a number is told of where it stands, not where an alias repeats it. */
function roundedNumbers(root: ParsedNode): RoundedNumber[] {
  const found: RoundedNumber[] = [];
  const pending: { node: unknown; path: Path }[] = [{ node: root, path: [] }];
  while (pending.length > 0 && found.length < maxRounded) {
    const { node, path } = pending.pop() as { node: unknown; path: Path };
    if (isScalar(node) && typeof node.value === 'number' && node.source !== undefined) {
      const value = roundedTo(node.source);
      if (value !== null) found.push({ path, text: node.source, value });
    } else if (isSeq(node)) {
      for (let i = node.items.length - 1; i >= 0; i--) pending.push({ node: node.items[i], path: [...path, i] });
    } else if (isMap(node)) {
      for (const { key, value } of [...node.items].reverse()) {
        pending.push({ node: value, path: [...path, String(isScalar(key) ? key.value : key)] });
      }
    }
  }
  return found;
}

function locateNode(root: ParsedNode, path: Path, position: (offset: number) => Position): Position | null {
  let node: unknown = root;
  let offset = startOf(root);
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === String(part));
      if (pair === undefined) break;
      offset = startOf(pair.key);
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      if (node === undefined) break;
      offset = startOf(node);
    } else break;
  }
  return position(offset);
}

function startOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}

function tooDeep(place: Position | null): Diagnostic {
  return limitError(`the document is nested more than ${limits.sourceDepth} levels deep`, place);
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
