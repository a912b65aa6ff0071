import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompiledPolicy, type CompileOptions, compile } from './compile.js';
import { decide } from './decide.js';
import type { RuleInput } from './generated/rule.js';
import { limits } from './limits.js';
import type { Lists } from './list.js';
import { anyContext, anyRule, lists } from './rules.testkit.js';

function policyOf(rules: RuleInput[], named: Lists = {}, options: CompileOptions = {}): CompiledPolicy {
  const policy = compile({ rules }, named, options);
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy[0]));
  return policy;
}

function rule(id: string, rest: Partial<RuleInput> = {}): RuleInput {
  return { id, agent: 'agent', action: 'act', effect: 'allow', ...rest };
}

type Met = 'met' | 'not met' | 'mismatch';

/** How one test comes out on a context, seen from outside. */
function outcomeOf(conditions: Record<string, unknown>, context: Record<string, unknown>, named: Lists = {}): Met {
  const policy = policyOf([rule('one', { conditions })], named);
  const { matched_rule, errors } = decide(policy, { agent: 'agent', action: 'act', context });
  if (errors.length > 0) return 'mismatch';
  return matched_rule === 'one' ? 'met' : 'not met';
}

describe('tests', () => {
  const vips: Lists = { vips: { values: ['Ann', 'BOB', 7], normalize: 'lower' } };
  const cases: [conditions: Record<string, unknown>, context: Record<string, unknown>, outcome: Met][] = [
    [{ a: 1 }, { a: 1 }, 'met'],
    [{ a: 1 }, { a: '1' }, 'not met'],
    [{ a: 0 }, { a: -0 }, 'met'],
    [{ a: 0 }, { a: false }, 'not met'],
    [{ a: null }, { a: null }, 'not met'],
    [{ '!=a': null }, { a: 1 }, 'met'],
    [{ '!=a': 1 }, { a: '1' }, 'met'],
    [{ '!=a': 1 }, { a: [1] }, 'met'],
    [{ '!=a': 1 }, {}, 'not met'],
    [{ '!=a': 1 }, { a: null }, 'not met'],
    [{ not: { a: 1 } }, {}, 'met'],
    [{ a: [1, 'x'] }, { a: 'x' }, 'met'],
    [{ a: [1, 'x'] }, { a: ['x'] }, 'not met'],
    [{ a: [null] }, { a: null }, 'not met'],
    [{ a: [] }, { a: 1 }, 'not met'],
    [{ 'a not_in': [] }, { a: 1 }, 'met'],
    [{ 'a not_in': [1] }, { a: {} }, 'met'],
    [{ 'a not_in': [1] }, {}, 'not met'],
    [{ '>=a': 1 }, { a: 1 }, 'met'],
    [{ '>a': 1 }, { a: 1 }, 'not met'],
    [{ '>=a': 1 }, { a: '5' }, 'mismatch'],
    [{ '>=a': 1 }, { a: true }, 'mismatch'],
    [{ '>=a': 1 }, { a: [5] }, 'mismatch'],
    [{ '>=a': 1 }, {}, 'not met'],
    [{ '<a': '2026-01-02T00:00:00Z' }, { a: '2026-01-01T00:00:00Z' }, 'met'],
    [{ '<a': 'x' }, { a: 1 }, 'mismatch'],
    [{ '>a': '\uFFFD' }, { a: '\u{1F600}' }, 'met'],
    [{ '<=a': '\u{1F600}' }, { a: '\uFFFD' }, 'met'],
    [{ 'a contains': 'ell' }, { a: 'hello' }, 'met'],
    [{ 'a contains': '' }, { a: '' }, 'met'],
    [{ 'a contains': 1 }, { a: [1] }, 'met'],
    [{ 'a contains': 1 }, { a: ['1', [1]] }, 'not met'],
    [{ 'a contains': 1 }, { a: '1' }, 'mismatch'],
    [{ 'a contains': '1' }, { a: 1 }, 'mismatch'],
    [{ 'a contains': 'x' }, { a: { x: 1 } }, 'mismatch'],
    [{ 'a not_contains': 'x' }, { a: [] }, 'met'],
    [{ 'a not_contains': 'x' }, { a: 'x' }, 'not met'],
    [{ 'a not_contains': 'x' }, { a: 1 }, 'mismatch'],
    [{ 'a starts_with': 'he' }, { a: 'hello' }, 'met'],
    [{ 'a starts_with': 'he' }, { a: ['he'] }, 'mismatch'],
    [{ 'a ends_with': 'lo' }, { a: 'hello' }, 'met'],
    [{ 'a ends_with': 'lo' }, { a: 'hell' }, 'not met'],
    [{ 'a matches': 'l+o$' }, { a: 'hello' }, 'met'],
    [{ 'a matches': '^l' }, { a: 'hello' }, 'not met'],
    [{ 'a matches': '1' }, { a: 1 }, 'mismatch'],
    [{ 'a exists': true }, { a: false }, 'met'],
    [{ 'a exists': true }, { a: null }, 'not met'],
    [{ 'a exists': false }, {}, 'met'],
    [{ 'a exists': false }, { a: 0 }, 'not met'],
    [{ 'a is_empty': true }, {}, 'met'],
    [{ 'a is_empty': true }, { a: [] }, 'met'],
    [{ 'a is_empty': true }, { a: {} }, 'met'],
    [{ 'a is_empty': true }, { a: '' }, 'met'],
    [{ 'a is_empty': true }, { a: 0 }, 'not met'],
    [{ 'a is_empty': false }, { a: 0 }, 'met'],
    [{ 'a is_empty': false }, {}, 'not met'],
    [{ 'a any_in': [1, 2] }, { a: 2 }, 'met'],
    [{ 'a any_in': [1, 2] }, { a: ['x', 2] }, 'met'],
    [{ 'a any_in': [null] }, { a: [null] }, 'met'],
    [{ 'a any_in': [1] }, { a: [] }, 'not met'],
    [{ 'a any_in': [1] }, { a: [[1]] }, 'not met'],
    [{ 'a any_in': [1] }, { a: {} }, 'mismatch'],
    [{ 'a all_in': [1, 2] }, { a: [1, 2, 1] }, 'met'],
    [{ 'a all_in': [1, 2] }, { a: [1, 3] }, 'not met'],
    [{ 'a all_in': [1] }, { a: [] }, 'not met'],
    [{ 'a all_in': [1] }, { a: 1 }, 'met'],
    [{ 'a domain_in': ['Example.com'] }, { a: 'https://sub.example.com/x' }, 'met'],
    [{ 'a domain_in': ['example.com'] }, { a: 'x@example.com' }, 'met'],
    [{ 'a domain_in': ['example.com'] }, { a: ['x@example.com', 'https://evil.org'] }, 'not met'],
    [{ 'a domain_in': ['example.com'] }, { a: ['x@example.com', 'nothing'] }, 'mismatch'],
    [{ 'a domain_in': ['example.com'] }, { a: ['x@example.com', 1] }, 'mismatch'],
    [{ 'a domain_in': ['example.com'] }, { a: [] }, 'not met'],
    [{ 'a domain_in': ['example.com'] }, { a: 'example.com' }, 'mismatch'],
    [{ 'a domain_in': ['example.com'] }, { a: 1 }, 'mismatch'],
    [{ 'a domain_in': { field: 'b' } }, { a: 'x@y.org', b: ['Y.org', 'no host', 5] }, 'met'],
    [{ 'a domain_in': { field: 'b' } }, { a: 'x@y.org', b: 'y.org' }, 'mismatch'],
    [{ 'a domain_in': { field: 'b' } }, { a: 1 }, 'not met'],
    [{ a: { field: 'b' } }, { a: { x: [1, null], y: 2 }, b: { y: 2, x: [1, null] } }, 'met'],
    [{ a: { field: 'b' } }, { a: [1, 2], b: [2, 1] }, 'not met'],
    [{ '!=a': { field: 'b' } }, { a: 1 }, 'not met'],
    [{ '!=a': { field: 'b' } }, { a: 1, b: '1' }, 'met'],
    [{ '>a': { field: 'b' } }, { a: 2, b: 1 }, 'met'],
    [{ '>a': { field: 'b' } }, { a: '\u{1F600}', b: '\uFFFD' }, 'met'],
    [{ '>a': { field: 'b' } }, { a: 2, b: '1' }, 'mismatch'],
    [{ '>a': { field: 'b' } }, { a: 2 }, 'not met'],
    [{ 'a in': { field: 'b' } }, { a: 2, b: [1, 2] }, 'met'],
    [{ 'a in': { field: 'b' } }, { a: 2, b: 2 }, 'mismatch'],
    [{ 'a not_in': { field: 'b' } }, { a: {}, b: [1] }, 'met'],
    [{ 'a any_in': { field: 'b' } }, { a: [9, 2], b: [1, 2] }, 'met'],
    [{ 'a contains': { field: 'b' } }, { a: 'hello', b: 'ell' }, 'met'],
    [{ 'a contains': { field: 'b' } }, { a: [[1]], b: [1] }, 'mismatch'],
    [{ a: { list: 'vips' } }, { a: 'ANN' }, 'met'],
    [{ a: { list: 'vips' } }, { a: 7 }, 'met'],
    [{ a: { list: 'vips' } }, { a: '7' }, 'not met'],
    [{ '!=a': { list: 'vips' } }, { a: 'bob' }, 'not met'],
    [{ 'a all_in': { list: 'vips' } }, { a: ['ann', 'Bob'] }, 'met'],
    [{ 'a.b': 1 }, { a: { b: 1 } }, 'met'],
    [{ 'a.b': 1 }, { 'a.b': 1 }, 'not met'],
    [{ 'a.0': 1 }, { a: [1] }, 'not met'],
    [{ 'a.length exists': true }, { a: 'text' }, 'not met'],
    [{ 'a.length exists': true }, { a: [1] }, 'not met'],
    [{ '__proto__ exists': true }, JSON.parse('{"__proto__": 1}'), 'not met'],
    [{ 'a.constructor exists': true }, { a: { constructor: 1 } }, 'not met'],
    [{ 'prototype.a exists': false }, { prototype: { a: 1 } }, 'met'],
    [{ 'toString exists': true }, {}, 'not met'],
    [{ 'a.hasOwnProperty exists': true }, { a: {} }, 'not met'],
    [{ toString: 'x' }, { toString: 'x' }, 'met'],
    [{ 'any contains': 'x' }, { any: 'x' }, 'met'],
    [{ all: [] }, {}, 'met'],
    [{ any: [] }, {}, 'not met'],
    [{ not: { '>=a': 1 } }, { a: 'x' }, 'mismatch'],
  ];
  it.each(cases)('%j on %j is %s', (conditions, context, outcome) => {
    expect(outcomeOf(conditions, context, vips)).toBe(outcome);
  });

  it('hold under a not of a mismatch', () => {
    const policy = policyOf([rule('one', { conditions: { not: { '>=a': 1 } } })]);
    expect(decide(policy, { agent: 'agent', action: 'act', context: { a: 'x' } }).matched_rule).toBe('one');
  });
});

