import { describe, expect, it } from 'vitest';
import { compile } from '../compile.js';
import { decide } from '../decide.js';
import type { RuleInput } from '../generated/rule.js';
import type { Lists } from '../list.js';
import { type Analysis, type AnalysisOptions, analyse } from './analyse.js';
import { policyOf, rule } from './analysis.testkit.js';
import { nextUp } from './number-cells.js';

function analysisOf(rules: readonly RuleInput[], options?: AnalysisOptions, lists?: Lists): Analysis {
  return analyse(policyOf(rules, lists), options);
}

/** Whether nothing meets the conditions; anything undecided fails the test. */
function neverMatches(conditions: Record<string, unknown>, options?: AnalysisOptions, lists?: Lists): boolean {
  const { neverMatches, undecided } = analysisOf([rule('rule-a', 'allow', conditions)], options, lists);
  expect(undecided).toEqual([]);
  return neverMatches.length === 1;
}

describe('a rule that never matches', () => {
  const contradictions: Record<string, unknown>[] = [
    { '<current_hour': 8, '>=current_hour': 18 },
    { '>x': 1, '<x': nextUp(1) },
    { '>x': Number.MAX_VALUE },
    { current_hour: 24 },
    { '>current_hour': 8, '<current_hour': 9 },
    { current_hour: '9' },
    { 'current_hour exists': false },
    { 'now exists': false },
    { '>now': '9999-12-31T23:59:59.999Z' },
    { day_of_week: 'Monday' },
    { day_of_week: 'sunday', is_weekend: false },
    { 'current_hour.x exists': true },
    { '>error_rate_5min': 1 },
    { '__proto__.x exists': true },
    { 'a.b': 1, 'a is_empty': true },
    { 'a.b': 1, a: [1, 'x'] },
    { 'a.b.c exists': true, 'a.b contains': 1 },
    { 's starts_with': 'ab', not: { 's starts_with': 'a' } },
    { 's ends_with': 'ab', all: [{ 's ends_with': 'cb' }] },
    { 's contains': 'abc', 's not_contains': 'b', 's starts_with': '' },
    // Without milliseconds the text comes after all of its second.
    { '>now': '2026-01-01T00:00:00Z', '<now': '2026-01-01T00:00:00.002Z' },
    { '>s': 'a', '<s': 'a\0' },
    { 's all_in': ['a', 'b'], 's contains': 'c' },
    { 's any_in': [] },
    { any: [] },
    { 'u domain_in': ['a.example.com'], not: { 'u domain_in': ['example.com'] } },
    { 's in': { list: 'vips' }, 's not_in': { list: 'vips' } },
    { x: { field: 'y' }, 'y exists': false },
    { 's matches': '^a', '==s': 5 },
  ];
  const lists: Lists = { vips: { values: ['Ann'], normalize: 'lower' } };
  for (const conditions of contradictions) {
    it(`is found: ${JSON.stringify(conditions)}`, () => {
      expect(neverMatches(conditions, undefined, lists)).toBe(true);
    });
  }

  const satisfiable: Record<string, unknown>[] = [
    { '>x': 1, '<x': nextUp(nextUp(1)) },
    { '>current_hour': 22 },
    { 'a.b': 1, 'a exists': true },
    { '>s': 'a', '<s': 'a\0\0' },
    { 's contains': 'abc', 's ends_with': 'b', 's starts_with': 'zz', 's not_contains': 'bb' },
    { 's any_in': ['a'], not: { 's all_in': ['a'] } },
    { 's matches': '^[a-f0-9]{8}-x$', 's not_contains': 'zz' },
    { x: { field: 'y' }, '>=y': 3 },
    { 'u domain_in': ['example.com'], 'u starts_with': 'https://', 'u contains': 'secret' },
    { 's in': { list: 'vips' }, '!=s': 'ann' },
    { '>now': '2026-01-01T00:00:00.000Z', '<now': '2026-01-01T00:00:00.002Z' },
    { 's contains': 'abc', 's not_contains': 'b' },
  ];
  for (const conditions of satisfiable) {
    it(`is not confused with one that does: ${JSON.stringify(conditions)}`, () => {
      expect(neverMatches(conditions, undefined, lists)).toBe(false);
    });
  }

  it('is judged by the types an enforced schema allows', () => {
    const typing = () => ({
      fields: { risk: { types: ['integer'], required: true, minimum: 0, maximum: 100 } as const },
    });
    expect(neverMatches({ '>risk': 99.5, '<risk': 100 }, { typing })).toBe(true);
    expect(neverMatches({ '>risk': 99.5, '<risk': 100 })).toBe(false);
    expect(neverMatches({ 'risk exists': false }, { typing })).toBe(true);
    expect(neverMatches({ '>risk': 100 }, { typing })).toBe(true);
  });

  it('is undecided when the schema refuses every witness', () => {
    const typing = () => ({ fields: {}, admits: () => false });
    const { undecided } = analysisOf([rule('rule-a', 'allow', { x: 1 })], { typing });
    expect(undecided).toContainEqual({ question: 'never-matches', rule: 'rule-a', reason: 'schema' });
  });
});

