import { describe, expect, it } from 'vitest';
import type { RuleInput } from '../generated/rule.js';
import { analyse, defaultBudget } from './analyse.js';
import { policyOf } from './analysis.testkit.js';
import { randomFrom } from './rule-sets.testkit.js';
import { semanticDiff } from './semantic-diff.js';

function rule(id: string, effect: RuleInput['effect'], conditions: Record<string, unknown>, priority = 50): RuleInput {
  return { id, agent: 'agent', action: 'act', effect, conditions, priority };
}

/** Random 3-SAT over booleans near the threshold where instances are hardest: 4.3 clauses a variable. */
function hardClauses(variables: number, seed: number): Record<string, unknown>[] {
  const random = randomFrom(seed);
  return Array.from({ length: Math.floor(variables * 4.3) }, () => ({
    any: Array.from({ length: 3 }, () => ({ [`==v${random.below(variables)}`]: random.below(2) === 0 })),
  }));
}

/** Each clause is a rule above: what it leaves is that the clause does not hold. */
function satisfiabilityAsShadow(variables: number, seed: number): RuleInput[] {
  const clauses = hardClauses(variables, seed).map((clause, i) => rule(`clause-${i}`, 'deny', { not: clause }, 90));
  return [...clauses, rule('last', 'allow', {}, 10)];
}

const budget = { perQuery: 200_000, perPair: 1_000_000, total: 2_000_000 };
/** One visit may finish what it has begun: a formula of a rule is never left half done. */
const slack = 1.1;