describe('a decision', () => {
  const ask = { agent: 'agent', action: 'act', context: {} };

  it('is the default effect where nothing matches', () => {
    const nothing = {
      matched_rule: null,
      reason: 'no rule matched, the default effect applies',
      default: true,
      budget: null,
    };
    expect(decide(policyOf([]), ask)).toMatchObject({ ...nothing, effect: 'deny', min_approvers: null, errors: [] });
    expect(decide(policyOf([], {}, { defaultEffect: 'allow' }), ask)).toMatchObject({ ...nothing, effect: 'allow' });
  });

  it('goes by priority, then effect, then id', () => {
    const order = ['top', 'deny-a', 'deny-b', 'needs', 'allow', 'low-deny'];
    const rules = [
      rule('allow'),
      rule('deny-b', { effect: 'deny' }),
      rule('low-deny', { effect: 'deny', priority: 49 }),
      rule('needs', { effect: 'needs_approval' }),
      rule('top', { priority: 51 }),
      rule('deny-a', { effect: 'deny' }),
    ];
    const won: (string | null)[] = [];
    for (let left = rules; left.length > 0; left = left.filter(({ id }) => id !== won.at(-1))) {
      won.push(decide(policyOf(left), ask).matched_rule);
    }
    expect(won).toEqual(order);
  });

  it('does not see disabled rules', () => {
    expect(decide(policyOf([rule('off', { enabled: false })]), ask).default).toBe(true);
  });

  it('carries the budget, the approvers and the reason of the winner', () => {
    const budget = { cost: 2, risk: 'high' as const };
    const policy = policyOf([
      rule('one', { effect: 'needs_approval', reason: 'someone should look', budget, metadata: { min_approvers: 2 } }),
    ]);
    expect(decide(policy, ask)).toEqual({
      effect: 'needs_approval',
      matched_rule: 'one',
      reason: 'someone should look',
      default: false,
      budget,
      min_approvers: 2,
      errors: [],
    });
  });

  it('does not change when the rules are changed after compiling', () => {
    const one = rule('one', { conditions: { 'a in': ['x'] }, budget: { cost: 1 } });
    const policy = policyOf([one]);
    one.effect = 'deny';
    (one.budget as { cost: number }).cost = 9;
    (one.conditions as Record<string, string[]>)['a in']?.push('y');
    expect(decide(policy, { ...ask, context: { a: 'x' } })).toMatchObject({ effect: 'allow', budget: { cost: 1 } });
    expect(decide(policy, { ...ask, context: { a: 'y' } }).default).toBe(true);
  });

  it('lists the mismatches of the rules up to the winner, in order, even of tests that could not matter', () => {
    const policy = policyOf([
      rule('first', { priority: 9, conditions: { no: 1, any: [{ '>=a': 1 }, { 'a contains': 'x' }] } }),
      rule('second', { priority: 8, conditions: { not: { 'b starts_with': 'x' } } }),
      rule('third', { priority: 7, conditions: { '<a': 1 } }),
    ]);
    const { matched_rule, errors } = decide(policy, { ...ask, context: { a: true, b: 2 } });
    expect(matched_rule).toBe('second');
    expect(errors).toEqual([
      { code: 'type_mismatch', rule_id: 'first', field: 'a', operator: '>=' },
      { code: 'type_mismatch', rule_id: 'first', field: 'a', operator: 'contains' },
      { code: 'type_mismatch', rule_id: 'second', field: 'b', operator: 'starts_with' },
    ]);
  });

  it.each([31, 32, 33])('lists at most 32 mismatches of %i', (count) => {
    const rules = Array.from({ length: count }, (_, i) => rule(`rule-${i}`, { conditions: { '>=a': i } }));
    const { errors } = decide(policyOf(rules), { ...ask, context: { a: 'x' } });
    expect(errors).toHaveLength(Math.min(count, 32));
  });

  it('is the same on the first and every later asking, closures or bitsets', () => {
    const rules = fc.tuple(...Array.from({ length: 60 }, (_, i) => anyRule(`rule-${i}`)));
    fc.assert(
      fc.property(rules, fc.array(anyContext, { minLength: 5, maxLength: 5 }), (bundle, contexts) => {
        const warm = policyOf(bundle, lists);
        for (const context of contexts) decide(warm, { ...ask, context });
        for (const context of contexts) {
          const request = { ...ask, context };
          expect(decide(warm, request)).toEqual(decide(policyOf(bundle, lists), request));
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('a long evaluation that many rules ask for', () => {
  it.each([3, 100])('is made once a request, and anew for the next one (%i rules)', (count) => {
    let reads = 0;
    const left = (x: number) => ({
      get x() {
        reads += 1;
        return x;
      },
    });
    const rules = Array.from({ length: count }, (_, i) =>
      rule(`rule-${i}`, { conditions: { a: { field: 'b' }, not: { n: i } } }),
    );
    const policy = policyOf(rules);
    const ask = (x: number) =>
      decide(policy, { agent: 'agent', action: 'act', context: { a: left(x), b: { x: 2 }, n: -1 } }).matched_rule;
    expect(ask(1)).toBe(null);
    expect(reads).toBe(1);
    expect(ask(2)).toBe('rule-0');
    expect(ask(1)).toBe(null);
    expect(reads).toBe(3);
  });
});

describe('the work limit', () => {
  const ask = (a: unknown, b?: unknown) => ({
    agent: 'agent',
    action: 'act',
    context: b === undefined ? { a } : { a, b },
  });
  const perUnit = 50;
  const patterns = policyOf(
    Array.from({ length: perUnit }, (_, i) => rule(`rule-${i}`, { conditions: { 'a matches': `x${i}` } })),
  );
  const units = limits.work / (16 * perUnit);

  it('allows what is at the limit and denies what is above', () => {
    expect(decide(patterns, ask('y'.repeat(units))).default).toBe(true);
    expect(decide(patterns, ask('y'.repeat(units + 1)))).toMatchObject({
      effect: 'deny',
      matched_rule: null,
      default: false,
      errors: [{ code: 'work_exhausted' }],
    });
  });

  it('counts equal tests of several rules once', () => {
    const same = Array.from({ length: 3 }, (_, i) => rule(`rule-${i}`, { conditions: { 'a matches': 'x', n: i } }));
    expect(decide(policyOf(same), ask('y'.repeat(limits.work / 16))).default).toBe(true);
  });

  it('counts the elements of arrays on both sides', () => {
    const policy = policyOf([
      ...Array.from({ length: 500 }, (_, i) => rule(`rule-${i}`, { conditions: { 'a contains': `x${i}` } })),
      rule('both', { conditions: { 'a any_in': { field: 'b' } } }),
    ]);
    const left = new Array<number>(99_000).fill(1);
    const room = limits.work - 501 * left.length;
    const right = (length: number) => new Array<number>(length).fill(2);
    expect(decide(policy, ask(left, right(room))).default).toBe(true);
    expect(decide(policy, ask(left, right(room + 1))).errors).toEqual([{ code: 'work_exhausted' }]);
  });

  it('counts nothing for tests that take constant time', () => {
    const policy = policyOf([rule('one', { conditions: { '>=a': 'x', '!=a': 'y', 'a exists': true } })]);
    expect(decide(policy, ask('z'.repeat(limits.work + 1))).matched_rule).toBe('one');
  });
});

describe('hostile requests', () => {
  const policy = policyOf(
    [
      rule('one', {
        conditions: { 'a.b.c': 1, 'd domain_in': ['example.com'], 'e matches': '(x+x+)+y', f: { field: 'g' } },
      }),
      rule('two', {
        conditions: { any: [{ f: { field: 'g' } }, { 'h all_in': { field: 'f' } }, { '>f': { field: 'g' } }] },
      }),
    ],
    lists,
  );
  const deep = (levels: number) => {
    let value: unknown = 1;
    for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
    return value;
  };
  const cases: [string, unknown, unknown?, unknown?][] = [
    ['values nested a hundred thousand deep', { f: deep(100_000), g: deep(100_000) }],
    ['a huge array', { h: Array(1_000_000).fill('x'), f: Array(1_000_000).fill('x'), g: 1 }],
    ['lone surrogates', { d: 'https://\uD800', e: '\uDFFFxx', f: '\uD800', g: '\uDC00' }],
    [
      'prototype keys',
      JSON.parse(
        '{"__proto__": {"a": 1}, "constructor": 1, "a": {"__proto__": {"b": 1}}, "f": {"__proto__": 1}, "g": {}}',
      ),
    ],
    ['a catastrophic pattern', { e: 'x'.repeat(60_000) }],
    ['numbers that JSON cannot hold', { a: Number.NaN, f: Number.NaN, g: Number.POSITIVE_INFINITY }],
    ['no context', undefined],
    ['a null context', null],
    ['an array as context', [1]],
    ['a context without a prototype', Object.assign(Object.create(null), { f: 1, g: 1 })],
    ['a name of dots', { f: 1 }, '.'.repeat(100_000), '..'],
    ['names of objects', {}, '__proto__', 'constructor'],
    ['a name that is no string', {}, 5, null],
    ['patterns as names', {}, '*', 'inbox.*'],
  ];
  it.each(cases)('are decided without an exception: %s', (_name, context, agent = 'agent', action = 'act') => {
    const request = { agent, action, context } as Parameters<typeof decide>[1];
    expect(['allow', 'deny']).toContain(decide(policy, request).effect);
  });

  it('does not inherit what someone put on Object.prototype', () => {
    const polluted = Object.create({ f: 1, g: 1 }) as Record<string, unknown>;
    expect(decide(policy, { agent: 'agent', action: 'act', context: polluted }).default).toBe(true);
  });
});