describe('a member of a long list', () => {
  const many = (member: (i: number) => unknown) => Array.from({ length: 100 }, (_, i) => member(i));
  const members = { ...lists(), urls: { values: many((i) => `https://h${i}.com/p${i}`) as string[] } };
  function lists(): Lists {
    return { folded: { values: ['name77'], normalize: 'lower' } };
  }
  it.each([
    [{ 'x in': many((i) => i + 0.25), '>=x': 98 }, false],
    [{ 'x in': many((i) => i), '>=x': 100 }, true],
    [{ 'x in': { list: 'urls' }, 'x domain_in': ['h77.com'] }, false],
    [{ 'x in': { list: 'urls' }, 'x domain_in': ['h177.com'] }, true],
    [{ 'x in': many((i) => `nAmE${i}`), all: [{ 'x in': { list: 'folded' } }] }, false],
    [{ 'x in': many((i) => `NOM${i}`), all: [{ 'x in': { list: 'folded' } }] }, true],
    [{ 'x in': many((i) => `n${i}`), 'x ends_with': '77' }, false],
    [{ 'x in': many((i) => `n${i}`), 'x not_in': many((i) => `n${i + 1}`) }, false],
    [{ 'x in': many((i) => `n${i}`), 'x not_in': many((i) => `n${i}`) }, true],
  ])('is not lost: %j', (conditions, never) => {
    expect(neverMatches(conditions, undefined, members)).toBe(never);
  });

  it('is not lost when a schema leaves only that one', () => {
    const typing = () => ({ fields: { x: { types: ['number'] as const, minimum: 77, maximum: 78 } } });
    expect(neverMatches({ 'x in': many((i) => i + 0.25) }, { typing })).toBe(false);
  });
});

describe('an unreachable rule', () => {
  const shadowed = [
    rule('low-risk', 'allow', { '<risk': 50 }, { priority: 90 }),
    rule('other-field', 'deny', { kind: 'x' }, { priority: 85 }),
    rule('high-risk', 'deny', { '>=risk': 30 }, { priority: 80 }),
    rule('any-number', 'needs_approval', { '>=risk': -1000 }, { priority: 10 }),
  ];

  it('is named with the rules that shadow it only together', () => {
    const { unreachable, neverMatches, undecided } = analysisOf(shadowed);
    expect(unreachable.map(({ rule, cover }) => ({ rule, cover }))).toEqual([
      { rule: 'any-number', cover: ['low-risk', 'high-risk'] },
    ]);
    expect([...neverMatches, ...undecided]).toEqual([]);
    const witness = unreachable[0]?.witness;
    expect(witness?.context.risk).toBeTypeOf('number');
    expect(decide(policyOf(shadowed), witness ?? { agent: '', action: '', context: {} }).matched_rule).not.toBe(
      'any-number',
    );
  });

  it('is reachable again when one of these is disabled', () => {
    const rules = shadowed.map((each) => (each.id === 'low-risk' ? { ...each, enabled: false } : each));
    expect(analysisOf(rules).unreachable).toEqual([]);
  });

  it('counts as such only when no agent and action can reach it', () => {
    const wide = rule('for-all', 'deny', {}, { agent: '*', action: '*', priority: 1 });
    const narrow = rule('for-one', 'allow', {}, { priority: 2 });
    expect(analysisOf([wide, narrow]).unreachable).toEqual([]);
    const above = rule('for-inbox', 'allow', {}, { agent: 'inbox.*', action: '*', priority: 3 });
    expect(analysisOf([wide, narrow, above]).unreachable).toMatchObject([{ rule: 'for-one', cover: ['for-inbox'] }]);
  });
});