describe('hostile rules', () => {
  it('of 64 tests that all overlap are analysed within the work granted', () => {
    const random = randomFrom(4);
    const wide = (i: number) =>
      rule(
        `rule-${i}`,
        i % 2 === 0 ? 'allow' : 'deny',
        {
          any: Array.from({ length: 32 }, () => ({
            [`>=n${random.below(12)}`]: random.below(50),
            [`<n${random.below(12)}`]: random.below(50),
          })),
        },
        random.below(9),
      );
    const found = analyse(policyOf(Array.from({ length: 50 }, (_, i) => wide(i))), { budget });
    expect(found.work).toBeLessThan(budget.total * slack);
  });

  it('that encode satisfiability end with an answer or with the budget', () => {
    for (const variables of [12, 40, 120, 200]) {
      const rules = satisfiabilityAsShadow(variables, variables);
      const found = analyse(policyOf(rules), { budget: { ...budget, perPair: 500_000 } });
      expect(found.work).toBeLessThan(budget.total * slack);
      const open = found.undecided.some((each) => each.rule === 'last');
      const shadowed = found.unreachable.some((each) => each.rule === 'last');
      if (variables === 12) expect(open).toBe(false);
      if (variables === 200) expect(open && !shadowed).toBe(true);
      for (const { reason } of found.undecided) expect(reason).toBe('budget');
    }
  });

  it('are answered alike however often they are asked', () => {
    const rules = satisfiabilityAsShadow(60, 3);
    expect(analyse(policyOf(rules), { budget })).toEqual(analyse(policyOf(rules), { budget }));
  });

  it('nested as deep as they may be do not overflow', () => {
    const nested = (depth: number, i: number): Record<string, unknown> =>
      depth === 0
        ? { [`f${i}`]: i }
        : depth % 2 === 0
          ? { any: [nested(depth - 1, i), nested(depth - 1, i + 1)] }
          : { not: { all: [nested(depth - 1, i), { [`g${i}`]: 1 }] } };
    const rules = Array.from({ length: 40 }, (_, i) =>
      rule(`rule-${i}`, i % 2 === 0 ? 'allow' : 'deny', nested(5, i % 7)),
    );
    const found = analyse(policyOf(rules), { budget });
    expect(found.work).toBeLessThan(budget.total * slack);
  });

  it('as many as a bundle may hold, all in one pair, are analysed within the work granted', {
    timeout: 120_000,
  }, () => {
    const rules = Array.from({ length: 10_000 }, (_, i) =>
      rule(
        `rule-${i}`,
        i % 2 === 0 ? 'allow' : 'deny',
        { '>=n': i % 997, [`f${i % 50}`]: i % 13, not: { 's contains': `w${i % 71}` } },
        i % 100,
      ),
    );
    const found = analyse(policyOf(rules), { budget });
    expect(found.work).toBeLessThan(budget.total * slack);
    expect(found.undecided.some(({ reason }) => reason === 'budget')).toBe(true);
  });

  it('that tell thousands of tenants apart are decided, each of them', { timeout: 60_000 }, () => {
    const tenants = Array.from({ length: 5_000 }, (_, i) =>
      rule(`rule-${i}`, i % 2 === 0 ? 'allow' : 'deny', {
        tenant: `t${i}`,
        ...(i % 3 === 0 ? { '>=amount': i % 50 } : {}),
      }),
    );
    const found = analyse(policyOf([...tenants, rule('again', 'deny', { tenant: 't10' }, 0)]), { budget });
    expect(found.undecided).toEqual([]);
    expect(found.unreachable).toMatchObject([{ rule: 'again', cover: ['rule-10'] }]);
  });

  it('with more thresholds on one field than can be told apart are left open, all of them, at once', () => {
    const thresholds = (reason: string) =>
      Array.from({ length: 10_000 }, (_, i) => ({
        ...rule(`rule-${i}`, i % 2 === 0 ? 'allow' : 'deny', { '>=n': i }),
        reason,
      }));
    const found = analyse(policyOf(thresholds('as before')));
    expect(found).toMatchObject({ neverMatches: [], unreachable: [], redundant: [], overlaps: [], work: 0 });
    const open = (question: string) => found.undecided.filter((each) => each.question === question).length;
    expect([open('never-matches'), open('overlap')]).toEqual([10_000, 5_000]);
    const changed = thresholds('as before').map((each, i) => (i === 5 ? { ...each, effect: 'allow' as const } : each));
    const diff = semanticDiff(policyOf(thresholds('as before')), policyOf(changed));
    expect(diff).toMatchObject({ equal: false, changes: [] });
    expect(diff.undecided).toContainEqual(
      expect.objectContaining({ agent: 'agent', from: 'deny', to: 'allow', reason: 'budget' }),
    );
  });

  it('with long and many texts are analysed within the work granted', { timeout: 60_000 }, () => {
    const long = 'ab'.repeat(4000);
    const rules = [
      rule('order-one', 'allow', { '>s': long }),
      rule('order-two', 'deny', { '<s': `${long}b`, 's starts_with': long }),
      rule('many', 'allow', { 's in': Array.from({ length: 9_000 }, (_, i) => `${i}@example.com`) }),
      rule('many-others', 'deny', { 's in': Array.from({ length: 9_000 }, (_, i) => `${i * 2}@example.com`) }),
      rule('parts', 'deny', { all: Array.from({ length: 30 }, (_, i) => ({ 's contains': `part${i}` })) }),
      rule('not-parts', 'allow', {
        not: { any: Array.from({ length: 30 }, (_, i) => ({ 's contains': `part${i}x` })) },
      }),
    ];
    const found = analyse(policyOf(rules), { budget });
    expect(found.neverMatches).toEqual([]);
    expect(found.work).toBeLessThan(budget.total * slack);
  });

  it('keep a diff within the work granted, and never equal by default', () => {
    const before = satisfiabilityAsShadow(200, 9);
    const after = before.map((each) => (each.id === 'last' ? { ...each, effect: 'needs_approval' as const } : each));
    const diff = semanticDiff(policyOf(before), policyOf(after), { budget });
    expect(diff.equal).toBe(false);
    expect(diff.changes.length + diff.undecided.length).toBeGreaterThan(0);
  });

  it('leave everything undecided when no work is granted', () => {
    const found = analyse(policyOf([rule('rule-a', 'allow', { x: 1 })]), { budget: { perPair: 0, total: 0 } });
    expect(found).toMatchObject({ neverMatches: [], unreachable: [], redundant: [], overlaps: [] });
    expect(found.undecided).toMatchObject([{ rule: 'rule-a', reason: 'budget' }]);
    expect(defaultBudget.perQuery).toBe(200_000);
  });
});
