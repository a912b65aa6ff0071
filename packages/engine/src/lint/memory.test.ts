import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleInput } from '../generated/rule.js';
import type { Lists } from '../list.js';
import { anyRule, lists as someLists } from '../rules.testkit.js';
import { allOf, catalogOf, rule } from './lint.testkit.js';
import { createLintMemory } from './memory.js';
import { type LintOptions, lint } from './run.js';

const scopes = fc.record({
  agent: fc.constantFrom('agent', 'agent.a', 'agent.*', '*'),
  action: fc.constantFrom('act', 'act.b', 'act.*', '*'),
});
const ids = ['rule-a', 'rule-b', 'rule-c', 'rule-d', 'rule-e'];
const set = fc
  .tuple(...ids.map((id) => fc.tuple(anyRule(id), scopes).map(([each, scope]) => ({ ...each, ...scope }))))
  .map((rules): RuleInput[] => rules);
const number = { type: 'number' };
const catalogs = [
  null,
  catalogOf(['agent', 'agent.a'], {
    act: { type: 'object', properties: { n: number, s: { type: 'string' } } },
    'act.b': null,
  }),
  catalogOf(['agent'], { act: { type: 'object', properties: { n: number, b: {} }, additionalProperties: false } }),
];
const otherLists: Lists = { ...someLists, vips: { values: ['b'] } };
const anyOptions: fc.Arbitrary<LintOptions> = fc.record({
  lists: fc.constantFrom<Lists | null>(someLists, otherLists, null),
  catalog: fc.constantFrom(...catalogs),
  catalogMode: fc.constant('open' as const),
  enforceContext: fc.boolean(),
  defaultEffect: fc.constantFrom<'deny' | 'allow'>('deny', 'allow'),
});

describe('a lint with a memory', () => {
  it('gives the report of one without, after any edits, under any options', () => {
    const step = fc.tuple(fc.nat(ids.length - 1), set, anyOptions);
    fc.assert(
      fc.property(set, fc.array(step, { minLength: 1, maxLength: 6 }), (first, steps) => {
        const memory = createLintMemory();
        let rules = first;
        for (const [place, others, options] of steps) {
          rules = rules.map((each, i) => (i === place ? (others[i] ?? each) : each));
          const copy = structuredClone(rules);
          expect(lint(rules, { ...options, memory })).toEqual(lint(copy, options));
        }
      }),
      { numRuns: 25 },
    );
  });
  it('gives it when rules are broken, mended, renamed and reordered', () => {
    const memory = createLintMemory();
    const sound = [rule('rule-a', 'deny', { conditions: { '>=n': 5 } }), rule('rule-b', 'allow')];
    const versions: unknown[][] = [
      sound,
      [{ ...sound[0], effect: 'x' }, sound[1]],
      [sound[1], sound[0]],
      sound.map((each) => ({ ...each, id: `${each.id}-2` })),
      [...sound, sound[0]],
      [rule('rule-a', 'deny', { conditions: { '>=n': 5, '<n': 5 } }), rule('rule-b', 'allow')],
      sound,
    ];
    for (const version of versions) expect(lint(version, { memory })).toEqual(lint(version));
  });
  it('is not fooled by what a caller changes in place', () => {
    const memory = createLintMemory();
    const conditions: Record<string, unknown> = { '>=n': 5 };
    const rules = [rule('rule-a', 'deny', { conditions }), rule('rule-b', 'allow', { priority: 90 })];
    const lists: { vips: { values: string[] } } = { vips: { values: ['a'] } };
    lint(rules, { memory, lists });
    conditions['<n'] = 4;
    expect(allOf(lint(rules, { memory, lists })).map(({ code }) => code)).toContain('never-matches');
    conditions['s in'] = { list: 'vips' };
    conditions.s = 'b';
    delete conditions['<n'];
    expect(allOf(lint(rules, { memory, lists })).map(({ code }) => code)).toContain('never-matches');
    lists.vips.values.push('b');
    expect(lint(rules, { memory, lists })).toEqual(lint(rules, { lists }));
  });
});