describe('a redundant rule', () => {
  it('is one whose requests get the same without it, whatever decides them then', () => {
    const rules = [
      rule('deny-a', 'deny', { kind: 'a' }, { priority: 90 }),
      rule('allow-low', 'allow', { '<risk': 5 }, { priority: 50 }),
    ];
    expect(analysisOf(rules).redundant).toEqual([]);
    const rest = [rule('deny-a', 'deny', { kind: 'a' }, { priority: 90 }), rule('allow-b', 'allow', { kind: 'b' })];
    expect(analysisOf(rest).redundant).toMatchObject([{ rule: 'deny-a', instead: [null] }]);
  });

  it('is needed when only its budget or its number of approvers differs', () => {
    const rules = (more: Partial<RuleInput>) => [
      rule('first', 'needs_approval', { kind: 'a' }, { priority: 90, ...more }),
      rule('second', 'needs_approval', {}, { priority: 10 }),
    ];
    expect(analysisOf(rules({})).redundant.map((each) => each.rule)).toEqual(['first']);
    expect(analysisOf(rules({ budget: { cost: 3 } })).redundant).toEqual([]);
    expect(analysisOf(rules({ metadata: { min_approvers: 3 } })).redundant).toEqual([]);
  });

  it('is needed when another default applies', () => {
    const policy = compile({ rules: [rule('deny-a', 'deny', { kind: 'a' })] }, {}, { defaultEffect: 'allow' });
    if (Array.isArray(policy)) throw new Error('invalid');
    expect(analyse(policy).redundant).toEqual([]);
  });
});

describe('overlaps', () => {
  it('tell the exception from the partial overlap, and ties', () => {
    const { overlaps } = analysisOf([
      rule('deny-spam', 'deny', { kind: 'spam', '>risk': 5 }, { priority: 90 }),
      rule('deny-old', 'deny', { '>age': 3 }, { priority: 60 }),
      rule('allow-spam', 'allow', { kind: 'spam' }, { priority: 60 }),
    ]);
    expect(
      overlaps.map((each) => ({
        ...each,
        shown: each.shown.map(({ rule, relation, tie }) => ({ rule, relation, tie })),
      })),
    ).toEqual([
      {
        rule: 'deny-spam',
        count: 1,
        opposed: 1,
        ties: 0,
        partial: 0,
        shown: [{ rule: 'allow-spam', relation: 'exception', tie: false }],
      },
      {
        rule: 'deny-old',
        count: 1,
        opposed: 1,
        ties: 1,
        partial: 1,
        shown: [{ rule: 'allow-spam', relation: 'partial', tie: true }],
      },
    ]);
  });

  it('show at most five witnesses a rule and count the rest', () => {
    const rules = Array.from({ length: 9 }, (_, i) => rule(`allow-${i}`, 'allow', { [`f${i}`]: i }, { priority: 5 }));
    const { overlaps } = analysisOf([...rules, rule('deny-all', 'deny', {}, { priority: 9 })]);
    expect(overlaps).toMatchObject([{ rule: 'deny-all', count: 9, opposed: 9 }]);
    expect(overlaps[0]?.shown).toHaveLength(5);
  });

  it('of a rule for all agents and one for a single agent are partial however narrow its conditions', () => {
    const { overlaps } = analysisOf([
      rule('deny-wide', 'deny', { kind: 'spam' }, { agent: '*', priority: 90 }),
      rule('allow-one', 'allow', {}, { priority: 10 }),
    ]);
    expect(overlaps[0]?.shown[0]).toMatchObject({ rule: 'allow-one', relation: 'partial' });
  });
});

describe('what cannot be decided', () => {
  it('is said to be so, with the reason', () => {
    const { undecided, neverMatches } = analysisOf([
      rule('pattern', 'allow', { 's matches': '^a+$', 's contains': 'b' }),
      rule('fields', 'allow', { '<x': { field: 'y' }, '>x': { field: 'y' } }),
    ]);
    expect(neverMatches).toEqual([]);
    expect(undecided.filter(({ question }) => question === 'never-matches')).toEqual([
      { question: 'never-matches', rule: 'fields', reason: 'field' },
      { question: 'never-matches', rule: 'pattern', reason: 'matches' },
    ]);
  });
});
