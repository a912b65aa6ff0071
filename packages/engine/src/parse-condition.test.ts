import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition } from './condition.js';
import type { Diagnostic } from './diagnostic.js';
import { formatCondition } from './format-condition.js';
import { parseCondition } from './parse-condition.js';
import { anyCondition } from './rules.testkit.js';

function canonical(value: unknown): unknown {
  const parsed = parseCondition(value);
  return isRefused(parsed) ? parsed : formatCondition(parsed);
}

function refusal(value: unknown): Diagnostic {
  const parsed = parseCondition(value);
  if (!isRefused(parsed)) throw new Error(`accepted as ${JSON.stringify(parsed)}`);
  return parsed[0] as Diagnostic;
}

function isRefused(parsed: Condition | Diagnostic[]): parsed is Diagnostic[] {
  return Array.isArray(parsed);
}

describe('spellings', () => {
  const cases: [written: Record<string, unknown>, canonical: Record<string, unknown>][] = [
    [{ '>=risk_score': 85 }, { '>=risk_score': 85 }],
    [{ 'risk_score>=': 85 }, { '>=risk_score': 85 }],
    [{ '  risk_score  >=  ': 85 }, { '>=risk_score': 85 }],
    [{ ' >=  risk_score ': 85 }, { '>=risk_score': 85 }],
    [{ risk_score: '>=85' }, { '>=risk_score': 85 }],
    [{ risk_score: '>= -8.5e1' }, { '>=risk_score': -85 }],
    [{ risk_score: '==85' }, { risk_score: 85 }],
    [{ risk_score: '!=85' }, { '!=risk_score': 85 }],
    [{ risk_score: '<0' }, { '<risk_score': 0 }],
    [{ risk_score: '>030' }, { risk_score: '>030' }],
    [{ risk_score: '> thirty' }, { risk_score: '> thirty' }],
    [{ risk_score: '>30 ' }, { risk_score: '>30 ' }],
    [{ '==risk_score': '>30' }, { '==risk_score': '>30' }],
    [{ '>risk_score': '>30' }, { '>risk_score': '>30' }],
    [{ '!=risk_score': '>30' }, { '!=risk_score': '>30' }],
    [{ '==category': 'spam' }, { category: 'spam' }],
    [{ category: ['b', 'a', 'b'] }, { 'category in': ['a', 'b'] }],
    [{ '==category': ['a'] }, { 'category in': ['a'] }],
    [{ '!=category': ['a'] }, { 'category not_in': ['a'] }],
    [{ category: [] }, { 'category in': [] }],
    [{ category: { list: 'vips' } }, { 'category in': { list: 'vips' } }],
    [{ 'category!=': { list: 'vips' } }, { 'category not_in': { list: 'vips' } }],
    [{ 'recipient   not_in': ['a'] }, { 'recipient not_in': ['a'] }],
    [{ a: { field: 'b.c' } }, { a: { field: 'b.c' } }],
    [{ '<a': { field: 'b' } }, { '<a': { field: 'b' } }],
    [{ a: null }, { a: null }],
    [{ a: -0 }, { a: 0 }],
    [{ 'a in': ['x', 10, 9, null, true, false, 'X', -0, 0] }, { 'a in': [null, false, true, 0, 9, 10, 'X', 'x'] }],
    [{ contains: 'x' }, { contains: 'x' }],
    [{ 'in in': [1] }, { 'in in': [1] }],
    [{ '==any': 1 }, { '==any': 1 }],
    [{ '==not': 'x' }, { '==not': 'x' }],
    [{ 'any contains': 'x' }, { 'any contains': 'x' }],
    [{ 'args.recipient exists': true }, { 'args.recipient exists': true }],
    [{ ' all ': [{ a: 1 }, { b: 2 }] }, { a: 1, b: 2 }],
    [{ all: [{ all: [{ a: 1 }] }, { b: 2 }, { a: 1 }] }, { a: 1, b: 2 }],
    [{ any: [{ any: [{ b: 1 }, { a: 1 }] }, { b: 1 }] }, { any: [{ a: 1 }, { b: 1 }] }],
    [{ any: [{ a: 1 }] }, { a: 1 }],
    [{ any: [] }, { any: [] }],
    [{ all: [] }, {}],
    [{ not: {} }, { not: {} }],
    [{ not: { not: { a: 1 } } }, { not: { not: { a: 1 } } }],
    [
      { '>a': 1, 'a >': 2 },
      { '>a': 1, all: [{ '>a': 2 }] },
    ],
  ];
  it.each(cases)('reads %j as %j', (written, expected) => {
    expect(canonical(written)).toEqual(expected);
    expect(canonical(expected)).toEqual(expected);
  });

  it('keeps a field called __proto__ a field', () => {
    const parsed = parseCondition(JSON.parse('{"__proto__": 1}'));
    expect(parsed).toMatchObject({ kind: 'test', field: '__proto__' });
    const formatted = formatCondition(parsed as Condition);
    expect(Object.keys(formatted)).toEqual(['__proto__']);
    expect(parseCondition(formatted)).toEqual(parsed);
  });

  it('parse the same after formatting', () => {
    fc.assert(
      fc.property(anyCondition, (condition) => {
        expect(parseCondition(formatCondition(condition))).toEqual(condition);
      }),
      { numRuns: 2000 },
    );
  });

  it('format to JSON that survives a round trip as text', () => {
    fc.assert(
      fc.property(anyCondition, (condition) => {
        expect(parseCondition(JSON.parse(JSON.stringify(formatCondition(condition))))).toEqual(condition);
      }),
      { numRuns: 500 },
    );
  });
});

