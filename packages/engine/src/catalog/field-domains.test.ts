import { describe, expect, it } from 'vitest';
import { analyse, defaultBudget } from '../analysis/analyse.js';
import { type ContextTyping, domainOf } from '../analysis/domain.js';
import { compile } from '../compile.js';
import type { Effect } from '../generated/rule.js';
import { parseContextSchema } from './schema.js';
import { typingOf } from './typing.js';

function typing(schema: unknown): ContextTyping {
  const parsed = parseContextSchema(schema);
  if (Array.isArray(parsed)) throw new Error(JSON.stringify(parsed));
  return typingOf(parsed);
}

const field = (schema: unknown, required = false) => ({
  properties: { a: schema },
  ...(required ? { required: ['a'] } : {}),
});
const never = { types: [] };

describe('the domain of a field', () => {
  it.each<[string, unknown, string, object]>([
    ['of a type', field({ type: 'string' }), 'a', { types: ['string'] }],
    ['of some types', field({ type: ['integer', 'string', 'null'] }), 'a', { types: ['string', 'integer'] }],
    ['required', field({ type: 'boolean' }, true), 'a', { types: ['boolean'], required: true }],
    ['required but perhaps null', field({ type: ['boolean', 'null'] }, true), 'a', { types: ['boolean'] }],
    ['required, of any value, so perhaps null', field({}, true), 'a', {}],
    [
      'with bounds',
      field({ type: 'number', minimum: 0, maximum: 1 }),
      'a',
      { types: ['number'], minimum: 0, maximum: 1 },
    ],
    [
      'with open bounds',
      field({ type: 'integer', exclusiveMinimum: 0, maximum: 9.5 }),
      'a',
      { types: ['integer'], minimum: 1, maximum: 9 },
    ],
    ['with bounds for numbers alone', field({ minimum: 0 }), 'a', { minimum: 0 }],
    ['of a list', field({ enum: ['x', 1, null] }), 'a', { types: ['string', 'integer'], values: ['x', 1] }],
    ['of a list and a type', field({ type: 'string', enum: ['x', 1] }), 'a', { types: ['string'], values: ['x'] }],
    [
      'of a list with an object',
      field({ enum: ['x', {}] }),
      'a',
      { types: ['string', 'object'], emptyObjects: 'always' },
    ],
    ['one value', field({ const: true }, true), 'a', { types: ['boolean'], values: [true], required: true }],
    ['that nothing fits', field({ type: 'string', enum: [1] }), 'a', never],
    ['excluded', field(false), 'a', never],
    ['not named by an open object', field({}), 'b', {}],
    ['not named by a closed object', { ...field({}), additionalProperties: false }, 'b', never],
    ['not named, of a type', { additionalProperties: { type: 'number' } }, 'b', { types: ['number'] }],
    [
      'named by a pattern',
      { patternProperties: { '^x_': { type: 'number' } }, additionalProperties: false },
      'x_1',
      { types: ['number'] },
    ],
    [
      'below an object',
      field({ type: 'object', properties: { b: { type: 'string' } }, required: ['b'] }, true),
      'a.b',
      { types: ['string'], required: true },
    ],
    [
      'below an object that may be missing',
      field({ type: 'object', properties: { b: { type: 'string' } }, required: ['b'] }),
      'a.b',
      { types: ['string'] },
    ],
    [
      'below what may be no object',
      field({ properties: { b: { type: 'string' } }, required: ['b'] }, true),
      'a.b',
      { types: ['string'] },
    ],
    [
      'below what may be a string',
      field({ type: ['object', 'string'], properties: { b: { type: 'string' } }, required: ['b'] }, true),
      'a.b',
      { types: ['string'] },
    ],
    ['below a closed object', field({ additionalProperties: false }), 'a.b', never],
    ['below a string', field({ type: 'string' }), 'a.b', never],
    [
      'of arrays of a type',
      field({ type: 'array', items: { type: 'string' }, minItems: 1 }),
      'a',
      { types: ['array'], emptyArrays: 'never', items: { types: ['string'] } },
    ],
    [
      'in one of two ways',
      field({ anyOf: [{ type: 'string' }, { type: 'integer', minimum: 1 }] }),
      'a',
      { types: ['string', 'integer'], minimum: 1 },
    ],
    [
      'in two ways at once',
      field({ allOf: [{ minimum: 1 }, { type: 'number', maximum: 3 }] }),
      'a',
      { types: ['number'], minimum: 1, maximum: 3 },
    ],
    [
      'defined elsewhere',
      { ...field({ $ref: '#/$defs/s' }), $defs: { s: { type: 'string' } } },
      'a',
      { types: ['string'] },
    ],
    [
      'of alternatives that each require it',
      { oneOf: [field({ const: 1 }, true), field({ const: 2 }, true)] },
      'a',
      { types: ['integer'], values: [1, 2], required: true },
    ],
    [
      'that one of two alternatives requires',
      { ...field({ type: 'string' }), anyOf: [{ required: ['a'] }, { required: ['b'] }] },
      'a',
      { types: ['string'] },
    ],
    ['of alternatives one of which does not name it', { oneOf: [field({ const: 1 }, true), {}] }, 'a', {}],
    [
      'of an object by the value of another field',
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      { if: { properties: { k: { const: 1 } } }, then: field({ type: 'string' }), else: field({ type: 'number' }) },
      'a',
      { types: ['string', 'number'] },
    ],
    [
      'a fact, whatever the schema says',
      field({}),
      'current_hour',
      { types: ['integer'], required: true, minimum: 0, maximum: 23 },
    ],
  ])('%s', (_, schema, path, expected) => {
    expect(domainOf(path, typing(schema))).toEqual(expected);
  });

  it('follows schemas that contain themselves as far as a condition can', () => {
    const tree = {
      $defs: { n: { type: 'object', properties: { up: { $ref: '#/$defs/n' }, v: { type: 'string' } } } },
      $ref: '#/$defs/n',
    };
    const path = `${Array(30).fill('up').join('.')}.v`;
    expect(domainOf(path, typing(tree))).toEqual({ types: ['string'] });
  });
  it('lists the fields that a condition can name, and no others', () => {
    const names = ['plain', 'a.b', '__proto__', 'two words', '', 'x=1'];
    const schema = { properties: JSON.parse(`{${names.map((name) => `"${name}": {}`).join(', ')}}`) };
    expect(Object.keys(typing(schema).fields)).toEqual(['plain']);
  });
});

