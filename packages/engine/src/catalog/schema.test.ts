import { describe, expect, it } from 'vitest';
import { parseContextSchema, schemaLimits } from './schema.js';
import { validateContext } from './validate.js';

function problems(schema: unknown): string[] {
  const parsed = parseContextSchema(schema);
  if (!Array.isArray(parsed)) throw new Error('the schema is taken');
  return parsed.map(({ code, path, message }) => `${code} ${path.join('/')}: ${message}`);
}

/** The violations of a context, as `path: message`. */
function violations(schema: unknown, context: Record<string, unknown>): string[] {
  const parsed = parseContextSchema(schema);
  if (Array.isArray(parsed)) throw new Error(JSON.stringify(parsed));
  return validateContext(parsed, context).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('parseContextSchema refuses, with the place and what to do', () => {
  it.each<[string, unknown, string | RegExp]>([
    ['no object', [], 'invalid-schema : a context schema must be an object'],
    ['nothing', undefined, /^invalid-schema : a schema must be JSON/],
    ['a function', { default: () => 1 }, /^invalid-schema default: a schema must be JSON, and `function`/],
    ['a number without end', { minimum: Number.NaN }, /^invalid-schema minimum: a schema must be JSON/],
    ['a mistyped type', { type: 'strin' }, /^invalid-schema type: .*`strin` is no type, did you mean `string`\?/],
    [
      'a bound that is no number',
      { properties: { a: { minimum: '1' } } },
      /^invalid-schema properties\/a\/minimum: `minimum` must be a number/,
    ],
    ['a negative length', { minLength: -1 }, /^invalid-schema minLength: .*whole number of 0 or more/],
    ['a step of 0', { multipleOf: 0 }, /greater than 0/],
    [
      'required as draft 3 has it',
      { properties: { a: { required: true } } },
      /^invalid-schema properties\/a\/required: .*array of names/,
    ],
    [
      'a schema that is none',
      { properties: { a: 1 } },
      /^invalid-schema properties\/a: a schema must be an object, `true` or `false`/,
    ],
    ['an empty choice', { anyOf: [] }, /^invalid-schema anyOf: /],
    ['a draft 4 bound alone', { exclusiveMinimum: true }, /needs `minimum` beside it/],
    ['a remote reference', { $ref: 'https://example.com/s.json' }, /^invalid-schema \$ref: .*leads out of this schema/],
    ['a file', { $ref: 'other.json#/a' }, /leads out of this schema/],
    ['an anchor', { $ref: '#item' }, /names an anchor/],
    ['a reference to nothing', { $ref: '#/$defs/a' }, /leads to nothing/],
    ['a reference to what every object inherits', { $ref: '#/toString' }, /leads to nothing/],
    ['a wrong escape', { $ref: '#/$defs/%E0%A4%A' }, /leads to nothing/],
    ['dynamic references', { $dynamicRef: '#a' }, /`\$dynamicRef` is not supported: use `\$ref`/],
    ['unevaluated fields', { unevaluatedProperties: false }, /use `additionalProperties`/],
    ['an $id within', { properties: { a: { $id: 'https://example.com/' } } }, /^invalid-schema properties\/a\/\$id: /],
    [
      'look-ahead',
      { pattern: '^(?=a)' },
      /^invalid-schema pattern: `\^\(\?=a\)` cannot be matched in linear time or is no pattern/,
    ],
    ['a back reference', { pattern: '(a)\\1' }, /^invalid-schema pattern: /],
    ['a broken pattern', { patternProperties: { '[': true } }, /^invalid-schema patternProperties\/\[: /],
    ['a required fact', { required: ['a', 'daily_spend'] }, /^invalid-schema required\/1: `daily_spend` is a fact/],
    [
      'a circle',
      { $defs: { a: { $ref: '#/$defs/b' }, b: { not: { $ref: '#/$defs/a' } } } },
      /applies itself to the same value again/,
    ],
    ['itself', { $ref: '#' }, /applies itself to the same value again/],
  ])('%s', (_, schema, expected) => {
    expect(problems(schema)[0]).toMatch(expected);
  });

  it('every place at once, but no more than a hundred', () => {
    expect(problems({ minimum: 'a', properties: { b: { type: 'x' } } })).toHaveLength(2);
    const wrong = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, 1]));
    expect(problems({ properties: wrong })).toHaveLength(schemaLimits.diagnostics);
  });
});

