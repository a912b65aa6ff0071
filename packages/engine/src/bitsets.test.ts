import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildBitsets, firstMatch } from './bitsets.js';
import { compile } from './compile.js';
import type { Condition } from './condition.js';
import { allOf } from './format-condition.js';
import type { RuleInput } from './generated/rule.js';
import { readHosts, readValues, winnerByChecks } from './plan.js';
import { planFor } from './policy-index.js';
import { anyCondition, anyContext, anyRule, anyTest, lists } from './rules.testkit.js';

/** Conjunctions of several tests, so that few rules hold and the winner is often far down or nowhere. */
const typical: fc.Arbitrary<Condition> = fc
  .tuple(fc.array(anyTest, { minLength: 1, maxLength: 3 }), anyCondition)
  .map(([tests, part]) => allOf([...tests, part]));

function bundleOf(count: number): fc.Arbitrary<RuleInput[]> {
  return fc.tuple(...Array.from({ length: count }, (_, i) => anyRule(`rule-${i}`, typical)));
}

describe('bitsets', () => {
  it('find the same winner as trying one rule after the other', () => {
    const sizes = fc.integer({ min: 33, max: 300 }).chain(bundleOf);
    fc.assert(
      fc.property(sizes, fc.array(anyContext, { minLength: 20, maxLength: 20 }), (rules, contexts) => {
        const policy = compile({ rules }, lists);
        if (Array.isArray(policy)) throw new Error(JSON.stringify(policy[0]));
        const plan = planFor(policy.index, 'agent', 'act');
        const roomy = buildBitsets(plan);
        const cramped = [0, 3, 10].map((wordsPerRule) => buildBitsets(plan, wordsPerRule));
        for (const context of contexts) {
          const values = readValues(plan, context);
          readHosts(plan, values);
          const winner = winnerByChecks(plan, values);
          for (const bitsets of [roomy, ...cramped]) expect(firstMatch(bitsets, values)).toBe(winner);
        }
      }),
      { numRuns: 25 },
    );
  });
});