const rule = (id: string, effect: Effect, conditions: Record<string, unknown>, priority = 50) => ({
  id,
  agent: 'helper',
  action: 'act',
  effect,
  priority,
  conditions,
  reason: 'for the test of it',
});

function analysed(schema: unknown, rules: readonly ReturnType<typeof rule>[]) {
  const policy = compile({ rules });
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy));
  const { admits, ...rest } = typing(schema);
  const { neverMatches, unreachable, overlaps, undecided } = analyse(policy, {
    typing: () => (admits === undefined ? rest : { ...rest, admits }),
  });
  return { neverMatches, unreachable: unreachable.map(({ rule: id }) => id), overlaps, undecided };
}

describe('under a schema the analysis knows', () => {
  const order = {
    type: 'object',
    properties: {
      args: {
        type: 'object',
        properties: {
          amount: { type: 'number', minimum: 0, maximum: 500 },
          currency: { enum: ['EUR', 'USD'] },
          iban: { type: 'string', pattern: '^[A-Z]{2}[0-9]{4,}$' },
          items: { type: 'array', items: { type: 'string', minLength: 2 }, minItems: 1 },
          note: { anyOf: [{ type: 'string', minLength: 1 }, { type: 'null' }] },
        },
        required: ['amount', 'currency', 'iban', 'items', 'note'],
        additionalProperties: false,
      },
    },
    required: ['args'],
  };
  it.each<[string, Record<string, unknown>]>([
    ['a number out of bounds', { '>args.amount': 500 }],
    ['a value that is not on the list', { 'args.currency': 'GBP' }],
    ['a test for another type', { 'args.amount starts_with': '1' }],
    ['a required field that is missing', { 'args.amount exists': false }],
    ['an array that is empty', { 'args.items is_empty': true }],
    ['a field of a closed object that it does not name', { 'args.ammount exists': true }],
    ['a text that the pattern excludes', { 'args.iban': 'DE' }],
    ['an element that is too short', { 'args.items contains': 3 }],
  ])('that a rule never matches: %s', (_, conditions) => {
    expect(analysed(order, [rule('one', 'deny', conditions)])).toMatchObject({ neverMatches: ['one'], undecided: [] });
  });
  it('that rules cover all there is', () => {
    const found = analysed(order, [
      rule('euro', 'deny', { 'args.currency': 'EUR' }, 90),
      rule('dollar', 'needs_approval', { 'args.currency': 'USD' }, 80),
      rule('rest', 'allow', {}),
    ]);
    expect(found).toMatchObject({ unreachable: ['rest'], undecided: [] });
  });
  it('how to complete a witness with all that is required', () => {
    const { overlaps, undecided } = analysed(order, [
      rule('high', 'deny', { '>args.amount': 100 }, 60),
      rule('euro', 'allow', { 'args.currency': 'EUR' }),
    ]);
    expect(undecided).toEqual([]);
    const context = overlaps[0]?.shown[0]?.witness.context;
    expect(typing(order).admits?.(context ?? {})).toBe(true);
    expect(context).toMatchObject({ args: { currency: 'EUR', iban: expect.stringMatching(/^[A-Z]{2}[0-9]{4,}$/) } });
  });
  it('nothing it does not: what hangs on more than one field stays open', () => {
    const either = { ...order, not: { properties: { args: { properties: { currency: { const: 'USD' } } } } } };
    const { neverMatches, undecided } = analysed(either, [rule('dollar', 'deny', { 'args.currency': 'USD' })]);
    expect(neverMatches).toEqual([]);
    expect(undecided).toEqual([{ question: 'never-matches', rule: 'dollar', reason: 'schema' }]);
  });
  it('and pays for what checking its witnesses costs, so that hostile schemas leave questions open', () => {
    const $defs: Record<string, unknown> = { d30: { required: ['q'] } };
    for (let i = 0; i < 30; i++) $defs[`d${i}`] = { anyOf: Array(2).fill({ $ref: `#/$defs/d${i + 1}` }) };
    const hostile = typing({ $defs, properties: { v: { $ref: '#/$defs/d0' } }, required: ['v'] });
    const policy = compile({
      rules: Array.from({ length: 40 }, (_, i) =>
        rule(`rule-${i}`, i % 2 === 0 ? 'allow' : 'deny', { '>v.a': i }, i % 7),
      ),
    });
    if (Array.isArray(policy)) throw new Error(JSON.stringify(policy));
    const { work, undecided } = analyse(policy, { typing: () => hostile });
    expect(undecided.map(({ reason }) => reason)).toContain('budget');
    // What one pair may cost; without the schema the same rules cost less than a hundredth of it.
    expect(work).toBeGreaterThanOrEqual(defaultBudget.perPair);
    expect(analyse(policy).work).toBeLessThan(defaultBudget.perPair / 100);
  });
});
