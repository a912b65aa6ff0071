import { describe, expect, it } from 'vitest';
import type { Effect, RuleInput } from '../generated/rule.js';
import type { Lists } from '../list.js';
import { type AnalysisOptions, analyse } from './analyse.js';
import { policyOf as compiledPolicy } from './analysis.testkit.js';
import type { ContextTyping } from './domain.js';
import { type AnalysisMemory, createAnalysisMemory } from './memory.js';
import { decidable, partlyDecidable } from './profiles.testkit.js';
import { type Profile, type Random, randomFrom, ruleFrom } from './rule-sets.testkit.js';

const policyOf = (rules: readonly RuleInput[], lists: Lists, defaultEffect: Effect) =>
  compiledPolicy(rules, lists, { defaultEffect });

/** The work of the analysis tells whether records were found: it is the same, so time is what is saved. */
function recordsMade(memory: AnalysisMemory, run: () => void): number {
  const before = new Set(memory.records.keys());
  run();
  return [...memory.records.keys()].filter((key) => !before.has(key)).length;
}

const agents = ['*', 'a.*', 'a.b', 'c'];
const actions = ['*', 'x', 'y.*', 'y.z'];

interface Bundle {
  rules: RuleInput[];
  lists: Lists;
  defaultEffect: Effect;
}

function anyRule(random: Random, profile: Profile, id: string): RuleInput {
  return { ...ruleFrom(random, profile, id), agent: random.pick(agents), action: random.pick(actions) };
}

/** One change such as people make between two looks at the findings, and now and then one that changes nothing. */
function edited(random: Random, profile: Profile, { rules, lists, defaultEffect }: Bundle): Bundle {
  const place = random.below(rules.length);
  const replaced = (rule: RuleInput) => rules.map((old, i) => (i === place ? rule : old));
  const old = rules[place] as RuleInput;
  switch (random.below(10)) {
    case 0:
      return { rules: rules.filter((_, i) => i !== place || rules.length === 1), lists, defaultEffect };
    case 1:
      return {
        rules: [...rules, anyRule(random, profile, `new-${random.below(1000)}-${rules.length}`)],
        lists,
        defaultEffect,
      };
    case 2:
      return {
        rules: replaced({ ...old, effect: random.pick<Effect>(['allow', 'deny', 'needs_approval']) }),
        lists,
        defaultEffect,
      };
    case 3:
      return { rules: replaced({ ...old, priority: random.below(4) }), lists, defaultEffect };
    case 4:
      return { rules: replaced({ ...old, agent: random.pick(agents) }), lists, defaultEffect };
    case 5:
      return { rules: replaced({ ...old, id: `renamed-${random.below(1000)}-${place}` }), lists, defaultEffect };
    case 6:
      return { rules, lists, defaultEffect: random.pick<Effect>(['allow', 'deny']) };
    case 7: {
      const shorter = Object.entries(lists).map(([name, list]) => [
        name,
        { ...list, values: list.values.slice(random.below(2)) },
      ]);
      return { rules, lists: Object.fromEntries(shorter) as Lists, defaultEffect };
    }
    case 8:
      return { rules: [...rules].reverse(), lists, defaultEffect };
    default:
      return { rules: replaced({ ...anyRule(random, profile, old.id) }), lists, defaultEffect };
  }
}

describe('an analysis with a memory', () => {
  it.each([...decidable, ...partlyDecidable])('is the one without, whatever was edited before: $name', (profile) => {
    const typing = profile.typing;
    const other: ContextTyping = { fields: { n: { types: ['integer'] } } };
    for (let seed = 0; seed < 12; seed++) {
      const random = randomFrom(seed * 31 + 7);
      const memory = createAnalysisMemory();
      let bundle: Bundle = {
        rules: Array.from({ length: 2 + random.below(9) }, (_, i) => anyRule(random, profile, `rule-${i}`)),
        lists: profile.lists,
        defaultEffect: 'deny',
      };
      const options: AnalysisOptions = {
        ...(typing === undefined && seed % 3 > 0 ? {} : { typing: (agent) => (agent === 'c' ? other : typing) }),
        ...(seed % 4 === 0 ? { pairs: [{ agent: 'a.b', action: 'new' }] } : {}),
        ...(seed % 5 === 0 ? { budget: { perQuery: 60, perPair: 400, total: 2_000 } } : {}),
      };
      for (let step = 0; step < 14; step++) {
        const policy = () => policyOf(bundle.rules, bundle.lists, bundle.defaultEffect);
        expect(analyse(policy(), { ...options, memory })).toEqual(analyse(policy(), options));
        bundle = edited(random, profile, bundle);
      }
    }
  });

  const rule = (
    id: string,
    agent: string,
    conditions: Record<string, unknown>,
    effect: Effect = 'deny',
  ): RuleInput => ({
    id,
    agent,
    action: 'x',
    effect,
    conditions,
  });
  const rules = Array.from({ length: 20 }, (_, i) =>
    rule(`rule-${i}`, `agent${i % 10}`, { '>=n': i }, i % 2 ? 'allow' : 'deny'),
  );

  it('looks anew only at pairs whose rules changed', () => {
    const memory = createAnalysisMemory();
    const analysed = (each: readonly RuleInput[]) => () => analyse(policyOf(each, {}, 'deny'), { memory });
    expect(recordsMade(memory, analysed(rules))).toBe(10);
    expect(recordsMade(memory, analysed(rules))).toBe(0);
    const changed = rules.map((each) => (each.id === 'rule-3' ? { ...each, conditions: { '>=n': 77 } } : each));
    expect(recordsMade(memory, analysed(changed))).toBe(1);
    expect(recordsMade(memory, analysed(rules.map((each) => ({ ...each, id: `${each.id}-renamed` }))))).toBe(0);
    expect(
      recordsMade(memory, analysed(rules.map((each) => ({ ...each, conditions: { all: [each.conditions ?? {}] } })))),
    ).toBe(0);
  });

  it('tells lists of one name apart by what they hold', () => {
    const memory = createAnalysisMemory();
    const withList = [
      rule('in-list', 'agent', { 's in': { list: 'names' } }),
      rule('rest', 'agent', { s: 'b' }, 'allow'),
    ];
    const analysed = (values: string[]) => () =>
      expect(analyse(policyOf(withList, { names: { values } }, 'deny'), { memory }).unreachable).toHaveLength(
        values.includes('b') ? 1 : 0,
      );
    expect(recordsMade(memory, analysed(['a', 'b']))).toBe(1);
    expect(recordsMade(memory, analysed(['a', 'b']))).toBe(0);
    expect(recordsMade(memory, analysed(['a', 'c']))).toBe(1);
  });

  it('stays within its bounds', () => {
    const memory = createAnalysisMemory();
    for (let round = 0; round < 40; round++) {
      const many = Array.from({ length: 300 }, (_, i) =>
        rule(`rule-${i}`, `agent${i % 30}`, { s: `${round}-${i}`.padEnd(8_000, 'x') }, i % 2 ? 'allow' : 'deny'),
      );
      analyse(policyOf(many, {}, 'deny'), { memory });
    }
    expect(memory.used.texts).toBeLessThanOrEqual(32_000_000);
    const texts = [...memory.byText.keys()].reduce((sum, text) => sum + 2 * text.length, 0);
    expect(texts).toBe(memory.used.texts);
    const weights = [...memory.records.values()].reduce((sum, { weight }) => sum + weight, 0);
    expect(weights).toBe(memory.used.records);
    expect(weights).toBeLessThanOrEqual(64_000_000);
  });
});
