import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../canonical.js';
import type { Catalog, JsonSchema } from '../catalog/catalog.js';
import { type CompiledCatalog, compileCatalog } from '../catalog/compiled-catalog.js';
import { defaultCatalog } from '../catalog/default-catalog.js';
import { validateContext } from '../catalog/validate.js';
import { decide } from '../decide.js';
import { sha256Hex } from '../digest.js';
import { clockFacts, isFact } from '../facts.js';
import type { RuleInput } from '../generated/rule.js';
import { limits } from '../limits.js';
import { anyRule, lists } from '../rules.testkit.js';
import type { SimulationCase } from './case.js';
import { parseCaseList } from './parse-cases.js';
import { inboxRules, policyOf } from './policies.testkit.js';
import { simulate } from './run.js';
import { syntheticCases } from './synthetic.js';

function catalogOf(catalog: Catalog): CompiledCatalog {
  const compiled = compileCatalog(catalog);
  if (Array.isArray(compiled)) throw new Error(JSON.stringify(compiled));
  return compiled;
}

const rule = (id: string, conditions: Record<string, unknown>, more: Partial<RuleInput> = {}): RuleInput => ({
  id,
  agent: 'mail',
  action: 'send',
  effect: 'deny',
  conditions,
  ...more,
});

const schema: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['to', 'amount'],
  properties: {
    to: { type: 'string', format: 'email' },
    amount: { type: 'integer', minimum: 0, maximum: 500 },
    tags: { type: 'array', items: { enum: ['a', 'b'] }, uniqueItems: true },
    meta: { $ref: '#/$defs/meta' },
  },
  $defs: {
    meta: { type: 'object', required: ['kind'], properties: { kind: { const: 'x' }, inner: { $ref: '#/$defs/meta' } } },
  },
};
const mailCatalog = catalogOf({
  agents: [{ agent: 'mail', description: '' }],
  actions: [
    {
      action: 'send',
      agents: ['mail'],
      context_schema: schema,
      risk: null,
      cost: null,
      description: '',
      annotations: {},
    },
  ],
});
const mailRules = [
  rule('large', { '>=amount': 100 }),
  rule('outside', { not: { 'to domain_in': ['example.com'] }, '<amount': 400 }, { effect: 'needs_approval' }),
  rule('tagged', { 'tags any_in': ['a'], 'meta.kind': 'x' }, { effect: 'allow' }),
  rule('at-night', { any: [{ '<current_hour': 6 }, { is_weekend: true }], '>daily_spend': 12.5 }, { priority: 10 }),
];

const firstCase =
  '[{"action":"send","agent":"mail","case_id":"synthetic-0001","context":{"amount":101,"current_hour":16,"daily_spend":12.5,"day_of_week":"monday","is_weekend":false,"meta":{"kind":"x"},"now":"2026-09-21T16:55:14.677Z","tags":["b"],"to":"https://sub.example.com/path"}}]';

