import { describe, expect, it } from 'vitest';
import { found, onWitness, rule } from '../lint.testkit.js';

const denyRisky = rule('deny-risky', 'deny', { conditions: { '>=risk': 80 }, priority: 90 });

describe('conflict', () => {
  it('is a warning where an allow and a deny meet in part, with a request that shows it', () => {
    const rules = [denyRisky, rule('allow-known', 'allow', { conditions: { known: true } })];
    const [finding, ...more] = found('conflict', rules);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning', rule_id: 'deny-risky', related: ['allow-known'] });
    expect(finding?.message).toContain('its priority is higher (90 over 50)');
    expect(finding?.witness?.context).toMatchObject({ known: true });
    if (finding !== undefined) expect(onWitness(rules, finding).matched_rule).toBe('deny-risky');
  });
  it('is an info where the higher rule is an exception to the lower', () => {
    const rules = [denyRisky, rule('allow-all', 'allow')];
    expect(found('conflict', rules)).toMatchObject([{ severity: 'info', related: ['allow-all'] }]);
  });
  it('is a warning where nothing of the lower rule is left', () => {
    const rules = [denyRisky, rule('allow-risky', 'allow', { conditions: { '>=risk': 80 } })];
    expect(found('conflict', rules)).toMatchObject([{ severity: 'warning', related: ['allow-risky'] }]);
    expect(found('unreachable', rules)).toMatchObject([{ rule_id: 'allow-risky' }]);
  });
  it('is said of a rule that is lost to several, even if each is an exception', () => {
    const rules = [
      denyRisky,
      rule('deny-safe', 'deny', { conditions: { '<risk': 80 } }),
      rule('allow-numbers', 'allow', { conditions: { '>=risk': -1e9 }, priority: 1 }),
    ];
    const about = found('conflict', rules).filter(({ related }) => related?.includes('allow-numbers'));
    expect(about.map(({ severity }) => severity)).toEqual(['warning', 'warning']);
  });
  it.each([
    ['rules that cannot both hold', rule('allow-safe', 'allow', { conditions: { '<risk': 80 } })],
    ['another agent', rule('allow-all', 'allow', { agent: 'planner.deploy' })],
    ['an approval', rule('ask-all', 'needs_approval')],
    ['a disabled rule', rule('allow-all', 'allow', { enabled: false })],
  ])('is not said of %s', (_, other) => {
    expect(found('conflict', [denyRisky, other])).toEqual([]);
  });
  it('shows five of many, and says how many more there are', () => {
    const allows = Array.from({ length: 9 }, (_, i) =>
      rule(`allow-${i}`, 'allow', { conditions: { [`f${i}`]: true } }),
    );
    const findings = found('conflict', [denyRisky, ...allows]);
    expect(findings).toHaveLength(5);
    expect(findings.at(-1)?.message).toContain('(and 4 more)');
  });
});
