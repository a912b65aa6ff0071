import { findNodeAtLocation, type Node, type ParseError, type ParseErrorCode, parseTree, visit } from 'jsonc-parser';
import { type Diagnostic, type Path, quoted } from './diagnostic.js';
import { limits } from './limits.js';
import { maxRounded, mayRound, type RoundedNumber, roundedTo } from './rounded-number.js';
import { limitError, lineIndex, type Position, type SourceDocument, sourceError } from './source.js';

const strict = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };

/** Reads strict JSON: no comments, no trailing commas, no key twice in an object. */
export function readJson(text: string): SourceDocument | Diagnostic[] {
  const index = lazy(() => lineIndex(text));
  const tooDeep = depthProblem(text);
  if (tooDeep !== null) {
    return [limitError(`the document is nested more than ${limits.sourceDepth} levels deep`, index()(tooDeep))];
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return syntaxErrors(text, index());
  }
  const duplicates = duplicateKeys(text);
  if (duplicates.length > 0) return duplicates;
  const tree = lazy(() => parseTree(text, [], strict));
  return { value, locate: (path) => locateNode(tree(), path, index), rounded: () => roundedNumbers(text) };
}

function locateNode(root: Node | undefined, path: Path, index: () => (offset: number) => Position): Position | null {
  if (root === undefined) return null;
  for (let length = path.length; length >= 0; length--) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    // A key that is wrong is what people look for, so the position is the key's and not its value's.
    const place = node?.parent?.type === 'property' ? (node.parent.children?.[0] ?? node) : node;
    if (place !== undefined) return index()(place.offset);
  }
  return null;
}

const syntaxMessages: Readonly<Partial<Record<ParseErrorCode, string>>> = {
  1: 'this is not a JSON value: strings and keys need double quotes',
  2: 'this is not a JSON number',
  3: 'a key in double quotes is missing here: add it, or remove the comma',
  4: 'a value is missing here: remove the comma, or add the value',
  5: 'a colon is missing here',
  6: 'a comma is missing here',
  7: 'a closing brace is missing here',
  8: 'a closing bracket is missing here',
  9: 'nothing may follow the document here',
  10: 'JSON has no comments: remove this one, or use YAML',
  11: 'a comment has no end',
  12: 'a string has no end',
  13: 'a number has no end',
  14: 'this is not a unicode escape',
  15: 'this is not an escape that JSON knows',
  16: 'this character may not stand here: escape it',
};

function syntaxErrors(text: string, position: (offset: number) => Position): Diagnostic[] {
  if (text.trim() === '') return [sourceError('the document is empty: write a list of rules', null)];
  const errors: ParseError[] = [];
  parseTree(text, errors, strict);
  const [first] = errors;
  // Whatever the tolerant parser passes over, JSON.parse has refused the document.
  if (first === undefined) return [sourceError('this is not strict JSON', null)];
  return [sourceError(syntaxMessages[first.error] ?? 'this is not strict JSON', position(first.offset))];
}

function duplicateKeys(text: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  const open: Set<string>[] = [];
  visit(
    text,
    {
      onObjectBegin: () => {
        open.push(new Set());
      },
      onObjectProperty: (key, _offset, _length, line, column, path) => {
        const keys = open.at(-1);
        if (keys?.has(key) && found.length < limits.diagnostics) {
          const message = `the key ${quoted(key)} stands twice in this object: keep one`;
          found.push(sourceError(message, { line: line + 1, column: column + 1 }, [...path(), key]));
        }
        keys?.add(key);
      },
      onObjectEnd: () => {
        open.pop();
      },
    },
    strict,
  );
  return found;
}

function roundedNumbers(text: string): RoundedNumber[] {
  const found: RoundedNumber[] = [];
  if (!mayRound(text)) return found;
  visit(
    text,
    {
      onLiteralValue: (read: unknown, offset, length, _line, _column, path) => {
        if (typeof read !== 'number' || found.length >= maxRounded) return;
        const written = text.slice(offset, offset + length);
        const value = roundedTo(written);
        if (value !== null) found.push({ path: path(), text: written, value });
      },
    },
    strict,
  );
  return found;
}

/** The offset where brackets nest too deeply for a recursive parser, or null. */
function depthProblem(text: string): number | null {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (inString) {
      if (unit === 0x5c) i += 1;
      else if (unit === 0x22) inString = false;
    } else if (unit === 0x22) inString = true;
    else if (unit === 0x5b || unit === 0x7b) {
      depth += 1;
      if (depth > limits.sourceDepth) return i;
    } else if (unit === 0x5d || unit === 0x7d) depth -= 1;
  }
  return null;
}

function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
