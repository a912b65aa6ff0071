import {
  type Comparison,
  comparisons,
  hintWords,
  type Operator,
  type WordOperator,
  wordOperators,
} from './condition.js';
import { hint, quoted } from './diagnostic.js';
import { limits } from './limits.js';

/** What the key of a condition says. `bare` keys carry no operator and are tested for equality. */
export type ParsedKey =
  | { readonly kind: 'combinator'; readonly combinator: 'any' | 'all' | 'not' }
  | { readonly kind: 'test'; readonly field: string; readonly operator: Operator; readonly bare: boolean }
  | { readonly kind: 'error'; readonly message: string };

const comparisonSet: ReadonlySet<string> = new Set(comparisons);
const wordSet: ReadonlySet<string> = new Set(wordOperators);
const leadingRun = /^[<>=!]+/;
const trailingRun = /[<>=!]+$/;
const segment = /^[^\s\p{Cc}<>=!.]+$/u;
const surroundingSpaces = /^ +| +$/g;

/** Reads a key by the five rules of docs/language.md. Only U+0020 separates words. */
export function parseKey(key: string): ParsedKey {
  if (key.length > 2 * limits.fieldChars)
    return error(`the key ${quoted(key)} is too long: a field has at most ${limits.fieldChars} characters`);
  const text = key.replace(surroundingSpaces, '');
  if (text === 'any' || text === 'all' || text === 'not') return { kind: 'combinator', combinator: text };
  if (text === '') return error('a key is empty: write a field, with an operator if it is not equality');

  const leading = leadingRun.exec(text)?.[0];
  if (leading !== undefined) return comparison(leading, text.slice(leading.length));
  const trailing = trailingRun.exec(text)?.[0];
  if (trailing !== undefined) return comparison(trailing, text.slice(0, -trailing.length));

  const words = text.split(/ +/);
  const [field = '', operator] = words;
  if (operator === undefined) return testOf(field, '==', true);
  if (words.length > 2)
    return error(
      `${quoted(text)} has ${words.length} words: write a field and an operator, such as \`recipient not_in\``,
    );
  if (wordSet.has(operator)) return testOf(field, operator as WordOperator, false);
  return error(unknownOperator(field, operator));
}

function comparison(run: string, rest: string): ParsedKey {
  if (!comparisonSet.has(run)) {
    const meant = hintWords[run];
    return error(
      `unknown operator ${quoted(run)}${meant ? `, did you mean \`${meant}\`?` : `: use one of ${named(comparisons)}`}`,
    );
  }
  const field = rest.replace(surroundingSpaces, '');
  if (field === '') return error(`the operator ${quoted(run)} has no field: write it as \`${run}risk_score\``);
  return testOf(field, run as Comparison, false);
}

function testOf(field: string, operator: Operator, bare: boolean): ParsedKey {
  const problem = fieldProblem(field);
  return problem === null ? { kind: 'test', field, operator, bare } : error(problem);
}

/** Why this is no field path, as a sentence, or null when it is one. */
export function fieldProblem(field: string): string | null {
  if (field === '') return 'the field is empty: name one, such as `risk_score`';
  if (field.length > limits.fieldChars) {
    return `the field ${quoted(field)} is too long: it has at most ${limits.fieldChars} characters`;
  }
  const segments = field.split('.');
  if (segments.length > limits.fieldSegments) {
    return `the field ${quoted(field)} has ${segments.length} segments: it has at most ${limits.fieldSegments}`;
  }
  if (segments.every((part) => segment.test(part))) return null;
  return segments.includes('')
    ? `the field ${quoted(field)} has an empty segment: write segments joined by single dots`
    : `${quoted(field)} is no field: a field holds no spaces, control characters or any of \`<>=!\``;
}

function unknownOperator(field: string, operator: string): string {
  if (wordSet.has(field)) return `write the operator after the field: \`${operator} ${field}\``;
  const meant = Object.hasOwn(hintWords, operator) ? hintWords[operator] : undefined;
  if (meant !== undefined) return `unknown operator ${quoted(operator)}, did you mean \`${meant}\`?`;
  return `unknown operator ${quoted(operator)}${hint(operator, wordOperators) || `: use one of ${named(wordOperators)}`}`;
}

function named(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(' ');
}

function error(message: string): ParsedKey {
  return { kind: 'error', message };
}
