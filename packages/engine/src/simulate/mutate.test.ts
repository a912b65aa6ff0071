import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCatalog } from '../catalog/compiled-catalog.js';
import { defaultCatalog } from '../catalog/default-catalog.js';
import { compile } from '../compile.js';
import { decide } from '../decide.js';
import type { RuleInput } from '../generated/rule.js';
import { limits } from '../limits.js';
import { parseRuleSet } from '../rule.js';
import { anyContext, anyRule, lists } from '../rules.testkit.js';
import type { SimulationCase } from './case.js';
import { fixtures } from './fixtures.js';
import { mutantsOf } from './mutants.js';
import { createMutationRun, mutationCoverage } from './mutate.js';
import { inboxRules, policyOf } from './policies.testkit.js';

function mutantsFor(rules: readonly RuleInput[]) {
  const parsed = parseRuleSet(rules, limits.rules);
  if ('diagnostics' in parsed) throw new Error(JSON.stringify(parsed.diagnostics));
  return mutantsOf(parsed.rules);
}

const rule = (id: string, conditions: Record<string, unknown>, more: Partial<RuleInput> = {}): RuleInput => ({
  id,
  agent: 'agent',
  action: 'act',
  effect: 'deny',
  conditions,
  ...more,
});
const asked = (case_id: string, context: Record<string, unknown>): SimulationCase => ({
  case_id,
  agent: 'agent',
  action: 'act',
  context,
});

describe('the mutants of a rule', () => {
  it('change its effect, thresholds, conditions, members and order, one thing at a time', () => {
    const found = mutantsFor([
      rule('one', { '>=n': 0.85, '<t': 'm', 'c in': ['a', 'b'], not: { 'x exists': true } }, { priority: 60 }),
      rule('two', {}, { effect: 'allow' }),
    ]).filter(({ rule_id }) => rule_id === 'one');
    expect(found.map(({ mutant, description }) => `${mutant}: ${description}`)).toEqual([
      'one/effect/1: `deny` becomes `allow`',
      'one/effect/2: `deny` becomes `needs_approval`',
      'one/drop-rule/1: the rule is left out',
      'one/threshold/1: `{"<t":"m"}` is tested by `<=`',
      'one/threshold/2: `{">=n":0.85}` becomes 0.84',
      'one/threshold/3: `{">=n":0.85}` becomes 0.86',
      'one/drop-condition/1: `{"<t":"m"}` is left out',
      'one/drop-condition/2: `{">=n":0.85}` is left out',
      'one/drop-condition/3: `{"c in":["a","b"]}` is left out',
      'one/drop-condition/4: `{"x exists":true}` is left out',
      'one/negate/1: `{"<t":"m"}` is negated',
      'one/negate/2: `{">=n":0.85}` is negated',
      'one/negate/3: `{"c in":["a","b"]}` is negated',
      'one/negate/4: `{"x exists":true}` is negated',
      'one/member/1: `c in` no longer names `a`',
      'one/member/2: `c in` no longer names `b`',
      'one/priority/1: it comes after `two`: priority 60 becomes 49',
    ]);
    expect(found.find(({ mutant }) => mutant === 'one/drop-condition/4')?.changed()?.conditions).toEqual({
      '<t': 'm',
      '>=n': 0.85,
      'c in': ['a', 'b'],
    });
  });

  it('come in turns of the rules, disabled ones left out', () => {
    const found = mutantsFor([...inboxRules, rule('off', {}, { enabled: false })]);
    expect(found.slice(0, inboxRules.length).map(({ rule_id }) => rule_id)).toEqual([
      'deny-new-domains',
      'never-asked',
      'approve-deploy',
      'approve-known-domains',
      'allow-reindex',
    ]);
    expect(found.some(({ rule_id }) => rule_id === 'off')).toBe(false);
  });

  it('have names of their own and are other rules than the one they are of', () => {
    fc.assert(
      fc.property(anyRule('one'), anyRule('two'), (one, two) => {
        const found = mutantsFor([one, two]);
        expect(new Set(found.map(({ mutant }) => mutant)).size).toBe(found.length);
        for (const { changed, rule_id } of found) {
          const original = parseRuleSet([rule_id === 'one' ? one : two], 1) as { rules: { rule: unknown }[] };
          expect(changed()).not.toEqual(original.rules[0]?.rule);
        }
      }),
    );
  });
});

