import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildBitsets, firstMatch } from './bitsets.js';
import { compile } from './compile.js';
import type { Condition } from './condition.js';
import { allOf } from './format-condition.js';
import type { RuleInput } from './generated/rule.js';
import { buildSteps, firstByChecks, reachableConditions, readHosts, readValues, winnerOf } from './plan.js';
import { planFor } from './policy-index.js';
import { anyCondition, anyContext, anyRule, anyTest, lists, namedValues } from './rules.testkit.js';

/** Conjunctions of several tests, so that few rules hold and the winner is often far down or nowhere. */
const typical: fc.Arbitrary<Condition> = fc
  .tuple(fc.array(anyTest, { minLength: 1, maxLength: 3 }), anyCondition)
  .map(([tests, part]) => allOf([...tests, part]));

function bundleOf(count: number, condition: fc.Arbitrary<Condition>): fc.Arbitrary<RuleInput[]> {
  return fc.tuple(...Array.from({ length: count }, (_, i) => anyRule(`rule-${i}`, condition)));
}

/** The winner by bitsets with much room and with little, and by trying one rule after the other. */
function searches(rules: RuleInput[]) {
  const policy = compile({ rules }, lists);
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy[0]));
  const { resources } = policy.index;
  const plan = planFor(policy.index, 'agent', 'act');
  const { checkOf } = plan;
  const slot = (field: string) => plan.fields.indexOf(field);
  const hostSlot = (field: string) => plan.fields.length + plan.hostSources.indexOf(slot(field));
  const conditions = reachableConditions(plan.rules);
  const steps = buildSteps(conditions, checkOf);
  const parts = { conditions, slots: { slot, hostSlot }, checkOf, resources };
  const bitsets = [600, 0, 1, 2, 3, 5, 10].map((wordsPerRule) => buildBitsets(parts, wordsPerRule));
  return (context: Record<string, unknown>) => {
    const values = readValues(plan, context);
    readHosts(plan, values);
    return {
      bySteps: firstByChecks(steps, values),
      byPlan: winnerOf(plan, values),
      byBitsets: bitsets.map((made) => firstMatch(made, values)),
    };
  };
}

function expectEqual(search: ReturnType<typeof searches>, context: Record<string, unknown>): void {
  const { bySteps, byPlan, byBitsets } = search(context);
  expect(byPlan).toBe(bySteps);
  expect(new Set(byBitsets)).toEqual(new Set([bySteps]));
}

/** A value of every class that rows tell apart, and the neighbours of every number and string the generators name. */
const boundaries: readonly unknown[] = [
  ...namedValues.numbers.flatMap((n) => [n, n - 1e-9, n + 1e-9, n / 2, n * 2]),
  -0,
  -Number.MAX_VALUE,
  ...namedValues.strings,
  'zzz',
  ' ',
  true,
  false,
  null,
  [],
  [null],
  ['a'],
  [1, 'b'],
  [[]],
  {},
  { n: 1 },
];

describe('bitsets', () => {
  it('find the same winner as trying one rule after the other', () => {
    const sizes = fc.integer({ min: 33, max: 300 }).chain((count) => bundleOf(count, typical));
    fc.assert(
      fc.property(sizes, fc.array(anyContext, { minLength: 20, maxLength: 20 }), (rules, contexts) => {
        const search = searches(rules);
        for (const context of contexts) expectEqual(search, context);
      }),
      { numRuns: 25 },
    );
  });

  it('find the same winner on, beside and between all thresholds, whatever the type of the value', () => {
    const onOneField = fc
      .array(anyTest, { minLength: 1, maxLength: 3 })
      .map((tests) => allOf(tests.map((test) => ({ ...test, field: 'n' }))));
    const rules = fc.integer({ min: 33, max: 70 }).chain((count) => bundleOf(count, onOneField));
    fc.assert(
      fc.property(rules, (bundle) => {
        const search = searches(bundle);
        for (const n of boundaries) expectEqual(search, { n, s: 'a' });
        expectEqual(search, {});
      }),
      { numRuns: 100 },
    );
  });

  it('are right for each single test by itself', () => {
    // The other rules need a field that no request has, so that only the test itself can win.
    const others = Array.from(
      { length: 40 },
      (_, i): RuleInput => ({
        id: `other-${i}`,
        agent: 'agent',
        action: 'act',
        effect: 'deny',
        conditions: { absent: i },
      }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3 }).chain((rank) => anyRule(`rule-${rank}`, anyTest)),
        (rule) => {
          const search = searches([...others, rule]);
          for (const value of boundaries) expectEqual(search, { n: value, s: value, l: value, o: { n: value } });
        },
      ),
      { numRuns: 300 },
    );
  });
});