describe('limits of a schema', () => {
  const nested = (levels: number): unknown => (levels === 0 ? {} : { properties: { a: nested(levels - 1) } });
  const chain = (length: number) => ({
    $defs: Object.fromEntries(
      Array.from({ length }, (_, i) => [`d${i}`, i === length - 1 ? {} : { $ref: `#/$defs/d${i + 1}` }]),
    ),
    $ref: '#/$defs/d0',
  });
  it('takes 16 levels of schemas, not 17', () => {
    expect(parseContextSchema(nested(15))).toHaveProperty('root');
    expect(problems(nested(16))[0]).toMatch(/^limit-exceeded .*more than 16 levels/);
  });
  it('takes 64 KiB, not more', () => {
    const sized = (bytes: number) => ({ description: 'x'.repeat(bytes) });
    expect(parseContextSchema(sized(65_000))).toHaveProperty('root');
    expect(problems(sized(65_537))[0]).toMatch(/^limit-exceeded : the schema is larger than 65536 bytes/);
    expect(problems({ enum: Array.from({ length: 40_000 }, (_, i) => i) })[0]).toMatch(/larger than 65536 bytes/);
  });
  it('refuses values that are too deep, or contain themselves', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 50_000; i++) deep = [deep];
    expect(problems({ enum: [deep] })[0]).toMatch(/^limit-exceeded .*more than 64 levels/);
    const circle: Record<string, unknown> = {};
    circle.properties = { a: circle };
    expect(problems(circle)[0]).toMatch(/^limit-exceeded /);
  });
  it('refuses long chains of references, which would go deep in every value', () => {
    expect(parseContextSchema(chain(50))).toHaveProperty('root');
    expect(problems(chain(1_500))[0]).toMatch(/^limit-exceeded .*more than 64 schemas apply to one value/);
  });
  it('refuses patterns that are large, alone or together', () => {
    expect(problems({ pattern: 'a'.repeat(1_025) })[0]).toMatch(/^limit-exceeded pattern: /);
    expect(problems({ pattern: '((a{1,30}){1,30}){1,10}' })[0]).toMatch(/(too large|cannot be matched)/);
    const large = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`(ab?c){400}${i}`, true]));
    expect(problems({ patternProperties: large })[0]).toMatch(/^limit-exceeded .*patterns of the schema are too large/);
  });
});

