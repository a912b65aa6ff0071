/**
 * How a condition is read: docs/language.md, sections "Keys", "Values" and "Normal form".
 *
 * Part of the slow, obvious implementation: shares nothing with `../src`, keeps nothing between calls.
 */
import { RE2JS } from 're2js';

export type Dict = Readonly<Record<string, unknown>>;

/** The right side of a test: a value as written, another field of the request, or a named list. */
export type Right = { literal: unknown } | { field: string } | { list: string };

export interface Test {
  readonly field: string;
  readonly operator: string;
  readonly right: Right;
}

export type Entry = { any: Dict[] } | { all: Dict[] } | { not: Dict } | { test: Test };

export type RefusalCode = 'invalid-condition' | 'limit-exceeded';

export function isDict(value: unknown): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Strings, booleans, null and finite numbers. */
export function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

const comparisons = ['>=', '<=', '==', '!=', '>', '<'];
const wordOperators = [
  ...['in', 'not_in', 'contains', 'not_contains', 'starts_with', 'ends_with', 'matches', 'exists', 'is_empty'],
  ...['any_in', 'all_in', 'domain_in'],
];

function isField(text: string): boolean {
  const segments = text.split('.');
  return segments.every((s) => /^[^\s\p{Cc}<>=!]+$/u.test(s)) && segments.length <= 32 && text.length <= 256;
}

type Key = { combinator: 'any' | 'all' | 'not' } | { field: string; operator: string; bare: boolean };

const trimSpaces = (text: string) => text.replace(/^ +| +$/g, '');

/** "Keys", its five steps in order; null is an invalid condition. */
export function readKey(written: string): Key | null {
  const key = trimSpaces(written);
  if (key === 'any' || key === 'all' || key === 'not') return { combinator: key };

  const before = /^([<>=!]+)(.*)$/s.exec(key);
  const after = /^(.*[^<>=!])([<>=!]+)$/s.exec(key);
  if (before || after) {
    const [operator, field] = before ? [before[1], before[2]] : [after?.[2], after?.[1]];
    if (operator === undefined || !comparisons.includes(operator)) return null;
    const name = trimSpaces(field ?? '');
    return isField(name) ? { field: name, operator, bare: false } : null;
  }

  const [field = '', word, ...more] = key.split(/ +/);
  if (more.length > 0 || !isField(field)) return null;
  if (word === undefined) return { field, operator: '==', bare: true };
  return wordOperators.includes(word) ? { field, operator: word, bare: false } : null;
}

