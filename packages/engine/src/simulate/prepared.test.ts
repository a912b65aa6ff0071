import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleInput } from '../generated/rule.js';
import { anyContext, anyRule, lists } from '../rules.testkit.js';
import type { SimulationCase } from './case.js';
import { fixtures } from './fixtures.js';
import { inboxRules, policyOf } from './policies.testkit.js';
import { prepareCases, tallyCases } from './prepared.js';
import { simulate } from './run.js';

const anyRules = fc
  .array(fc.constantFrom('agent', '*', 'ag.*'), { maxLength: 8 })
  .chain((agents) =>
    fc.tuple(
      ...agents.map((agent, i) =>
        anyRule(`rule-${i}`).map((each): RuleInput => ({ ...each, agent, budget: { cost: 0.1 * i, compute: i / 3 } })),
      ),
    ),
  );
const anyCases = fc
  .array(fc.tuple(anyContext, fc.constantFrom('agent', 'ag.x', 'else'), fc.constantFrom('act', 'b')), { maxLength: 20 })
  .map((parts) =>
    parts.map(([context, agent, action], i): SimulationCase => ({ case_id: `c${i}`, agent, action, context })),
  );

describe('prepared cases', () => {
  it('are counted as a simulation counts them, for one policy after the other', () => {
    fc.assert(
      fc.property(fc.array(anyRules, { minLength: 1, maxLength: 3 }), anyCases, (policies, cases) => {
        const prepared = prepareCases(cases);
        expect(prepared.count).toBe(cases.length);
        for (const rules of policies) {
          const policy = policyOf(rules, { lists });
          const { summary, coverage } = simulate(policy, cases);
          expect(tallyCases(policy, prepared)).toEqual({ summary, coverage });
        }
      }),
    );
  });

  it('count what is too much work as denied', () => {
    const rules = Array.from({ length: 2000 }, (_, i) => ({
      id: `rule-${i}`,
      agent: '*',
      action: '*',
      effect: 'allow' as const,
      conditions: { 'l contains': `v${i}` },
    }));
    const big = { case_id: 'big', agent: 'a', action: 'b', context: { l: Array.from({ length: 30_000 }, () => 'x') } };
    const { summary } = tallyCases(policyOf(rules), prepareCases([big, { ...big, context: {} }]));
    expect(summary).toMatchObject({ total_cases: 2, deny_count: 1, no_match_count: 1 });
  });

  it('follow the limits given', () => {
    const { summary } = tallyCases(policyOf(inboxRules), prepareCases(fixtures), { limits: { cost: 42 } });
    expect(summary.breaches.map(({ kind, value }) => [kind, value])).toEqual([['cost', 42.5]]);
  });
});
