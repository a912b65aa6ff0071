import { describe, expect, it } from 'vitest';
import { allOf, found, rule } from '../lint.testkit.js';
import { lint } from '../run.js';

describe('disabled-rule', () => {
  it('is an info', () => {
    const [finding] = found('disabled-rule', [rule('rule-a', 'deny', { enabled: false })]);
    expect(finding).toMatchObject({ severity: 'info', path: [0, 'enabled'], rule_id: 'rule-a' });
  });
  it('is all that is said of a disabled rule that would give many findings', () => {
    const rules = [
      rule('rule-a', 'allow', { agent: '*', action: '*', enabled: false }),
      rule('rule-b', 'deny', { enabled: false, conditions: { '>x': 1, '<x': 0 } }),
      { ...rule('rule-c', 'needs_approval', { enabled: false }), budget: undefined },
    ];
    delete rules[2]?.budget;
    expect(allOf(lint(rules, { lists: {} })).map(({ code }) => code)).toEqual(Array(3).fill('disabled-rule'));
  });
});