describe('synthetic cases', () => {
  it('are these, byte for byte, on every platform', () => {
    const digest = (cases: readonly SimulationCase[]) => sha256Hex(canonicalJson(cases));
    const cases = syntheticCases([policyOf(mailRules)], { count: 200, seed: 1337, catalog: mailCatalog });
    expect(canonicalJson(cases.slice(0, 1))).toBe(firstCase);
    expect(digest(cases)).toBe('67df75fdeb81e883b8b61981e7da172be6422023e60c1baaec3b56a0aa7ccb1a');
    expect(digest(syntheticCases([policyOf(inboxRules)], { count: 100, seed: 7 }))).toBe(
      'd2d526941f32462c1b35a1412a33c6c6107b9b54a514a73a6ed568ff2a6749bc',
    );
  });

  it('differ by seed, and more of them begin with the same', () => {
    const of = (count: number, seed: number) => syntheticCases([policyOf(mailRules)], { count, seed });
    expect(of(50, 1)).not.toEqual(of(50, 2));
    expect(of(80, 1).slice(0, 50)).toEqual(of(50, 1));
    expect(of(0, 1)).toEqual([]);
  });

  it('do not depend on how the rules are spelled or ordered', () => {
    const respelled = [...mailRules].reverse().map((each) => {
      return each.id === 'large' ? { ...each, conditions: { 'amount >=': 100 } } : each;
    });
    const of = (rules: readonly RuleInput[]) => syntheticCases([policyOf(rules)], { count: 50, seed: 3 });
    expect(of(respelled)).toEqual(of(mailRules));
  });

  it('follow the schema of their action, facts aside', () => {
    const cases = syntheticCases([policyOf(mailRules)], { count: 500, seed: 11, catalog: mailCatalog });
    for (const { agent, action, context } of cases) {
      expect([agent, action]).toEqual(['mail', 'send']);
      const found = mailCatalog.schemaOf(agent, action);
      expect(found === null ? [] : validateContext(found, context)).toEqual([]);
    }
  });

  it('sit on a threshold and at either side of it', () => {
    const cases = syntheticCases([policyOf([rule('large', { '>=amount': 0.85 })])], { count: 40, seed: 5 });
    const amounts = new Set(cases.map(({ context }) => context.amount));
    for (const near of [0.84, 0.85, 0.86]) expect(amounts).toContain(near);
  });

  it('reach every rule, and what is next to it', () => {
    for (const seed of [1, 2, 3]) {
      const policy = policyOf(mailRules);
      const cases = syntheticCases([policy], { count: 200, seed, catalog: mailCatalog });
      const { coverage, summary } = simulate(policy, cases);
      expect(coverage.never_hit).toEqual([]);
      expect(summary.no_match_count).toBeGreaterThan(0);
    }
  });

  it('meet conditions of every operator', () => {
    const conditions: Record<string, unknown>[] = [
      { s: 'a' },
      { '!=s': 'a' },
      { '>s': 'm' },
      { '<=s': '2026-01-01T00:00:00Z' },
      { 'n in': [1, 2] },
      { 'n not_in': [1] },
      { 's contains': 'wor' },
      { 'l contains': 3 },
      { 's not_contains': 'wor' },
      { 's starts_with': 'pre' },
      { 's ends_with': 'post' },
      { 's matches': '^[A-Z]{2}-\\d+$' },
      { 's exists': true },
      { 's exists': false },
      { 's is_empty': true },
      { 's is_empty': false },
      { 'l any_in': ['x', 'y'] },
      { 'l all_in': ['x', 'y'] },
      { 'u domain_in': ['example.com'] },
      { 'a.b.c': true },
      { n: { field: 'm' } },
      { '>n': { field: 'm' } },
      { 's in': { field: 'l' } },
      { 'l all_in': { field: 'm' } },
      { 'u domain_in': { field: 'm' } },
      { 's starts_with': { field: 't' } },
      { 's in': { list: 'vips' } },
      { '>=n': 60, '<n': 61.5 },
      { not: { any: [{ n: 1 }, { 's exists': true }] } },
      { '>=current_hour': 9, '<current_hour': 10, day_of_week: 'friday' },
      { '>now': '2031-05-01T00:00:00.000Z' },
      { circuit_open: true },
    ];
    for (const each of conditions) {
      const policy = policyOf([rule('the-rule', each)], { lists });
      const cases = syntheticCases([policy], { count: 60, seed: 21 });
      const hits = cases.filter((one) => decide(policy, one).matched_rule === 'the-rule').length;
      expect([JSON.stringify(each), hits > 0, hits < 60]).toEqual([JSON.stringify(each), true, true]);
    }
  });

  it('hold facts of one clock, within their domains, and only where rules read facts', () => {
    const policy = policyOf(mailRules);
    for (const { context } of syntheticCases([policy], { count: 100, seed: 4 })) {
      const { now, current_hour, day_of_week, is_weekend } = context;
      expect(clockFacts(Date.parse(now as string), 'UTC')).toEqual({ now, current_hour, day_of_week, is_weekend });
      expect(context.daily_spend ?? 0).toBeGreaterThanOrEqual(0);
      expect(context).not.toHaveProperty('session_spend');
    }
    for (const { context } of syntheticCases([policyOf(inboxRules)], { count: 50, seed: 4 })) {
      expect(Object.keys(context).filter(isFact)).toEqual([]);
    }
  });

  it('ask about pairs of the catalog where a rule leaves them open', () => {
    const catalog = catalogOf(defaultCatalog);
    const policy = policyOf([rule('everything', { '>risk_score': 50 }, { agent: '*', action: '*' })]);
    for (const { agent, action } of syntheticCases([policy], { count: 50, seed: 9, catalog })) {
      expect(catalog.actionOf(agent, action)).not.toBeNull();
    }
    const bare = syntheticCases([], { count: 5, seed: 9 });
    expect(bare[0]).toEqual({ case_id: 'synthetic-0001', agent: 'other.agent', action: 'other.action', context: {} });
  });

  it('come from the rules of both policies when two are compared', () => {
    const [a, b] = [policyOf([rule('one', { '>n': 10 })]), policyOf([rule('two', { '>n': 77 })])];
    const values = new Set(syntheticCases([a, b], { count: 60, seed: 2 }).map(({ context }) => context.n));
    for (const near of [10, 11, 77, 78]) expect(values).toContain(near);
  });

  it('end, and keep within a context, where schemas contain themselves', () => {
    const node: JsonSchema = {
      type: 'object',
      required: ['left', 'right'],
      properties: { left: { $ref: '#' }, right: { $ref: '#' } },
    };
    const [action] = mailCatalog.catalog.actions;
    const catalog = catalogOf({
      ...mailCatalog.catalog,
      actions: [{ ...(action as Catalog['actions'][number]), context_schema: node }],
    });
    for (const { context } of syntheticCases([policyOf(mailRules)], { count: 3, seed: 1, catalog })) {
      expect(JSON.stringify(context).length).toBeLessThan(limits.contextBytes);
    }
  });

  it('stay within a context where rules hold long texts', () => {
    const long = (field: string): [string, unknown] => [`${field} contains`, field.repeat(4000)];
    const conditions = Object.fromEntries(['ab', 'cd', 'ef', 'gh', 'ij', 'kl', 'mn', 'op', 'qr'].map(long));
    const cases = syntheticCases([policyOf([rule('long', conditions)])], { count: 60, seed: 1 });
    expect(parseCaseList(cases)).toEqual(cases);
  });

  it('are made soon where every rule names a long list', () => {
    const values = Array.from({ length: 100_000 }, (_, i) => `member-${i}`);
    const rules = Array.from({ length: 500 }, (_, i) => rule(`rule-${i}`, { [`f${i} in`]: { list: 'long' } }));
    const policy = policyOf(rules, { lists: { long: { values } } });
    const members = syntheticCases([policy], { count: 500, seed: 1 }).flatMap(({ context }) => Object.values(context));
    expect(members.filter((value) => String(value).startsWith('member-')).length).toBeGreaterThan(500);
  });

  it('hold no object within itself where a field is compared with what it stands in', () => {
    const policy = policyOf([rule('one', { 'o.n': { field: 'o' }, 'o.m': 1 })]);
    for (const seed of [1, 2, 3])
      expect(() => JSON.stringify(syntheticCases([policy], { count: 50, seed }))).not.toThrow();
  });

  it('are made for any rules, and are JSON', () => {
    const rules = fc
      .array(fc.nat(), { maxLength: 5 })
      .chain((ids) => fc.tuple(...ids.map((_, i) => anyRule(`rule-${i}`))));
    fc.assert(
      fc.property(rules, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (some, seed) => {
        const policy = policyOf(some, { lists });
        const cases = syntheticCases([policy], { count: 10, seed });
        expect(cases).toHaveLength(10);
        expect(new Set(cases.map(({ case_id }) => case_id)).size).toBe(10);
        expect(JSON.parse(JSON.stringify(cases))).toEqual(cases);
        expect(syntheticCases([policy], { count: 10, seed })).toEqual(cases);
      }),
    );
  });
});
