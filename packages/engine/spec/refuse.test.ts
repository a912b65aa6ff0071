import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, decide, type Lists, type RuleInput } from '../src/index.js';
import { check, type Finding } from './check.js';
import * as spec from './decide.js';
import * as pool from './pool.js';
import { compiled } from './production.js';

/** What the engine finds wrong, each finding cut to the part of the path that the specification promises. */
function compareRefusals(rules: readonly unknown[], lists: spec.Bundle['lists'] = {}): readonly Finding[] {
  const expected = check({ rules, lists });
  const policy = compile({ rules: rules as readonly RuleInput[] }, lists as unknown as Lists);
  const found = Array.isArray(policy) ? policy : [];
  const isAt = (wanted: Finding) => (finding: { code: string; path: readonly (string | number)[] }) =>
    finding.code === wanted.code && wanted.path.every((segment, i) => finding.path[i] === segment);
  for (const wanted of expected)
    expect(found.some(isAt(wanted)), `${JSON.stringify(wanted)} among ${JSON.stringify(found)}`).toBe(true);
  for (const finding of found)
    expect(
      expected.some((wanted) => isAt(wanted)(finding)),
      JSON.stringify(finding),
    ).toBe(true);
  return expected;
}

const rule = (conditions: unknown, more: object = {}) => ({
  id: 'rule-1',
  agent: '*',
  action: '*',
  effect: 'allow',
  conditions,
  ...more,
});

const pieces = [
  '>',
  '=',
  '<',
  '!',
  '>=',
  '==',
  ' ',
  ' ',
  '.',
  'a',
  'b',
  'any',
  'all',
  'not',
  'in',
  'not_in',
  'matches',
  'exists',
  'x.y',
  'é',
  '_',
  '\u0000',
  '"',
];
const key = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 5 }).map((parts) => parts.join('')),
  fc.constantFrom(
    'a in',
    'a not_in',
    'a contains',
    'a starts_with',
    'a matches',
    'a exists',
    'a is_empty',
    'a any_in',
    'a all_in',
    'a domain_in',
    '>=a',
    'a',
    '!=a',
    'any',
    'all',
    'not',
  ),
);
const texts = [
  ...pool.strings,
  '[a',
  '(?=a)',
  '\\1',
  'https://example.com',
  '>1',
  '> -0',
  '<= 1e5',
  '>01',
  '==1.',
  '=>1',
  '>1 ',
];
const scalar = fc.oneof(
  fc.constantFrom(...texts),
  fc.constantFrom(...pool.numbers),
  fc.constantFrom(true, false, null),
);
const reference = fc.constantFrom(
  ...[
    { field: 'b' },
    { field: 'b.c' },
    { field: '' },
    { field: 'b ' },
    { field: 1 },
    { list: 'vip' },
    { list: 'gone' },
    { list: 'VIP' },
    { list: 'toString' },
  ],
  ...[{ list: 'domains' }, { list: 'constructor' }, {}, { field: 'b', list: 'vip' }, { gte: 1 }, { fields: 'b' }],
);
const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 3, arbitrary: reference },
  { weight: 3, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(fc.oneof(scalar, reference), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...pool.hostNames), { maxLength: 2 }) },
);
const conditions = fc.letrec<{ object: Record<string, unknown>; value: unknown }>((tie) => ({
  object: fc.array(fc.tuple(key, tie('value')), { maxLength: 2 }).map((entries) => Object.fromEntries(entries)),
  value: fc.oneof({ depthSize: 'small' }, value, value, fc.array(tie('object'), { maxLength: 2 }), tie('object')),
})).object;

describe('the engine refuses what the specification refuses', () => {
  it('conditions, right and wrong ones, and decides the right ones alike', () => {
    let accepted = 0;
    let refused = 0;
    const lists = pool.lists[0];
    const contexts = [{ a: 1, b: 1 }, { a: 'a', b: ['a'] }, { a: ['a', 1], any: 'a', x: { y: true } }, {}];
    const law = fc.property(conditions, (made) => {
      const rules = [rule(made)];
      if (compareRefusals(rules, lists).length > 0) {
        refused++;
        return;
      }
      accepted++;
      const policy = compiled({ rules, lists });
      for (const context of contexts) {
        const request = { agent: 'x', action: 'y', context };
        expect(decide(policy, request)).toStrictEqual(spec.decide({ rules, lists }, request));
      }
    });
    fc.assert(law, { numRuns: 6_000 });
    expect(accepted).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(500);
  });

  it('rules with fields of any type', () => {
    let accepted = 0;
    const odd = fc.constantFrom<unknown>(
      ...pool.anything,
      'inbox.*',
      '*',
      'a.*.b',
      'a..b',
      'ab',
      'abc',
      'A-b',
      'a'.repeat(64),
      'a'.repeat(65),
      '😀'.repeat(256),
      '😀'.repeat(257),
      'deny',
      'high',
      1000,
      1001,
      1.5,
      -1,
      { cost: 0 },
      { cost: -1 },
      { risk: 'low' },
      { risk: 'no' },
      { cots: 1 },
      { min_approvers: 1 },
      { min_approvers: 11 },
      { min_approvers: '1' },
      ['x'.repeat(65)],
      Array.from({ length: 33 }, () => 'x'),
    );
    const field = fc.constantFrom(
      'id',
      'agent',
      'action',
      'effect',
      'conditions',
      'reason',
      'priority',
      'budget',
      'enabled',
      'tags',
      'metadata',
      'condition',
      'toString',
      '__proto__',
    );
    const law = fc.property(field, odd, fc.boolean(), (name, made, drop) => {
      const entries = Object.entries(rule({})).filter(([key]) => key !== name);
      const changed = Object.fromEntries(drop ? entries : [...entries, [name, made]]);
      if (compareRefusals([changed]).length === 0) accepted++;
    });
    fc.assert(law, { numRuns: 4_000 });
    expect(accepted).toBeGreaterThan(200);
  });

  it('two rules of one id', () => {
    const law = fc.property(fc.array(fc.constantFrom('aaa', 'bbb', 'ccc', 'ddd'), { maxLength: 4 }), (ids) => {
      const found = compareRefusals(ids.map((id) => rule({}, { id })));
      expect(found.length).toBe(ids.length - new Set(ids).size);
    });
    fc.assert(law, { numRuns: 200 });
  });

  it('arrays of 10,001 values and bundles of 10,001 rules', () => {
    const values = (n: number) => [rule({ 'n in': Array.from({ length: n }, (_, i) => i) })];
    const rules = (n: number) => Array.from({ length: n }, (_, i) => rule({}, { id: `rule-${i}` }));
    for (const make of [values, rules]) {
      expect(compareRefusals(make(10_000))).toEqual([]);
      expect(compareRefusals(make(10_001))).toMatchObject([{ code: 'limit-exceeded' }]);
    }
  });
});
