import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '../../catalog/catalog.js';
import { decide } from '../../decide.js';
import { applyPatch } from '../../edit/patch.js';
import type { RuleInput } from '../../generated/rule.js';
import { anyRule, lists } from '../../rules.testkit.js';
import { catalogOf, found, policyOf, rule } from '../lint.testkit.js';

const schema = (amount: JsonSchema, required: string[] = []) =>
  catalogOf(['inbox.triage'], {
    quarantine: { type: 'object', properties: { amount, note: { type: 'string' } }, required },
  });
const optional = schema({ type: 'number' });
const untyped = schema({}, ['amount']);
const strict = schema({ type: 'number' }, ['amount']);

const deny = rule('deny-large', 'deny', { conditions: { '>=amount': 1000 }, priority: 90 });
const allow = rule('allow-rest', 'allow');

describe('evadable', () => {
  it('is said of a deny whose field may be left out, and shows the request that gets through', () => {
    const [finding, ...more] = found('evadable', [deny, allow], { catalog: optional });
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'warning',
      rule_id: 'deny-large',
      path: [0, 'conditions', '>=amount'],
      related: ['allow-rest'],
    });
    expect(finding?.witness?.context).not.toHaveProperty('amount');
    if (finding?.witness === undefined) throw new Error('no witness');
    const policy = policyOf([deny, allow]);
    expect(decide(policy, finding.witness).effect).toBe('allow');
    const caught = { ...finding.witness, context: { ...finding.witness.context, amount: 1000 } };
    expect(decide(policy, caught).matched_rule).toBe('deny-large');
  });
  it('is said of a field that may hold another type', () => {
    const [finding] = found('evadable', [deny, allow], { catalog: untyped });
    expect(typeof finding?.witness?.context.amount).toBe('string');
    expect(finding?.message).toContain('sends text as `amount`');
  });
  it('offers an edit after which there is no way around', () => {
    const [finding] = found('evadable', [deny, allow], { catalog: optional });
    const mended = applyPatch([deny, allow], finding?.suggestion?.patch ?? []) as RuleInput[];
    expect(found('evadable', mended, { catalog: optional })).toEqual([]);
    expect(decide(policyOf(mended), { agent: 'inbox.triage', action: 'quarantine', context: {} }).effect).toBe('deny');
  });
  it.each([
    ['a required field of one type', [deny, allow], strict],
    ['no catalog', [deny, allow], null],
    [
      'a field the schema does not name',
      [rule('deny-a', 'deny', { conditions: { other: 1 }, priority: 90 }), allow],
      optional,
    ],
    ['a fact', [rule('deny-late', 'deny', { conditions: { '>=current_hour': 20 }, priority: 90 }), allow], optional],
    ['nothing that would allow', [deny], optional],
    [
      'a rule that catches what has no amount',
      [deny, rule('deny-none', 'deny', { conditions: { 'amount exists': false } }), allow],
      optional,
    ],
    ['an allow', [rule('allow-large', 'allow', { conditions: { '>=amount': 1000 } })], optional],
    [
      'a rule that asks for absence',
      [rule('deny-none', 'deny', { conditions: { 'amount exists': false }, priority: 90 }), allow],
      optional,
    ],
  ] as const)('is not said with %s', (_, rules, catalog) => {
    expect(found('evadable', rules, { catalog })).toEqual([]);
  });
  it('looks past another deny that does not always hold', () => {
    const other = rule('deny-noted', 'deny', { conditions: { 'note contains': 'x' }, priority: 80 });
    expect(found('evadable', [deny, other, allow], { catalog: optional }).map(({ rule_id }) => rule_id)).toEqual([
      'deny-large',
      'deny-noted',
    ]);
  });
  it('is said of an approval that can be dodged into an allow, and of one default effect but not the other', () => {
    const ask = rule('ask-large', 'needs_approval', { conditions: { '>=amount': 1000 } });
    expect(found('evadable', [ask], { catalog: optional, defaultEffect: 'allow' })).toHaveLength(1);
    expect(found('evadable', [ask], { catalog: optional, defaultEffect: 'deny' })).toEqual([]);
  });
  it('is said of required fields, too, where schemas are not enforced', () => {
    expect(found('evadable', [deny, allow], { catalog: strict, enforceContext: false })).toHaveLength(1);
  });
  it('finds the way around that leaves out what the field lies in', () => {
    const args: JsonSchema = { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] };
    const catalog = catalogOf(['inbox.triage'], { quarantine: { type: 'object', properties: { args } } });
    const rules = [rule('deny-out', 'deny', { conditions: { 'args.to not_in': ['me'] }, priority: 90 }), allow];
    const [finding] = found('evadable', rules, { catalog });
    expect(finding?.message).toContain('leaves out `args`');
  });
});

describe('what gets through', () => {
  const types: readonly JsonSchema[] = [{ type: 'number' }, { type: 'string' }, {}, { type: ['string', 'number'] }];
  const anySchema = fc.record({
    type: fc.constant('object'),
    properties: fc.record({ n: fc.constantFrom(...types), s: fc.constantFrom(...types), b: fc.constantFrom(...types) }),
    required: fc.subarray(['n', 's', 'b']),
  });
  const effects = { deny: 0, needs_approval: 1, allow: 2 };
  const ids = ['rule-a', 'rule-b', 'rule-c'];

  it('is let through by the schema, and decided more freely than the rule does', () => {
    let shown = 0;
    fc.assert(
      fc.property(
        anySchema,
        fc.tuple(...ids.map((id) => anyRule(id))),
        fc.boolean(),
        (schema, rules, enforceContext) => {
          const catalog = catalogOf(['agent'], { act: schema });
          const policy = policyOf(rules, lists);
          for (const { witness, rule_id } of found('evadable', rules, { catalog, lists, enforceContext })) {
            if (witness === undefined) throw new Error('no witness');
            shown += 1;
            if (enforceContext) expect(catalog.typing('agent', 'act')?.admits?.(witness.context)).toBe(true);
            const own = rules.find(({ id }) => id === rule_id)?.effect ?? 'allow';
            expect(effects[decide(policy, witness).effect]).toBeGreaterThan(effects[own]);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(shown).toBeGreaterThan(10);
  });
});
