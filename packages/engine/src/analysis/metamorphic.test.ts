import { describe, expect, it } from 'vitest';
import { type CompiledPolicy, compareRules } from '../compile.js';
import type { Condition } from '../condition.js';
import { type DecisionRequest, decide } from '../decide.js';
import { allOf, formatCondition } from '../format-condition.js';
import type { RuleInput } from '../generated/rule.js';
import { parseCondition } from '../parse-condition.js';
import { withDefaults } from '../rule.js';
import { analyse } from './analyse.js';
import { policyOf as compiledPolicy } from './analysis.testkit.js';
import { decidable } from './profiles.testkit.js';
import { outcomeKey } from './redundancy.js';
import { conditionFrom, contextsOf, type Profile, type Random, randomFrom, rulesFrom } from './rule-sets.testkit.js';
import { semanticDiff } from './semantic-diff.js';

const setsPerProfile = process.env.FULL === '1' ? 3_000 : 150;
const timeout = 600_000;

const policyOf = (rules: readonly RuleInput[], { lists }: Profile) => compiledPolicy(rules, lists);

function optionsOf({ typing }: Profile) {
  return typing === undefined ? {} : { typing: () => typing };
}

const agents = ['agent', 'agent.one', 'agent.two', 'agent.one.deep', 'stranger'];
const actions = ['act', 'act.now', 'act.later', 'rest'];

/** Rules over several agents and actions, wild cards among them. */
function spreadRules(random: Random, profile: Profile): RuleInput[] {
  return [
    ...rulesFrom(random, profile, 4),
    ...rulesFrom(random, profile, 4).map((rule) => ({ ...rule, id: `${rule.id}-b` })),
  ].map((rule) => ({
    ...rule,
    agent: random.pick(['*', 'agent.*', 'agent.one', 'agent.one.*', 'agent']),
    action: random.pick(['*', 'act.*', 'act.now', 'act']),
  }));
}

function outcomesOf(policy: CompiledPolicy, contexts: readonly Record<string, unknown>[]): string[] {
  return agents.flatMap((agent) =>
    actions.flatMap((action) =>
      contexts.map((context) => {
        const { effect, budget, min_approvers } = decide(policy, { agent, action, context });
        return outcomeKey({ effect, budget, minApprovers: min_approvers });
      }),
    ),
  );
}

function conditionOf(rule: RuleInput): Condition {
  const condition = parseCondition(rule.conditions ?? {});
  if (Array.isArray(condition)) throw new Error(JSON.stringify(condition));
  return condition;
}

/** The same meaning written by De Morgan's laws; a test stays as it is. */
function rewritten(condition: Condition): Condition {
  if (condition.kind === 'test') return condition;
  if (condition.kind === 'not') return { kind: 'not', of: rewritten(condition.of) };
  const of = condition.of.map((child): Condition => ({ kind: 'not', of: rewritten(child) }));
  return { kind: 'not', of: { kind: condition.kind === 'all' ? 'any' : 'all', of } };
}

function requestsOf(contexts: readonly Record<string, unknown>[]): DecisionRequest[] {
  return agents.flatMap((agent) =>
    actions.flatMap((action) => contexts.map((context) => ({ agent, action, context }))),
  );
}

function forEachSet(
  profile: Profile,
  check: (rules: RuleInput[], random: Random, options: ReturnType<typeof optionsOf>) => void,
  sets = setsPerProfile,
): void {
  const random = randomFrom(11);
  for (let i = 0; i < sets; i++) {
    const rules = spreadRules(random, profile);
    try {
      check(rules, random, optionsOf(profile));
    } catch (error) {
      throw new Error(`${profile.name}, set ${i}: ${JSON.stringify(rules)}`, { cause: error });
    }
  }
}