describe('refusals', () => {
  const cases: [value: unknown, message: RegExp][] = [
    [null, /must be an object.*not null/],
    [[], /must be an object.*not an array/],
    ['x', /must be an object/],
    [{ '': 1 }, /key is empty/],
    [{ '=>x': 1 }, /unknown operator `=>`, did you mean `>=`\?/],
    [{ 'x=': 1 }, /unknown operator `=`, did you mean `==`\?/],
    [{ '>>x': 1 }, /unknown operator `>>`: use one of/],
    [{ '>=': 1 }, /has no field/],
    [{ ' >= ': 1 }, /has no field/],
    [{ '>x<': 1 }, /is no field/],
    [{ 'risk>=5': 1 }, /is no field/],
    [{ 'x foo': 1 }, /unknown operator `foo`: use one of/],
    [{ 'x contain': 'a' }, /unknown operator `contain`, did you mean `contains`\?/],
    [{ 'x notin': ['a'] }, /did you mean `not_in`\?/],
    [{ 'x gte': 1 }, /did you mean `>=`\?/],
    [{ 'x constructor': 1 }, /unknown operator `constructor`: use one of/],
    [{ 'contains x': 'a' }, /after the field: `x contains`/],
    [{ 'a b c': 1 }, /3 words/],
    [{ 'a\tin': ['x'] }, /is no field/],
    [{ 'a..b': 1 }, /empty segment/],
    [{ '.a': 1 }, /empty segment/],
    [{ 'a.': 1 }, /empty segment/],
    [{ 'a\u0000b': 1 }, /is no field/],
    [{ x: { a: 1 } }, /only as `{"field"/],
    [{ x: {} }, /only as `{"field"/],
    [{ x: { field: 'a', list: 'b' } }, /only as `{"field"/],
    [{ x: { feild: 'a' } }, /did you mean `field`\?/],
    [{ x: { field: 1 } }, /`field` must be a string/],
    [{ x: { field: 'a b' } }, /is no field/],
    [{ x: { list: 'No Name' } }, /no list name/],
    [{ x: [[1]] }, /not an array/],
    [{ x: ['a', { b: 1 }] }, /not an object/],
    [{ and: [{ a: 1 }] }, /`and` is no combinator, did you mean `all`\?/],
    [{ or: [{ a: 1 }] }, /did you mean `any`\?/],
    [{ NOT: { a: 1 } }, /did you mean `not`\?/],
    [{ or: { feild: 'a' } }, /did you mean `any`\?/],
    [{ x: undefined }, /not nothing/],
    [{ x: Number.POSITIVE_INFINITY }, /finite/],
    [{ x: '>1e999' }, /finite/],
    [{ '>=x': true }, /`>=` takes a number or a string/],
    [{ '>=x': [1] }, /`>=` takes/],
    [{ '>=x': { list: 'a' } }, /`>=` takes/],
    [{ 'x in': 'a' }, /`in` takes an array/],
    [{ 'x contains': null }, /`contains` takes/],
    [{ 'x contains': ['a'] }, /`contains` takes/],
    [{ 'x starts_with': 1 }, /`starts_with` takes a string/],
    [{ 'x matches': { field: 'y' } }, /`matches` takes a string/],
    [{ 'x matches': '(' }, /not a pattern in RE2 syntax/],
    [{ 'x matches': '(?=a)' }, /not a pattern in RE2 syntax/],
    [{ 'x exists': 'true' }, /`exists` takes true or false/],
    [{ 'x is_empty': { field: 'y' } }, /`is_empty` takes true or false/],
    [{ 'x domain_in': ['a', 1] }, /`domain_in` takes an array of domain names/],
    [{ 'x domain_in': ['https://a.com'] }, /no domain name/],
    [{ 'x domain_in': ['a.com:80'] }, /no domain name/],
    [{ 'x domain_in': [''] }, /no domain name/],
    [{ 'x domain_in': 'a.com' }, /`domain_in` takes/],
    [{ any: {} }, /`any` takes an array/],
    [{ all: 1 }, /written `==all`/],
    [{ any: [1] }, /must be an object/],
    [{ not: [] }, /must be an object/],
  ];
  it.each(cases)('refuses %j', (value, message) => {
    expect(refusal(value).message).toMatch(message);
  });

  it('name the place', () => {
    expect(refusal({ any: [{ a: 1 }, { not: { 'b in': [1, []] } }] }).path).toEqual(['any', 1, 'not', 'b in', 1]);
  });

  it('come all at once', () => {
    expect(parseCondition({ 'a foo': 1, 'b bar': 1, c: 1 })).toHaveLength(2);
  });
});

describe('limits', () => {
  const tests = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]));
  const nested = (levels: number): unknown => (levels === 0 ? { a: 1 } : { not: nested(levels - 1) });
  const objects = (count: number) => ({ any: Array.from({ length: count - 1 }, () => ({})) });
  const path = (segments: number) => Array.from({ length: segments }, () => 'a').join('.');
  const duplicates = (levels: number): Record<string, unknown> =>
    levels === 0 ? { '>a': 1, 'a>': 2 } : { not: duplicates(levels - 1) };

  const cases: [name: string, within: unknown, beyond: unknown, code: string][] = [
    ['tests', tests(64), tests(65), 'limit-exceeded'],
    ['nesting', nested(8), nested(9), 'limit-exceeded'],
    ['nesting of the canonical spelling', duplicates(7), duplicates(8), 'limit-exceeded'],
    ['condition objects', objects(256), objects(257), 'limit-exceeded'],
    ['literal values', { a: Array(10_000).fill(1) }, { a: Array(10_001).fill(1) }, 'limit-exceeded'],
    ['string bytes', { a: 'é'.repeat(4096) }, { a: `${'é'.repeat(4096)}x` }, 'limit-exceeded'],
    ['string bytes in arrays', { a: ['x'.repeat(8192)] }, { a: ['x'.repeat(8193)] }, 'limit-exceeded'],
    ['pattern characters', { 'a matches': 'x'.repeat(1024) }, { 'a matches': 'x'.repeat(1025) }, 'limit-exceeded'],
    ['pattern size', { 'a matches': 'x{1000}'.repeat(4) }, { 'a matches': 'x{1000}'.repeat(5) }, 'limit-exceeded'],
    ['field segments', { [path(32)]: 1 }, { [path(33)]: 1 }, 'invalid-condition'],
    ['field characters', { ['x'.repeat(256)]: 1 }, { ['x'.repeat(257)]: 1 }, 'invalid-condition'],
    ['list name', { a: { list: 'x'.repeat(64) } }, { a: { list: 'x'.repeat(65) } }, 'invalid-condition'],
  ];
  it.each(cases)('accept what is at the limit of %s and refuse what is above', (_name, within, beyond, code) => {
    expect(parseCondition(within)).not.toBeInstanceOf(Array);
    expect(refusal(beyond).code).toBe(code);
  });
});

describe('hostile input', () => {
  const deep = (levels: number, wrap: (inner: unknown) => unknown): unknown => {
    let value: unknown = {};
    for (let i = 0; i < levels; i++) value = wrap(value);
    return value;
  };
  const cyclic: Record<string, unknown> = {};
  cyclic.not = cyclic;
  const cases: [string, unknown][] = [
    ['a hundred thousand nots', deep(100_000, (inner) => ({ not: inner }))],
    ['a hundred thousand arrays', deep(100_000, (inner) => ({ any: [inner] }))],
    ['an array nested in a value', { a: deep(100_000, (inner) => [inner]) }],
    ['an object nested in a value', { a: deep(100_000, (inner) => ({ field: inner })) }],
    ['a condition that holds itself', cyclic],
    ['a huge any', { any: Array(1_000_000).fill({}) }],
    ['a huge literal array', { a: Array(1_000_000).fill('x') }],
    ['a huge key', { ['x '.repeat(1_000_000)]: 1 }],
    ['many keys', Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`${i} x`, 1]))],
    ['functions', { a: () => 1 }],
    ['symbols', { a: Symbol('x') }],
    ['bigints', { a: 1n }],
    ['dates', { a: new Date(0) }],
    ['a pattern of parentheses', { 'a matches': '('.repeat(1024) }],
  ];
  it.each(cases)('is refused without an exception: %s', (_name, value) => {
    const diagnostics = parseCondition(value);
    expect(diagnostics).toBeInstanceOf(Array);
    expect((diagnostics as Diagnostic[]).length).toBeLessThanOrEqual(32);
  });

  it('accepts lone surrogates and gives them back', () => {
    const condition = { '\uD800': '\uDC00', '>=\uDFFF': '\uD83D' };
    expect(canonical(condition)).toEqual(condition);
  });

  it('never throws on any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        parseCondition(value);
      }),
    );
  });
});
