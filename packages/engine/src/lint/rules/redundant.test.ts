import { describe, expect, it } from 'vitest';
import { found, onWitness, rule } from '../lint.testkit.js';

describe('redundant', () => {
  const wide = rule('allow-mail', 'allow', { priority: 10 });
  const narrow = rule('allow-newsletters', 'allow', { conditions: { category: 'newsletter' } });

  it('is said of a rule whose requests a lower rule decides alike', () => {
    const [finding] = found('redundant', [wide, narrow]);
    expect(finding).toMatchObject({ severity: 'info', rule_id: 'allow-newsletters', related: ['allow-mail'] });
    expect(finding?.suggestion?.patch).toEqual([{ op: 'remove', path: '/1' }]);
    if (finding !== undefined) expect(onWitness([wide, narrow], finding).matched_rule).toBe('allow-newsletters');
  });
  it('goes by the default effect, too', () => {
    const deny = rule('deny-newsletters', 'deny', { conditions: { category: 'newsletter' } });
    const [finding] = found('redundant', [deny]);
    expect(finding?.message).toContain('the default effect (`deny`)');
    // Someone may mean it to hold whatever the default is.
    expect(finding?.suggestion?.patch).toBeUndefined();
    expect(found('redundant', [deny], { defaultEffect: 'allow' })).toEqual([]);
  });
  it.each([
    ['another budget', { budget: { cost: 1 } }],
    ['another number of approvers', { metadata: { min_approvers: 2 } }],
    ['a rule between that decides otherwise', {}],
  ])('is not said with %s', (name, more) => {
    const between = rule('deny-mail', 'deny', { priority: 20 });
    const rules = name.startsWith('a rule') ? [wide, narrow, between] : [wide, { ...narrow, ...more }];
    expect(found('redundant', rules)).toEqual([]);
  });
});