for (const profile of decidable) {
  describe(`for rules over several agents and actions: ${profile.name}`, { timeout }, () => {
    const contexts = contextsOf(profile, 40);

    it('leaving out one that never matches, never wins or changes nothing changes no outcome', () => {
      forEachSet(profile, (rules, _, options) => {
        const policy = policyOf(rules, profile);
        const { neverMatches, unreachable, redundant, undecided } = analyse(policy, options);
        expect(undecided).toEqual([]);
        const before = outcomesOf(policy, contexts);
        for (const id of [
          ...neverMatches,
          ...unreachable.map(({ rule }) => rule),
          ...redundant.map(({ rule }) => rule),
        ]) {
          const without = policyOf(
            rules.filter((rule) => rule.id !== id),
            profile,
          );
          expect(outcomesOf(without, contexts)).toEqual(before);
          expect(semanticDiff(policy, without, options)).toEqual({ equal: true, changes: [], undecided: [] });
        }
        for (const { rule, witness, cover } of unreachable) {
          expect(cover.length).toBeGreaterThan(0);
          if (witness === null) throw new Error(`${rule} has no witness`);
          const alone = policyOf(
            rules.filter(({ id }) => id === rule),
            profile,
          );
          const above = policyOf(
            rules.filter(({ id }) => cover.includes(id)),
            profile,
          );
          expect(decide(alone, witness).matched_rule).toBe(rule);
          expect(decide(above, witness).matched_rule).not.toBeNull();
          expect(decide(policy, witness).matched_rule).not.toBe(rule);
        }
      });
    });

    it('leaving out any other one is a change with a witness', () => {
      forEachSet(profile, (rules, random, options) => {
        const policy = policyOf(rules, profile);
        const found = analyse(policy, options);
        const idle = new Set([
          ...found.neverMatches,
          ...found.unreachable.map(({ rule }) => rule),
          ...found.redundant.map(({ rule }) => rule),
        ]);
        const needed = rules.filter(({ id }) => !idle.has(id));
        if (needed.length === 0) return;
        const { id } = random.pick(needed);
        const without = policyOf(
          rules.filter((rule) => rule.id !== id),
          profile,
        );
        const { changes } = semanticDiff(policy, without, options);
        expect(changes.length).toBeGreaterThan(0);
        for (const { witness } of changes) expect(decide(policy, witness)).not.toEqual(decide(without, witness));
      });
    });

    it('the overlaps counted are those that requests show, and more that witnesses show', () => {
      forEachSet(
        profile,
        (rules, _, options) => {
          const { overlaps } = analyse(policyOf(rules, profile), options);
          const alone = new Map(rules.map((rule) => [rule.id, policyOf([rule], profile)]));
          const holds = (id: string, request: DecisionRequest) =>
            decide(alone.get(id) as CompiledPolicy, request).matched_rule === id;
          const ordered = [...rules].sort((a, b) => compareRules(withDefaults(a), withDefaults(b)));
          ordered.forEach((above, i) => {
            const met = ordered.slice(i + 1).filter((below) => {
              if (below.effect === above.effect) return false;
              return requestsOf(contexts).some((request) => holds(above.id, request) && holds(below.id, request));
            });
            const found = overlaps.find(({ rule }) => rule === above.id);
            expect(found?.count ?? 0).toBeGreaterThanOrEqual(met.length);
            for (const { rule, witness } of found?.shown ?? []) {
              expect(holds(above.id, witness) && holds(rule, witness)).toBe(true);
            }
            expect(found?.shown.length ?? 0).toBe(Math.min(5, found?.count ?? 0));
          });
        },
        20,
      );
    });

    it('another name, order, spelling or a rule split in two proves equal', () => {
      forEachSet(profile, (rules, random, options) => {
        // Names decide between rules of one priority and effect, whose terms may differ: they keep their order.
        const renamed = rules.map((rule) => ({ ...rule, id: `x-${rule.id}` })).reverse();
        const respelled = rules.map((rule) => ({ ...rule, conditions: formatCondition(rewritten(conditionOf(rule))) }));
        const split = rules.flatMap((rule) => {
          const whole = conditionOf(rule);
          const part = conditionFrom(random, profile, 0);
          const half = (of: Condition, id: string) => ({
            ...rule,
            id,
            conditions: formatCondition(allOf([whole, of])),
          });
          return [half(part, rule.id), half({ kind: 'not', of: part }, `${rule.id}-0`)];
        });
        for (const other of [renamed, respelled, split]) {
          const diff = semanticDiff(policyOf(rules, profile), policyOf(other, profile), options);
          expect(diff).toEqual({ equal: true, changes: [], undecided: [] });
        }
      });
    });
  });
}
