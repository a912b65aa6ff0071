import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../edit/patch.js';
import type { RuleInput } from '../../generated/rule.js';
import { found, onWitness, rule } from '../lint.testkit.js';

const ask = rule('ask-pricey', 'needs_approval', { conditions: { '>=cost': 5 } });
const allow = rule('allow-known', 'allow', { conditions: { known: true } });

describe('ambiguous-tie', () => {
  it('is said of the rule that wins by its effect alone', () => {
    const rules = [allow, ask];
    const [finding] = found('ambiguous-tie', rules);
    expect(finding).toMatchObject({
      severity: 'warning',
      rule_id: 'ask-pricey',
      path: [1, 'priority'],
      related: ['allow-known'],
    });
    if (finding !== undefined) expect(onWitness(rules, finding).matched_rule).toBe('ask-pricey');
  });
  it('offers to make plain what is so', () => {
    const [finding] = found('ambiguous-tie', [allow, ask]);
    const mended = applyPatch([allow, ask], finding?.suggestion?.patch ?? []) as RuleInput[];
    expect(mended.map(({ priority }) => priority)).toEqual([undefined, 51]);
    expect(found('ambiguous-tie', mended)).toEqual([]);
  });
  it.each([
    ['another priority', { ...ask, priority: 51 }],
    ['the same effect', { ...ask, effect: 'allow' as const }],
    ['rules that never meet', { ...ask, conditions: { known: false } }],
  ])('is not said of %s', (_, other) => {
    expect(found('ambiguous-tie', [allow, other])).toEqual([]);
  });
  it('has no edit at the highest priority there is', () => {
    const [finding] = found('ambiguous-tie', [
      { ...allow, priority: 1000 },
      { ...ask, priority: 1000 },
    ]);
    expect(finding?.suggestion?.patch).toBeUndefined();
  });
  it('is said even where five other conflicts are of more interest', () => {
    const denies = Array.from({ length: 6 }, (_, i) =>
      rule(`allow-${i}`, 'allow', { conditions: { [`f${i}`]: 1 }, priority: 40 }),
    );
    const deny = rule('deny-risky', 'deny', { conditions: { '>=risk': 80 } });
    expect(found('ambiguous-tie', [deny, ask, ...denies]).map(({ rule_id }) => rule_id)).toEqual(['deny-risky']);
  });
});
