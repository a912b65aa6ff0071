import { describe, expect, it } from 'vitest';
import { allOf, found, rule } from '../lint.testkit.js';
import { lint } from '../run.js';

const reader = rule('rule-a', 'deny', { conditions: { 'x in': { list: 'vips' }, 'y not_in': { list: 'others' } } });

describe('unknown-list', () => {
  it('is an info where the lists are not known, and says which', () => {
    const [finding] = found('unknown-list', [reader], { lists: null });
    expect(finding).toMatchObject({ severity: 'info', rule_id: 'rule-a' });
    expect(finding?.message).toContain('`others` and `vips`');
  });
  it('is an `invalid-condition` instead where they are', () => {
    expect(found('unknown-list', [reader], { lists: {} })).toEqual([]);
    expect(found('invalid-condition', [reader], { lists: {} })).toHaveLength(2);
  });
  it('keeps back what the rule could make untrue, and nothing else', () => {
    const rules = [
      rule('deny-most', 'deny', { conditions: { '>=n': 5 }, priority: 90 }),
      rule('deny-all', 'deny', { priority: 10 }),
      rule('never', 'allow', { conditions: { '>n': 1, '<n': 0 } }),
    ];
    const between = rule('between', 'allow', { conditions: { 'x in': { list: 'vips' } }, priority: 50 });
    const codes = (all: readonly unknown[]) => allOf(lint(all)).map(({ code, rule_id }) => `${code} ${rule_id}`);
    expect(codes(rules)).toContain('redundant deny-most');
    expect(codes([...rules, between])).not.toContain('redundant deny-most');
    expect(codes([...rules, between])).toContain('never-matches never');
    // Another agent's requests are none of its business.
    expect(codes([...rules, { ...between, agent: 'planner.deploy' }])).toContain('redundant deny-most');
  });
});