describe('mutation coverage', () => {
  it('finds what a case on the threshold would notice, and offers one', () => {
    const rules = [rule('large', { '>=n': 100 })];
    const report = mutationCoverage(rules, {}, [asked('far', { n: 500 }), asked('none', { n: 3 })], {
      defaultEffect: 'allow',
    });
    expect(report.survived.map(({ mutant }) => mutant)).toEqual(['large/threshold/1', 'large/threshold/2']);
    expect(report).toMatchObject({ possible: 7, mutants: 7, killed: 5, equivalent: 0, undecided: 0, score: 5 / 7 });
    const offered = report.survived.map((each) => each.case);
    expect(offered[0]).toMatchObject({ case_id: 'large/threshold/1', expected_effect: 'allow', expected_rule: null });
    expect(mutationCoverage(rules, {}, offered, { defaultEffect: 'allow' }).survived).not.toContainEqual(
      expect.objectContaining({ kind: 'threshold' }),
    );
  });

  it('proves that nothing could notice a change of a rule that never decides', () => {
    const rules = [
      rule('above', { '>=n': 10 }, { priority: 90, effect: 'allow' }),
      rule('below', { '>=n': 20 }, { priority: 10, effect: 'allow' }),
    ];
    const { survived, equivalent, killed } = mutationCoverage(rules, {}, []);
    // Dropping its only test, negating it or denying by it shows only where the rule above does not hold.
    expect(survived.filter(({ rule_id }) => rule_id === 'below').map(({ mutant }) => mutant)).toEqual([
      'below/drop-condition/1',
      'below/negate/1',
    ]);
    expect(equivalent).toBe(5);
    expect(killed).toBe(0);
  });

  it('lets a case notice only what it expects', () => {
    const rules = [rule('large', { '>=n': 100 }, { reason: 'large' })];
    const one = asked('one', { n: 500 });
    const killedBy = (expected: Partial<SimulationCase>) => {
      const { survived } = mutationCoverage(rules, {}, [{ ...one, ...expected }], { defaultEffect: 'deny' });
      return !survived.some(({ mutant }) => mutant === 'large/effect/1');
    };
    expect(killedBy({})).toBe(true);
    expect(killedBy({ expected_effect: 'deny' })).toBe(true);
    expect(killedBy({ expected_rule: 'large' })).toBe(false);
    // A case that fails already notices nothing.
    expect(killedBy({ expected_effect: 'allow' })).toBe(false);
  });

  it('tries no more than the limit, in steps where asked', () => {
    const run = createMutationRun(inboxRules, {}, fixtures, { limit: 7 });
    expect(run.total).toBe(7);
    expect(run.report()).toMatchObject({ mutants: 0, score: 1 });
    let steps = 0;
    while (run.next()) steps += 1;
    expect(steps).toBe(7);
    expect(run.report().mutants).toBe(7);
    expect(run.report().possible).toBeGreaterThan(20);
  });

  it('offers requests that the catalog knows, within its schemas', () => {
    const catalog = compileCatalog(defaultCatalog);
    if (Array.isArray(catalog)) throw new Error(JSON.stringify(catalog));
    const wide = inboxRules.map((each) => ({ ...each, agent: '*' }));
    const { survived } = mutationCoverage(wide, {}, [], { catalog });
    expect(survived.length).toBeGreaterThan(10);
    for (const { case: offered } of survived) {
      expect(catalog.actionOf(offered.agent, offered.action)).not.toBeNull();
      expect(catalog.knowsAgent(offered.agent)).toBe(true);
      expect(catalog.typing(offered.agent, offered.action)?.admits?.(offered.context)).toBe(true);
    }
  });

  it('offers requests under names that the cases use, where no catalog knows better', () => {
    const rules = [rule('large', { '>=n': 100 }, { agent: '*', action: '*' })];
    const named = { case_id: 'c', agent: 'billing.bot', action: 'pay', context: { n: 3 } };
    const { survived } = mutationCoverage(rules, {}, [named], { defaultEffect: 'allow' });
    expect(survived.length).toBeGreaterThan(2);
    for (const { case: offered } of survived) {
      expect([offered.agent, offered.action]).toEqual(['billing.bot', 'pay']);
    }
  });

  it('throws for rules that are not valid', () => {
    expect(() => mutationCoverage([rule('x', { 'n foo': 1 })], {}, [])).toThrow(/only valid rules/);
    expect(() => mutationCoverage([rule('one', { s: { list: 'none' } })], {}, [])).toThrow(/no list `none`/);
  });
});

/** What mutation testing is, without short cuts: the whole bundle changed, every case asked again. */
function killedPlainly(rules: readonly RuleInput[], cases: readonly SimulationCase[]): string[] {
  const base = policyOf(rules, { lists });
  return mutantsFor(rules)
    .filter(({ rule_id, changed }) => {
      const instead = changed();
      const mutated = rules.flatMap((each) => (each.id === rule_id ? (instead ?? []) : [each]));
      const policy = compile({ rules: mutated }, lists);
      if (Array.isArray(policy)) return false;
      return cases.some((one) => {
        const [a, b] = [decide(base, one), decide(policy, one)];
        return a.effect !== b.effect || JSON.stringify(a.budget) !== JSON.stringify(b.budget);
      });
    })
    .map(({ mutant }) => mutant);
}

const anyRules = fc
  .array(fc.nat(), { minLength: 1, maxLength: 5 })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((_, i) =>
        fc.tuple(anyRule(`rule-${i}`), fc.constantFrom('agent', '*', 'ag.*'), fc.constantFrom('act', '*')),
      ),
    ),
  )
  .map((parts) => parts.map(([each, agent, action]): RuleInput => ({ ...each, agent, action })));
const anyCases = fc
  .array(fc.tuple(anyContext, fc.constantFrom('agent', 'ag.x'), fc.constantFrom('act', 'b')), { maxLength: 8 })
  .map((parts) =>
    parts.map(([context, agent, action], i): SimulationCase => ({ case_id: `c${i}`, agent, action, context })),
  );

describe('for any rules', () => {
  it('the mutants that cases notice are those of the whole bundle changed and asked again', () => {
    fc.assert(
      fc.property(anyRules, anyCases, (rules, cases) => {
        const { killed, mutants, survived, equivalent, undecided } = mutationCoverage(rules, lists, cases, {
          limit: 1000,
          budget: { perQuery: 1, perPair: 1, total: 1 },
        });
        expect(killed).toBe(killedPlainly(rules, cases).length);
        expect(killed + survived.length + equivalent + undecided).toBe(mutants);
      }),
      { numRuns: 40 },
    );
  });

  it('the cases offered for survivors leave none when they are kept', () => {
    fc.assert(
      fc.property(anyRules, anyCases, (rules, cases) => {
        const before = mutationCoverage(rules, lists, cases, { limit: 60 });
        const offered = before.survived.map((each) => each.case);
        const after = mutationCoverage(rules, lists, [...cases, ...offered], { limit: 60 });
        expect(after.survived).toEqual([]);
        expect(after.equivalent).toBeLessThanOrEqual(before.equivalent);
      }),
      { numRuns: 40 },
    );
  });
});
