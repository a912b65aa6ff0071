import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outcome } from './check.js';
import { compile } from './compile.js';
import { conditionCheck } from './condition-check.js';
import type { RuleInput } from './generated/rule.js';
import { nextOf, readHosts, readValues, winnerOf } from './plan.js';
import { planFor } from './policy-index.js';
import { anyContext, anyRule, lists } from './rules.testkit.js';

const anyRules = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.nat(60))
  .chain(([size, unconditional]) =>
    fc
      .tuple(...Array.from({ length: size }, (_, i) => anyRule(`rule-${i}`)))
      .map((rules) => rules.map((rule, i): RuleInput => (i === unconditional ? { ...rule, conditions: {} } : rule))),
  );

describe('the next match', () => {
  it('is the first rule from a place on whose conditions hold', () => {
    fc.assert(
      fc.property(anyRules, anyContext, (rules, context) => {
        const policy = compile({ rules }, lists);
        if (Array.isArray(policy)) throw new Error(JSON.stringify(policy));
        const plan = planFor(policy.index, 'agent', 'act');
        const values = readValues(plan, context);
        readHosts(plan, values);
        const held = plan.rules.map(({ condition }) => conditionCheck(condition, plan.checkOf)(values) === outcome.met);
        for (let from = 0; from <= rules.length; from++) {
          expect(nextOf(plan, values, from)).toBe(held.indexOf(true, from));
        }
        expect(nextOf(plan, values, 0)).toBe(winnerOf(plan, values));
      }),
      { numRuns: 300 },
    );
  });
});
