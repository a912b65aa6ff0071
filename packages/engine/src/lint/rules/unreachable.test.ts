import { describe, expect, it } from 'vitest';
import { decide } from '../../decide.js';
import { applyPatch } from '../../edit/patch.js';
import { found, onWitness, policyOf, rule } from '../lint.testkit.js';

describe('unreachable', () => {
  const low = rule('deny-low', 'deny', { conditions: { '<risk': 50 }, priority: 90 });
  const high = rule('allow-high', 'allow', { conditions: { '>=risk': 50 }, priority: 80 });
  const numbers = rule('ask-numbers', 'needs_approval', { conditions: { '>=risk': 0 } });

  it('names both of two rules that only together take everything', () => {
    const rules = [low, high, numbers];
    const [finding, ...more] = found('unreachable', rules);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning', rule_id: 'ask-numbers', related: ['deny-low', 'allow-high'] });
    expect(finding?.message).toContain('`deny-low` and `allow-high`');
    expect(found('unreachable', [low, numbers])).toEqual([]);
    expect(found('unreachable', [high, numbers])).toEqual([]);
  });
  it('shows a request that the rule matches and another decides', () => {
    const [finding] = found('unreachable', [low, high, numbers]);
    if (finding?.witness === undefined) throw new Error('no witness');
    expect(decide(policyOf([numbers]), finding.witness).matched_rule).toBe('ask-numbers');
    expect(onWitness([low, high, numbers], finding).matched_rule).not.toBe('ask-numbers');
  });
  it('offers to remove the rule only where no other effect wins', () => {
    const rules = [rule('deny-all', 'deny', { priority: 90 }), rule('deny-some', 'deny', { conditions: { x: 1 } })];
    const [finding] = found('unreachable', rules);
    expect(applyPatch(rules, finding?.suggestion?.patch ?? [])).toEqual(rules.slice(0, 1));
    expect(found('unreachable', [low, high, numbers])[0]?.suggestion?.patch).toBeUndefined();
  });
  it('is not said of a rule that one agent still reaches', () => {
    const covering = rule('deny-triage', 'deny', { priority: 90 });
    expect(found('unreachable', [covering, rule('allow-all', 'allow', { agent: '*' })])).toEqual([]);
    expect(
      found('unreachable', [{ ...covering, agent: '*' }, rule('allow-all', 'allow', { agent: '*' })]),
    ).toHaveLength(1);
  });
});