const inlineComparison = /^(>=|<=|==|!=|>|<)\s*(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const listName = /^[a-z0-9][a-z0-9_-]{0,63}$/;

function readRight(value: unknown): Right | null {
  if (!isDict(value)) return { literal: value };
  const [only, ...more] = Object.entries(value);
  if (only === undefined || more.length > 0 || typeof only[1] !== 'string') return null;
  if (only[0] === 'field') return isField(only[1]) ? { field: only[1] } : null;
  if (only[0] === 'list') return listName.test(only[1]) ? { list: only[1] } : null;
  return null;
}

const isType = (type: string) => (value: unknown) => typeof value === type && isScalar(value);
const isString = isType('string');
const arrayOf = (test: (value: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(test);
const oneOf =
  (...tests: ((value: unknown) => boolean)[]) =>
  (value: unknown) =>
    tests.some((test) => test(value));

const orderRight = { literal: oneOf(isType('number'), isString), field: true, list: false };
const memberRight = { literal: arrayOf(isScalar), field: true, list: true };
const textRight = { literal: isString, field: true, list: false };
const containsRight = { literal: oneOf(isString, isType('number'), isType('boolean')), field: true, list: false };
const flagRight = { literal: isType('boolean'), field: false, list: false };

/** The table of operators and their right sides. `==` and `!=` of an array or list have become `in`, `not_in` before. */
const accepted: Record<string, { literal: (value: unknown) => boolean; field: boolean; list: boolean }> = {
  ...{ '>=': orderRight, '<=': orderRight, '>': orderRight, '<': orderRight },
  ...{ '==': { literal: isScalar, field: true, list: false }, '!=': { literal: isScalar, field: true, list: false } },
  ...{ in: memberRight, not_in: memberRight, any_in: memberRight, all_in: memberRight },
  ...{ contains: containsRight, not_contains: containsRight, starts_with: textRight, ends_with: textRight },
  matches: { literal: (value) => isString(value) && compiles(value as string), field: false, list: false },
  ...{ exists: flagRight, is_empty: flagRight },
  domain_in: {
    literal: arrayOf((entry) => isString(entry) && hostOfName(entry as string) !== null),
    field: true,
    list: true,
  },
};

function compiles(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
}

const tooLong = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length > 10_000 || value.some(tooLong)
    : typeof value === 'string' && new TextEncoder().encode(value).length > 8192;

/** One entry of a condition object, or why it is refused. */
export function readEntry(written: string, value: unknown): Entry | RefusalCode {
  const key = readKey(written);
  if (key === null) return 'invalid-condition';
  if ('combinator' in key) {
    if (key.combinator === 'not') return isDict(value) ? { not: value } : 'invalid-condition';
    if (!Array.isArray(value) || !value.every(isDict)) return 'invalid-condition';
    return key.combinator === 'any' ? { any: value } : { all: value };
  }
  const { field } = key;
  let { operator } = key;
  let right = readRight(value);
  if (right === null) return 'invalid-condition';
  const inline = key.bare && typeof value === 'string' ? inlineComparison.exec(value) : null;
  if (inline) {
    operator = inline[1] ?? '';
    right = { literal: Number(inline[2]) };
  }
  const isMembership = 'list' in right || ('literal' in right && Array.isArray(right.literal));
  if (isMembership && operator === '==') operator = 'in';
  if (isMembership && operator === '!=') operator = 'not_in';

  if (tooLong(value)) return 'limit-exceeded';
  if (operator === 'matches' && typeof value === 'string' && compiles(value)) {
    if (value.length > 1024 || RE2JS.compile(value).programSize() > 5000) return 'limit-exceeded';
  }
  const accepts = accepted[operator];
  if (accepts === undefined) throw new Error(`no such operator: ${operator}`);
  if ('field' in right ? !accepts.field : 'list' in right ? !accepts.list : !accepts.literal(right.literal)) {
    return 'invalid-condition';
  }
  return { test: { field, operator, right } };
}

/** The entries of a condition object that has passed `check`. */
export function entriesOf(conditions: Dict): Entry[] {
  return Object.entries(conditions).map(([key, value]) => {
    const entry = readEntry(key, value);
    if (typeof entry === 'string') throw new Error(`decide was given an unchecked condition: ${key}`);
    return entry;
  });
}

// ---- "Normal form": which tests of a rule count as one, and in which order they are reported

type Node = { kind: 'test'; test: Test } | { kind: 'all' | 'any' | 'not'; of: Node[] };

function normalForm(conditions: Dict): Node {
  const nodes = entriesOf(conditions).map((entry): Node => {
    if ('test' in entry) return { kind: 'test', test: entry.test };
    if ('not' in entry) return { kind: 'not', of: [normalForm(entry.not)] };
    return 'any' in entry ? group('any', entry.any.map(normalForm)) : group('all', entry.all.map(normalForm));
  });
  return group('all', nodes);
}

function group(kind: 'all' | 'any', nodes: Node[]): Node {
  const flat = nodes.flatMap((node) => (node.kind === kind ? node.of : [node]));
  const texts = new Map(flat.map((node) => [canonicalText(spelled(node)), node]));
  const sorted = [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, node]) => node);
  return sorted.length === 1 && sorted[0] ? sorted[0] : { kind, of: sorted };
}

/** The canonical spelling. */
function spelled(node: Node): Dict {
  if (node.kind === 'test') return { [canonicalKey(node.test)]: canonicalRight(node.test.right) };
  if (node.kind === 'any') return { any: node.of.map(spelled) };
  if (node.kind === 'not') return { not: spelled(node.of[0] ?? { kind: 'all', of: [] }) };
  const entries = new Map<string, unknown>();
  const again: Dict[] = [];
  for (const entry of node.of.map(spelled)) {
    const [key = '', value] = Object.entries(entry)[0] ?? [];
    if (entries.has(key)) again.push(entry);
    else entries.set(key, value);
  }
  if (again.length > 0) entries.set('all', again);
  return Object.fromEntries(entries);
}

function canonicalKey({ field, operator, right }: Test): string {
  if (/^[a-z]/.test(operator)) return `${field} ${operator}`;
  const literal = 'literal' in right ? right.literal : null;
  const readsDifferently = typeof literal === 'string' && inlineComparison.test(literal);
  const isBare = operator === '==' && !['any', 'all', 'not'].includes(field) && !readsDifferently;
  return isBare ? field : `${operator}${field}`;
}

function canonicalRight(right: Right): unknown {
  if (!('literal' in right)) return right;
  if (!Array.isArray(right.literal)) return right.literal;
  const rank = (value: unknown) => ['object', 'boolean', 'number', 'string'].indexOf(typeof value);
  const values: (string | number | boolean | null)[] = [...new Set(right.literal)];
  // Of one rank, `<` compares: false before true, numbers, strings by their UTF-16 code units.
  return values.sort((a, b) => rank(a) - rank(b) || (a === null || b === null ? 0 : a < b ? -1 : 1));
}

/** RFC 8785. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (!isDict(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(value[key])}`).join()}}`;
}

/** Names a right side: two are the same exactly when their texts are. */
export const rightText = (right: Right): string => canonicalText(canonicalRight(right));

/** The conditions in canonical spelling. */
export function canonical(conditions: Dict): Dict {
  return spelled(normalForm(conditions));
}

/** Every test of a rule's conditions, as often as it is written and in no order. */
export function testsIn(conditions: Dict): Test[] {
  return entriesOf(conditions).flatMap((entry) => {
    if ('test' in entry) return [entry.test];
    if ('not' in entry) return testsIn(entry.not);
    return ('any' in entry ? entry.any : entry.all).flatMap(testsIn);
  });
}

/** Every test of a rule's conditions, in canonical order; equal tests side by side count once. */
export function canonicalTests(conditions: Dict): Test[] {
  const inside = (node: Node): Test[] => (node.kind === 'test' ? [node.test] : node.of.flatMap(inside));
  return inside(normalForm(conditions));
}

// ---- hosts, "domain_in"

/** The host of a string, or null: of a bare e-mail address, otherwise of a URL. */
export function hostOf(text: string): string | null {
  const [user, domain, ...more] = text.split('@');
  const isBareAddress = user && domain && more.length === 0 && !/[\s:/<>,"]/.test(text);
  return isBareAddress ? hostOfName(domain) : hostOfUrl(text);
}

/** The host that a bare host name names, or null when it is none. */
export function hostOfName(name: string): string | null {
  const hasPort = name.replace(/\[[^\]]*\]/g, '').includes(':');
  return hasPort || /[\s\p{Cc}/\\?#@*]/u.test(name) ? null : hostOfUrl(`https://${name}`);
}

function hostOfUrl(text: string): string | null {
  let host: string;
  try {
    host = new URL(text).hostname;
  } catch {
    return null;
  }
  return host.toLowerCase().replace(/\.$/, '') || null;
}
