import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../decide.js';
import { anyContext, anyRule, lists } from '../rules.testkit.js';
import { compareOn } from './compare.js';
import { fixtures } from './fixtures.js';
import { inboxRules, policyOf } from './policies.testkit.js';
import { simulate } from './run.js';

const policy = policyOf(inboxRules);

describe('a comparison', () => {
  it('finds no change between a policy and itself', () => {
    const report = compareOn(policy, policy, fixtures);
    expect(report).toMatchObject({ changes: [], total_changes: 0, total_effect_changes: 0 });
    expect(report.deltas).toEqual({ allow_rate: 0, deny_rate: 0, approval_rate: 0, no_match_rate: 0, cost: 0 });
    expect(report.summary_a).toEqual(report.summary_b);
  });

  it('names each case of another outcome with both rules', () => {
    const edited = inboxRules.map((rule) =>
      rule.id === 'allow-reindex' ? { ...rule, effect: 'needs_approval' as const } : rule,
    );
    const report = compareOn(policy, policyOf(edited), fixtures);
    expect(report.total_changes).toBe(2);
    expect(report.changes[0]).toEqual({
      case_id: 'knowledge_full_reindex',
      agent: 'knowledge.search',
      action: 'reindex',
      before: 'allow',
      after: 'needs_approval',
      before_rule: 'allow-reindex',
      after_rule: 'allow-reindex',
      same_effect: false,
      context: fixtures[3]?.context,
    });
    expect(report.transitions.allow).toEqual({ allow: 0, deny: 0, needs_approval: 2, no_match: 0 });
    expect(report.deltas).toEqual({
      allow_rate: -2 / 9,
      deny_rate: 0,
      approval_rate: 2 / 9,
      no_match_rate: 0,
      cost: 14,
    });
  });

  it('tells a case that a rule now decides as the default did from one whose effect changes', () => {
    const explicit = policyOf([
      ...inboxRules,
      { id: 'deny-the-rest', agent: '*', action: '*', effect: 'deny', priority: 0 },
    ]);
    const report = compareOn(policy, explicit, fixtures);
    expect(report.total_changes).toBe(3);
    expect(report.total_effect_changes).toBe(0);
    expect(report.changes[0]).toMatchObject({ before: null, after: 'deny', same_effect: true });
    const permissive = policyOf(inboxRules, { defaultEffect: 'allow' });
    expect(compareOn(permissive, explicit, fixtures)).toMatchObject({ total_changes: 3, total_effect_changes: 3 });
  });

  it('keeps no more changes than asked for and counts all', () => {
    const report = compareOn(policy, policyOf([]), fixtures, { keptChanges: 1 });
    expect(report.changes).toHaveLength(1);
    expect(report.total_changes).toBe(6);
  });

  it('agrees with two simulations and with `decide`, case by case', () => {
    const rules = (prefix: string) =>
      fc.array(fc.nat(), { maxLength: 4 }).chain((ids) => fc.tuple(...ids.map((_, i) => anyRule(`${prefix}-${i}`))));
    fc.assert(
      fc.property(rules('one'), rules('two'), fc.array(anyContext, { maxLength: 10 }), (left, right, contexts) => {
        const [a, b] = [policyOf(left, { lists }), policyOf(right, { lists, defaultEffect: 'allow' })];
        const cases = contexts.map((context, i) => ({ case_id: `c${i}`, agent: 'agent', action: 'act', context }));
        const report = compareOn(a, b, cases);
        expect(report.summary_a).toEqual(simulate(a, cases).summary);
        expect(report.summary_b).toEqual(simulate(b, cases).summary);
        const changed = cases.filter((one) => {
          const [before, after] = [decide(a, one), decide(b, one)];
          return (before.default ? '' : before.effect) !== (after.default ? '' : after.effect);
        });
        expect(report.changes.map(({ case_id }) => case_id)).toEqual(changed.map(({ case_id }) => case_id));
        const rows = Object.values(report.transitions).map((row) => Object.values(row).reduce((x, y) => x + y));
        const { allow_count, deny_count, approval_count, no_match_count } = report.summary_a;
        expect(rows).toEqual([allow_count, deny_count, approval_count, no_match_count]);
      }),
    );
  });
});