describe('validateContext', () => {
  it('says for every keyword what is wrong, and where', () => {
    const schema = {
      properties: {
        type: { type: ['string', 'null'] },
        whole: { type: 'integer' },
        one: { enum: ['a', 1, null] },
        const: { const: { a: 1 } },
        low: { minimum: 1 },
        high: { exclusiveMaximum: 5 },
        step: { multipleOf: 0.01 },
        short: { minLength: 2 },
        long: { maxLength: 1 },
        worded: { pattern: '^a' },
        list: { minItems: 2, uniqueItems: true, items: { type: 'number' } },
        tuple: { prefixItems: [{ type: 'string' }], items: false },
        some: { contains: { const: 1 } },
        closed: {
          properties: { a: {} },
          additionalProperties: false,
          required: ['a'],
          propertyNames: { maxLength: 3 },
        },
        either: { anyOf: [{ type: 'string' }, { minimum: 3 }] },
        exactly: { oneOf: [{ minimum: 1 }, { minimum: 2 }] },
        none: { not: { const: 1 } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        given: { if: { required: ['a'] }, then: { required: ['b'] } },
        beside: { dependentRequired: { a: ['b'] } },
      },
    };
    const wrong = {
      type: 1,
      whole: 1.5,
      one: 'b',
      const: { a: 2 },
      low: 0,
      high: 5,
      step: 0.015,
      short: '\u{1f600}',
      long: 'ab',
      worded: 'ba',
      list: ['x'],
      tuple: ['a', 1],
      some: [2],
      closed: { bbbb: 1 },
      either: 2,
      exactly: 3,
      none: 1,
      given: { a: 1 },
      beside: { a: 1 },
    };
    const each = Object.entries(wrong).flatMap(([name, value]) => violations(schema, { [name]: value }));
    expect(each).toEqual([
      'type: must be a string or null, not a number',
      'whole: must be an integer, not a number',
      'one: must be one of `"a"`, `1`, `null`',
      'const: must be `{"a":1}`',
      'low: must be at least 1',
      'high: must be less than 5',
      'step: must be a multiple of 0.01',
      'short: must have at least 2 characters',
      'long: must have at most 1 character',
      'worded: must match `^a`',
      'list: must have at least 2 elements',
      'list.0: must be a number, not a string',
      'tuple.1: is not allowed',
      'some: must have at least 1 element of the kind that `contains` asks for',
      'closed.a: is required',
      'closed.bbbb: has a name that is not allowed',
      'closed.bbbb: is not a field that the schema knows',
      'either: fits none of 2 alternatives',
      'exactly: must fit exactly one of 2 alternatives, not 2',
      'none: is what the schema rules out',
      'given.b: is required',
      'beside.b: is required beside `a`',
    ]);
    expect(violations(schema, wrong)).toHaveLength(16);
  });
  it('leaves facts out', () => {
    expect(violations({ properties: { now: { type: 'number' } }, additionalProperties: false }, { now: 'x' })).toEqual(
      [],
    );
    expect(violations({ additionalProperties: false }, { daily_spend: 1, other: 1 })).toEqual([
      'other: is not a field that the schema knows',
    ]);
  });
  it('reads own fields alone, whatever they are called', () => {
    const schema = JSON.parse(
      '{"properties": {"__proto__": {"type": "string"}, "constructor": {"type": "string"}}, "required": ["toString"], "additionalProperties": false}',
    );
    expect(violations(schema, JSON.parse('{"__proto__": 1, "constructor": 2}'))).toEqual([
      'toString: is required',
      '__proto__: must be a string, not a number',
      'constructor: must be a string, not a number',
    ]);
    expect(violations({ properties: { toString: { type: 'string' } } }, {})).toEqual([]);
  });
  it('takes decimals as people write them', () => {
    const cents = { properties: { amount: { multipleOf: 0.01 } } };
    for (const amount of [19.99, 0.07, 1.1, 0, -4.35, 1e21]) expect(violations(cents, { amount })).toEqual([]);
    for (const amount of [0.001, 19.999, 1e-7]) expect(violations(cents, { amount })).toHaveLength(1);
  });
  it('reads bounds as draft 4 writes them', () => {
    const schema = { properties: { a: { minimum: 1, exclusiveMinimum: true, maximum: 3, exclusiveMaximum: false } } };
    expect([1, 2, 3, 4].map((a) => violations(schema, { a }).length)).toEqual([1, 0, 0, 1]);
  });
  it('refuses what is no JSON, which in-process callers can hand over', () => {
    const schema = { properties: { a: {}, b: { uniqueItems: true } }, required: ['a'] };
    expect(violations(schema, { a: Number.NaN })).toEqual(['a: is no JSON value']);
    expect(violations(schema, { a: undefined })).toEqual(['a: is required']);
    expect(violations(schema, { a: 1, b: [1, () => 1] })).toEqual(['b: must not have equal elements']);
  });
});

describe('hostile schemas end in a violation after bounded work', () => {
  const nest = (keyword: string, levels: number) => {
    const $defs: Record<string, unknown> = {};
    for (let i = 0; i < levels; i++) {
      const next = { $ref: `#/$defs/d${i + 1}` };
      $defs[`d${i}`] = { [keyword]: [next, next] };
    }
    $defs[`d${levels}`] = { type: 'string' };
    return { $defs, properties: { v: { $ref: '#/$defs/d0' } } };
  };
  const tooMuch = [': checking it against the schema is too much work: simplify the schema'];
  const text = 'a'.repeat(60_000);
  const patterns = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`(a?){40}${i}(b|c){20}$`, true]));
  const fields = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`aaaaaaaaaaaa${i}`, 'x']));
  const choices = Array.from({ length: 2_000 }, (_, i) => ({ const: i }));
  it.each<[string, unknown, unknown]>([
    ['alternatives that double, none of which fits', nest('anyOf', 30), 1],
    ['alternatives that double, all of which fit', nest('oneOf', 30), 's'],
    ['conjunctions that double', nest('allOf', 30), 's'],
    ['a huge pattern on a long text', { properties: { v: { pattern: '(a?){500}(a|b){500}$' } } }, text],
    ['many patterns for many names', { properties: { v: { patternProperties: patterns } } }, fields],
    ['many patterns for a long name', { properties: { v: { patternProperties: patterns } } }, { [text]: 1 }],
    [
      'many alternatives for many elements',
      { properties: { v: { items: { oneOf: choices } } } },
      Array(20_000).fill(7),
    ],
    [
      'many objects to compare with many',
      { properties: { v: { items: { enum: choices.slice(0, 1_000).map((a) => ({ a })) } } } },
      Array(1_500).fill({ a: { const: -1 } }),
    ],
    [
      'decimals far apart',
      {
        properties: {
          v: { items: { allOf: Array.from({ length: 60 }, (_, i) => ({ multipleOf: 1e-300 * (i + 1) })) } },
        },
      },
      Array.from({ length: 5_000 }, (_, i) => 1.7e308 - i * 1e290),
    ],
  ])('%s', (_, schema, v) => {
    const found = violations(schema, { v });
    expect(found.slice(0, 1)).toEqual(tooMuch);
  });
  it('and never pass for it, under `not` either', () => {
    const { $defs } = nest('anyOf', 30);
    expect(violations({ $defs, not: { $ref: '#/$defs/d0' } }, {})).toEqual(tooMuch);
  });
  it('nor overflow on a context deeper than any schema of theirs', () => {
    let v: unknown = 1;
    for (let i = 0; i < 20_000; i++) v = { v };
    const again = { $defs: { n: { properties: { v: { $ref: '#/$defs/n' } } } }, $ref: '#/$defs/n' };
    expect(violations(again, { v })).toEqual([': it nests more than 32 levels deep: flatten it']);
    expect(violations({ properties: { v: { uniqueItems: true } } }, { v: [v] })).toEqual([
      ': it nests more than 32 levels deep: flatten it',
    ]);
    expect(violations({ properties: { v: { const: {} } } }, { v })).toEqual([
      ': it nests more than 32 levels deep: flatten it',
    ]);
  });
});
