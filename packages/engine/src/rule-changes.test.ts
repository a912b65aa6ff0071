import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bundleDigest } from './digest.js';
import { canonicalRule, ruleChanges } from './rule-changes.js';

const rule = (id: string, rest: object = {}) =>
  ({ id, agent: 'inbox.triage', action: 'quarantine', effect: 'deny', reason: 'it is risky', ...rest }) as const;

describe('changes of rules', () => {
  it('are told by id, as the rules were given, with the members that differ', () => {
    const before = [rule('gone'), rule('same'), rule('other', { priority: 60 })];
    const after = [rule('new'), rule('other', { effect: 'allow', tags: ['x'] }), rule('same')];
    expect(ruleChanges(before, after)).toEqual({
      rules_added: [after[0]],
      rules_removed: [before[0]],
      rules_modified: [
        { id: 'other', before: before[2], after: after[1], changed_fields: ['effect', 'priority', 'tags'] },
      ],
      summary: { added: 1, removed: 1, modified: 1, unchanged: 1 },
    });
  });

  it('are none in spelling, order and defaults that are written out', () => {
    const before = [rule('one', { conditions: { '>=risk_score': 85 } }), rule('two')];
    const after = [
      { ...rule('two'), enabled: true, priority: 50, tags: [], metadata: {}, conditions: {} },
      rule('one', { conditions: { 'risk_score >=': 85 } }),
    ];
    expect(ruleChanges(before, after).summary).toEqual({ added: 0, removed: 0, modified: 0, unchanged: 2 });
  });

  it('are seen in conditions that do not parse', () => {
    const before = [rule('one', { conditions: { '=>risk_score': 85 } })];
    const after = [rule('one', { conditions: { '=>risk_score': 86 } })];
    expect(ruleChanges(before, after).rules_modified).toMatchObject([{ changed_fields: ['conditions'] }]);
    expect(ruleChanges(before, before).summary.unchanged).toBe(1);
  });

  it('are none if and only if the digests are equal', () => {
    const member = fc.record(
      {
        priority: fc.constantFrom(50, 60),
        enabled: fc.boolean(),
        tags: fc.constantFrom([], ['x']),
        conditions: fc.constantFrom({}, { '>=n': 1 }, { 'n >=': 1 }, { n: [1] }, { 'n in': [1] }),
        budget: fc.constantFrom({ cost: 1 }, { cost: 2 }),
      },
      { requiredKeys: [] },
    );
    const rules = fc.uniqueArray(fc.tuple(fc.constantFrom('one', 'two', 'three'), member), {
      selector: ([id]) => id,
      maxLength: 3,
    });
    fc.assert(
      fc.property(rules, rules, (a, b) => {
        const [before, after] = [a.map(([id, rest]) => rule(id, rest)), b.map(([id, rest]) => rule(id, rest))];
        const { added, removed, modified, unchanged } = ruleChanges(before, after).summary;
        expect(added + removed + modified === 0).toBe(bundleDigest(before) === bundleDigest(after));
        expect([added + modified + unchanged, removed + modified + unchanged]).toEqual([after.length, before.length]);
      }),
    );
  });
});

it('a canonical rule has its defaults, and is its own canonical form', () => {
  const once = canonicalRule(rule('one', { conditions: { 'n  >=': 1 } }));
  expect(once).toMatchObject({ priority: 50, enabled: true, tags: [], metadata: {}, conditions: { '>=n': 1 } });
  expect(canonicalRule(once)).toEqual(once);
});
