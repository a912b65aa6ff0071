import { describe, expect, it } from 'vitest';
import { type CompiledCatalog, compileCatalog } from '../../catalog/compiled-catalog.js';
import { decide } from '../../decide.js';
import { applyPatch } from '../../edit/patch.js';
import type { RuleInput } from '../../generated/rule.js';
import { catalogOf, found, policyOf, rule } from '../lint.testkit.js';

describe('never-matches', () => {
  const night = rule('deny-at-night', 'deny', { conditions: { '<current_hour': 8, '>=current_hour': 18, x: 1 } });

  it('finds hours before 8 and from 18 on', () => {
    const [finding] = found('never-matches', [night]);
    expect(finding).toMatchObject({ severity: 'warning', rule_id: 'deny-at-night', path: [0, 'conditions'] });
    expect(finding?.message).toContain('`"<current_hour":8` and `">=current_hour":18` together');
    expect(finding?.message).not.toContain('"x"');
  });
  it('offers the two as alternatives, which is what was meant', () => {
    const [finding] = found('never-matches', [night]);
    expect(finding?.suggestion?.changes_decisions).toBe(true);
    const policy = policyOf(applyPatch([night], finding?.suggestion?.patch ?? []) as RuleInput[]);
    const matches = (current_hour: number) =>
      decide(policy, { agent: 'inbox.triage', action: 'quarantine', context: { current_hour, x: 1 } }).matched_rule;
    expect([0, 7, 8, 17, 18, 23].filter((hour) => matches(hour) !== null)).toEqual([0, 7, 18, 23]);
  });
  it.each([
    [{ day_of_week: 'Monday' }, 'no request can meet `"day_of_week":"Monday"`,'],
    [{ any: [] }, 'no request can meet `"any":[]`,'],
    [{ '>=a': 1, '>=b': 1, '<a': 0 }, 'no request can meet `"<a":0` and `">=a":1` together'],
    [{ '>x': 1, any: [{ '<x': 0 }, { x: 1 }], y: 1 }, 'together'],
  ])('says which conditions contradict each other: %j', (conditions, says) => {
    expect(found('never-matches', [rule('rule-a', 'deny', { conditions })])[0]?.message).toContain(says);
  });
  it('is not said of what matches by a hair, nor of unreachable rules', () => {
    const hair = rule('rule-a', 'deny', { conditions: { '>=current_hour': 23, '<current_hour': 24 } });
    const covered = rule('rule-b', 'deny', { conditions: { '>current_hour': 22 }, priority: 10 });
    expect(found('never-matches', [hair, covered])).toEqual([]);
    expect(found('unreachable', [hair, covered])).toHaveLength(1);
  });
  it('is said of what an enforced schema lets nobody send', () => {
    const catalog = catalogOf(['inbox.triage'], {
      quarantine: { type: 'object', properties: { risk: { type: 'number', maximum: 100 } } },
    });
    const over = rule('rule-a', 'deny', { conditions: { '>risk': 100 } });
    expect(found('never-matches', [over], { catalog })).toHaveLength(1);
    expect(found('never-matches', [over], { catalog, enforceContext: false })).toEqual([]);
    expect(found('never-matches', [{ ...over, action: '*' }], { catalog })).toEqual([]);
  });
  it('is not said of a rule about actions that the catalog lacks, even where it has one of the name made up for them', () => {
    const closed = { type: 'object', properties: {}, additionalProperties: false };
    const catalog = catalogOf(['other', 'inbox.other'], { other: closed, quarantine: closed });
    const reads = { conditions: { x: 1 } };
    const rules = [
      rule('rule-a', 'deny', { ...reads, agent: '*', action: '*' }),
      rule('rule-b', 'deny', { ...reads, agent: 'inbox.other', action: '*' }),
      rule('rule-c', 'deny', { ...reads, agent: '*' }),
    ];
    expect(found('never-matches', rules, { catalog }).map(({ rule_id }) => rule_id)).toEqual(['rule-c']);
  });
  it('goes by the agents that an action is for', () => {
    const schema = { type: 'object', properties: {}, additionalProperties: false };
    const part = { description: '', annotations: {}, context_schema: schema, risk: null, cost: null };
    const catalog = compileCatalog({
      agents: [{ agent: 'inbox.other', description: '' }],
      actions: [{ action: 'quarantine', agents: ['inbox.other'], ...part }],
    }) as CompiledCatalog;
    const never = (agent: string) =>
      found('never-matches', [rule('rule-a', 'deny', { agent, conditions: { x: 1 } })], { catalog }).length;
    expect([never('inbox.other'), never('inbox.*'), never('*')]).toEqual([1, 0, 0]);
  });
  it('says `undecided` where patterns are all there is to go by', () => {
    const conditions = { 'x matches': '^a+$', all: [{ 'x matches': '^b+$' }] };
    const findings = found('never-matches', [rule('rule-a', 'deny', { conditions })]);
    for (const { undecided, severity, witness } of findings) {
      expect([undecided, severity, witness]).toEqual(['matches', 'info', undefined]);
    }
    expect(findings).toHaveLength(1);
  });
});
