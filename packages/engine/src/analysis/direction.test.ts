import { describe, expect, it } from 'vitest';
import type { CompiledPolicy } from '../compile.js';
import { decide } from '../decide.js';
import type { Effect, RuleInput } from '../generated/rule.js';
import type { Lists } from '../list.js';
import { policyOf as compiledPolicy } from './analysis.testkit.js';
import { directionOf } from './direction.js';
import { decidable } from './profiles.testkit.js';
import { contextsOf, randomFrom, ruleFrom, rulesFrom } from './rule-sets.testkit.js';
import { semanticDiff } from './semantic-diff.js';

const policyOf = (rules: readonly RuleInput[], lists: Lists = {}, defaultEffect: Effect = 'deny') =>
  compiledPolicy(rules, lists, { defaultEffect });

function rule(
  id: string,
  effect: Effect,
  conditions: Record<string, unknown>,
  more: Partial<RuleInput> = {},
): RuleInput {
  return { id, agent: 'agent', action: 'act', effect, conditions, ...more };
}

const allowAll = rule('allow-all', 'allow', {}, { priority: 0 });
const blocked = rule('deny-blocked', 'deny', { 'sender in': { list: 'blocked' } });
const ask = (conditions: Record<string, unknown>, more?: Partial<RuleInput>) =>
  rule('ask', 'needs_approval', conditions, more);

describe('the direction of a change', () => {
  const withBlocked = (...values: string[]) => policyOf([allowAll, blocked], { blocked: { values } });
  const cases: [string, CompiledPolicy, CompiledPolicy, ReturnType<typeof directionOf>][] = [
    ['nothing but a name', policyOf([allowAll]), policyOf([{ ...allowAll, id: 'renamed' }]), 'same'],
    ['a list of denied senders grows', withBlocked('ann'), withBlocked('ann', 'bob'), 'stricter'],
    ['it shrinks', withBlocked('ann', 'bob'), withBlocked('ann'), 'looser'],
    ['it has another member', withBlocked('ann'), withBlocked('bob'), 'looser'],
    ['the default is to deny', policyOf([], {}, 'allow'), policyOf([], {}, 'deny'), 'stricter'],
    [
      'the default is to ask where it was to deny',
      policyOf([], {}, 'deny'),
      policyOf([], {}, 'needs_approval'),
      'looser',
    ],
    ['more is asked', policyOf([allowAll, ask({ '>n': 9 })]), policyOf([allowAll, ask({ '>n': 5 })]), 'stricter'],
    [
      'one is asked where two were',
      policyOf([ask({}, { metadata: { min_approvers: 2 } })]),
      policyOf([ask({})]),
      'looser',
    ],
    [
      'a pattern that cannot be told apart, towards allow',
      policyOf([rule('words', 'allow', { 's matches': '^(ab)+$' })]),
      policyOf([rule('words', 'allow', { 's matches': '^ab(ab)*$' })]),
      'undecided',
    ],
  ];
  it.each(cases)('%s', (_name, before, after, direction) => {
    expect(directionOf(semanticDiff(before, after))).toBe(direction);
  });

  it('is stricter although it is open whether anything else gets stricter too', () => {
    const open = { agent: '*', action: '*', rules: { from: null, to: null }, reason: 'budget' } as const;
    const change = { ...open, witness: { agent: 'a', action: 'b', context: {} } };
    const diff = { equal: false, changes: [{ ...change, from: 'allow', to: 'deny' } as const] };
    expect(directionOf({ ...diff, undecided: [{ ...open, from: 'allow', to: 'needs_approval' }] })).toBe('stricter');
    expect(directionOf({ ...diff, undecided: [{ ...open, from: 'deny', to: 'allow' }] })).toBe('undecided');
    expect(directionOf({ ...diff, undecided: [{ ...open, from: 'deny', to: 'deny' }] })).toBe('undecided');
  });

  it('holds for every request that brute force can try', () => {
    const strictness = { allow: 0, needs_approval: 1, deny: 2 };
    const seen = new Map<string, number>();
    for (const profile of decidable) {
      const contexts = contextsOf(profile, 400);
      for (let seed = 0; seed < 40; seed++) {
        const random = randomFrom(seed * 97 + 5);
        const rules = rulesFrom(random, profile, 4);
        const added = ruleFrom(random, profile, 'added');
        const other =
          seed % 3 === 0 ? rules.slice(1) : [...rules, seed % 2 === 0 ? { ...added, effect: 'deny' as const } : added];
        const [before, after] = [policyOf(rules, profile.lists), policyOf(other, profile.lists)];
        const typing = profile.typing;
        const direction = directionOf(
          semanticDiff(before, after, typing === undefined ? {} : { typing: () => typing }),
        );
        seen.set(direction, (seen.get(direction) ?? 0) + 1);
        for (const context of contexts) {
          const request = { agent: 'agent', action: 'act', context };
          const change = strictness[decide(after, request).effect] - strictness[decide(before, request).effect];
          if (direction === 'same') expect(change).toBe(0);
          if (direction === 'stricter') expect(change).toBeGreaterThanOrEqual(0);
        }
      }
    }
    expect(seen.get('same')).toBeGreaterThan(20);
    expect(seen.get('stricter')).toBeGreaterThan(20);
    expect(seen.get('looser')).toBeGreaterThan(20);
  });
});
