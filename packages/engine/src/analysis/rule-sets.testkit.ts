import type { Condition, Test } from '../condition.js';
import { allOf, anyOf, formatCondition } from '../format-condition.js';
import type { Effect, RuleInput } from '../generated/rule.js';
import type { Lists } from '../list.js';
import type { ContextTyping } from './domain.js';

/** Small rule sets that collide often, and for each kind all contexts that could tell their tests apart. */
export interface Profile {
  readonly name: string;
  readonly lists: Lists;
  readonly typing?: ContextTyping;
  test(random: Random): Test;
  /** Values to try for each top-level field; `undefined` is missing. */
  readonly values: Readonly<Record<string, readonly unknown[]>>;
  /** Whether a context can occur. */
  readonly admits?: (context: Record<string, unknown>) => boolean;
}

export interface Random {
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32: the same sets on every machine. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    below: (limit) => Math.floor(next() * limit),
    pick: (from) => from[Math.floor(next() * from.length)] as (typeof from)[number],
  };
}

export function conditionFrom(random: Random, profile: Profile, depth: number): Condition {
  const roll = random.below(10);
  if (depth === 0 || roll < 4) return profile.test(random);
  const children = () => Array.from({ length: 1 + random.below(3) }, () => conditionFrom(random, profile, depth - 1));
  if (roll < 7) return allOf(children());
  if (roll < 9) return anyOf(children());
  return { kind: 'not', of: conditionFrom(random, profile, depth - 1) };
}

export function rulesFrom(random: Random, profile: Profile, most = 6): RuleInput[] {
  return Array.from({ length: 1 + random.below(most) }, (_, i): RuleInput => ruleFrom(random, profile, `rule-${i}`));
}

export function ruleFrom(random: Random, profile: Profile, id: string): RuleInput {
  const budget = random.below(6);
  return {
    id,
    agent: 'agent',
    action: 'act',
    effect: random.pick<Effect>(['allow', 'deny', 'needs_approval']),
    priority: random.below(4),
    conditions: formatCondition(random.below(12) === 0 ? allOf([]) : conditionFrom(random, profile, 2)),
    ...(budget === 0 ? { budget: { cost: random.below(2) } } : {}),
    ...(budget === 1 ? { metadata: { min_approvers: 2 } } : {}),
  };
}

/** Every context the values make, at most `most`, taken evenly when there are more. */
export function contextsOf({ values, admits }: Profile, most: number): Record<string, unknown>[] {
  let contexts: Record<string, unknown>[] = [{}];
  for (const [name, each] of Object.entries(values)) {
    contexts = contexts.flatMap((context) =>
      each.map((value) => (value === undefined ? context : { ...context, [name]: value })),
    );
  }
  const possible = admits === undefined ? contexts : contexts.filter(admits);
  if (possible.length <= most) return possible;
  return Array.from(
    { length: most },
    (_, i) => possible[Math.floor((i * possible.length) / most)] as Record<string, unknown>,
  );
}
