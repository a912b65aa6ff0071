import { describe, expect, it } from 'vitest';
import { catalogOf, found, rule } from '../lint.testkit.js';

const catalog = catalogOf(['inbox.triage'], { quarantine: null, escalate: null });

describe('uncovered-action', () => {
  it('is an info about the whole, once for each action that no rule is about', () => {
    const findings = found('uncovered-action', [rule('rule-a', 'deny')], { catalog });
    expect(findings).toMatchObject([{ severity: 'info', rule_id: null, path: [], line: null, column: null }]);
    expect(findings[0]?.message).toContain('`escalate`');
  });
  it('goes by enabled rules, those with unknown lists included', () => {
    const rules = [
      rule('rule-a', 'deny'),
      rule('rule-b', 'deny', { action: 'escalate', conditions: { 'x in': { list: 'vips' } } }),
    ];
    expect(found('uncovered-action', rules, { catalog, lists: null })).toEqual([]);
    const disabled = rules.map((each) => ({ ...each, enabled: false }));
    expect(found('uncovered-action', disabled, { catalog, lists: null })).toHaveLength(2);
  });
});
