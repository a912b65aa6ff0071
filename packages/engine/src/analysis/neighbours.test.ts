import { describe, expect, it } from 'vitest';
import type { CompiledPolicy } from '../compile.js';
import type { RuleInput } from '../generated/rule.js';
import { planFor } from '../policy-index.js';
import { analyse, defaultBudget } from './analyse.js';
import { policyOf } from './analysis.testkit.js';
import { neighboursOf } from './neighbours.js';
import { type PairModel, pairModel, rootOf } from './pair-model.js';
import { decidable } from './profiles.testkit.js';
import { areApart, type Root } from './root.js';
import { type Random, randomFrom, ruleFrom } from './rule-sets.testkit.js';

function modelOf(policy: CompiledPolicy): PairModel {
  const { rules } = planFor(policy.index, 'agent', 'act');
  const clausal = rules.map(({ condition }) => ({ condition, resources: policy.index.resources, listTag: () => '' }));
  return pairModel(clausal, undefined, defaultBudget) as PairModel;
}

/** Most rules are for one tenant or one tool, some for several, some for all, some never match. */
function tenantRules(random: Random, count: number): RuleInput[] {
  const [profile] = decidable;
  if (profile === undefined) throw new Error('there are profiles');
  const scope = (): Record<string, unknown> => {
    switch (random.below(6)) {
      case 0:
        return {};
      case 1:
        return { tool: `tool-${random.below(9)}` };
      case 2:
        return { 'tenant in': [`t${random.below(20)}`, `t${random.below(20)}`, random.below(3)] };
      case 3:
        return { tenant: `t${random.below(3)}`, tool: `tool-${random.below(9)}`, all: [{ '!=tenant': 't0' }] };
      default:
        return { tenant: `t${random.below(20)}` };
    }
  };
  return Array.from({ length: count }, (_, i) => {
    const rule = ruleFrom(random, profile, `rule-${i}`);
    return { ...rule, conditions: { all: [scope(), rule.conditions ?? {}] } };
  });
}

describe('the neighbours of a rule', () => {
  it('are lower rules, ascending, and leave out only such as are surely apart', () => {
    let leftOut = 0;
    for (let seed = 0; seed < 12; seed++) {
      const pair = modelOf(policyOf(tenantRules(randomFrom(seed), 70 + seed * 9)));
      const neighbours = neighboursOf(pair);
      const roots = pair.formulas.map((_, rule) => rootOf(pair, rule));
      for (let rule = 0; rule < roots.length; rule++) {
        const below = [...neighbours.below(rule)];
        expect(below).toEqual([...new Set(below)].filter((other) => other > rule).sort((a, b) => a - b));
        const kept = new Set(below);
        for (let other = rule + 1; other < roots.length; other++) {
          if (kept.has(other)) continue;
          leftOut += 1;
          expect(isApart(roots[rule] ?? null, roots[other] ?? null)).toBe(true);
        }
      }
    }
    expect(leftOut).toBeGreaterThan(10_000);
  });
});

function isApart(a: Root | null, b: Root | null): boolean {
  return a === null || b === null || areApart(a, b);
}

describe('overlaps', () => {
  it('add up with those left open to no less than there are, however little work is granted', () => {
    const rules = tenantRules(randomFrom(77), 150);
    const all = new Map(analyse(policyOf(rules)).overlaps.map(({ rule, count }) => [rule, count]));
    let closed = 0;
    for (const perPair of [500, 3_000, 8_000, 20_000, 60_000]) {
      const { overlaps, undecided } = analyse(policyOf(rules), { budget: { perPair } });
      const counts = new Map(overlaps.map(({ rule, count }) => [rule, count]));
      const open = new Map(
        undecided.flatMap((each) => (each.question === 'overlap' ? [[each.rule, each.count ?? 0]] : [])),
      );
      for (const { id } of rules) {
        const count = counts.get(id) ?? 0;
        expect(count).toBeLessThanOrEqual(all.get(id) ?? 0);
        expect(count + (open.get(id) ?? 0)).toBeGreaterThanOrEqual(all.get(id) ?? 0);
        if (!open.has(id)) closed += 1;
      }
    }
    expect(closed).toBeGreaterThan(150);
  });
});
