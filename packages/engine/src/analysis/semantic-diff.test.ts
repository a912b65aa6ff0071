import { describe, expect, it } from 'vitest';
import { decide } from '../decide.js';
import type { RuleInput } from '../generated/rule.js';
import { policyOf, rule } from './analysis.testkit.js';
import { semanticDiff } from './semantic-diff.js';

const nothing = { equal: true, changes: [], undecided: [] };

describe('a semantic diff', () => {
  it('names each kind of change once, with the rules and a witness that both policies confirm', () => {
    const before = policyOf([
      rule('allow-low', 'allow', { '<risk': 50 }),
      rule('ask-rest', 'needs_approval', { '>=risk': 50 }),
    ]);
    const after = policyOf([
      rule('allow-low', 'allow', { '<risk': 40 }),
      rule('ask-rest', 'needs_approval', { '>=risk': 45 }),
    ]);
    const { equal, changes, undecided } = semanticDiff(before, after);
    expect({ equal, undecided }).toEqual({ equal: false, undecided: [] });
    expect(changes.map(({ witness, ...change }) => change)).toEqual([
      {
        agent: 'inbox.triage',
        action: 'quarantine',
        from: 'allow',
        to: 'deny',
        rules: { from: 'allow-low', to: null },
      },
      {
        agent: 'inbox.triage',
        action: 'quarantine',
        from: 'allow',
        to: 'needs_approval',
        rules: { from: 'allow-low', to: 'ask-rest' },
      },
    ]);
    for (const { from, to, rules, witness } of changes) {
      expect(decide(before, witness)).toMatchObject({ effect: from, matched_rule: rules.from });
      expect(decide(after, witness)).toMatchObject({ effect: to, matched_rule: rules.to });
    }
  });

  it('sees budgets and approvers change under the same effect', () => {
    const ask = (more: Partial<RuleInput>) => policyOf([rule('ask', 'needs_approval', { '>risk': 5 }, more)]);
    for (const more of [{ budget: { cost: 1 } }, { metadata: { min_approvers: 2 } }]) {
      expect(semanticDiff(ask({}), ask(more)).changes).toMatchObject([
        { from: 'needs_approval', to: 'needs_approval' },
      ]);
    }
    expect(semanticDiff(ask({}), ask({ reason: 'another reason', tags: ['new'] }))).toEqual(nothing);
  });

  it('sees names decide between rules of one priority and effect that cost different amounts', () => {
    const cheap = { budget: { cost: 1 } };
    const dear = { budget: { cost: 9 } };
    const before = policyOf([
      rule('aaa', 'needs_approval', { x: 1 }, cheap),
      rule('bbb', 'needs_approval', { y: 1 }, dear),
    ]);
    const after = policyOf([
      rule('bbb', 'needs_approval', { x: 1 }, cheap),
      rule('aaa', 'needs_approval', { y: 1 }, dear),
    ]);
    const { changes } = semanticDiff(before, after);
    expect(changes).toMatchObject([
      { from: 'needs_approval', to: 'needs_approval', witness: { context: { x: 1, y: 1 } } },
    ]);
  });

  it('sees another default, and a rule that makes it of no account', () => {
    const rules = [rule('allow-low', 'allow', { '<risk': 50 })];
    const strict = policyOf(rules);
    const open = policyOf(rules, {}, { defaultEffect: 'allow' });
    expect(semanticDiff(strict, open).changes.map(({ agent, from, to }) => ({ agent, from, to }))).toEqual([
      { agent: '*', from: 'deny', to: 'allow' },
      { agent: 'inbox.triage', from: 'deny', to: 'allow' },
    ]);
    const all = rule('deny-all', 'deny', {}, { agent: '*', action: '*', priority: 0 });
    expect(semanticDiff(policyOf([...rules, all]), policyOf([...rules, all], {}, { defaultEffect: 'allow' }))).toEqual(
      nothing,
    );
  });

  it('sees a list change under the same name, and only where it matters', () => {
    const rules = [rule('vips', 'allow', { 'sender in': { list: 'vips' } })];
    const withVips = (values: string[]) => policyOf(rules, { vips: { values } });
    expect(semanticDiff(withVips(['ann', 'bob']), withVips(['bob', 'ann']))).toEqual(nothing);
    const { changes } = semanticDiff(withVips(['ann', 'bob']), withVips(['ann', 'cid']));
    expect(changes.map(({ from, to, witness }) => [from, to, witness.context.sender])).toEqual([
      ['allow', 'deny', 'bob'],
      ['deny', 'allow', 'cid'],
    ]);
  });

  it('is empty between a bundle and the same with idle rules, and against nothing it is all there is', () => {
    const rules = [rule('allow-low', 'allow', { '<risk': 50 })];
    const idle = [rule('never', 'allow', { '<risk': 1, '>risk': 2 }), rule('off', 'allow', {}, { enabled: false })];
    expect(semanticDiff(policyOf(rules), policyOf([...rules, ...idle]))).toEqual(nothing);
    expect(semanticDiff(policyOf([]), policyOf([]))).toEqual(nothing);
    expect(semanticDiff(policyOf(rules), policyOf([])).changes).toMatchObject([{ from: 'allow', to: 'deny' }]);
  });

  it('names every rule that decides what changed, when asked to', () => {
    const before = policyOf([
      rule('allow-low', 'allow', {}),
      rule('no-spam', 'deny', { spam: true }, { priority: 90 }),
    ]);
    const after = policyOf([
      rule('allow-low', 'allow', {}),
      rule('allow-vip', 'allow', { vip: true }, { priority: 60 }),
    ]);
    expect(semanticDiff(before, after).changes).toHaveLength(1);
    const { changes } = semanticDiff(before, after, { byRule: true });
    expect(changes.map(({ from, to, rules }) => [from, to, rules])).toEqual([
      ['deny', 'allow', { from: 'no-spam', to: 'allow-low' }],
      ['deny', 'allow', { from: 'no-spam', to: 'allow-vip' }],
    ]);
    for (const { witness, rules } of changes) expect(decide(after, witness).matched_rule).toBe(rules.to);
  });

  it('says what it cannot decide, never that it is equal', () => {
    const before = policyOf([rule('words', 'allow', { 's matches': '^(ab)+$' })]);
    const after = policyOf([rule('words', 'allow', { 's matches': '^ab(ab)*$' })]);
    const diff = semanticDiff(before, after);
    expect(diff.equal).toBe(false);
    expect(diff.undecided).toMatchObject([{ reason: 'matches' }, { reason: 'matches' }]);
    expect(diff.undecided.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(['allow deny', 'deny allow']);
  });

  it('decides what a rule above takes, though the rule itself cannot be decided', () => {
    const above = rule('above', 'needs_approval', {}, { priority: 90 });
    const below = (cost: number) => rule('below', 'allow', { 's matches': '^(ab)+$' }, { budget: { cost } });
    expect(semanticDiff(policyOf([above, below(1)]), policyOf([above, below(2)]))).toEqual({
      equal: true,
      undecided: [],
      changes: [],
    });
  });

  it('reports patterns by what they match', () => {
    const wide = rule('wide', 'allow', {}, { agent: 'inbox.*', action: '*' });
    const { changes } = semanticDiff(policyOf([wide]), policyOf([]));
    expect(changes).toMatchObject([
      { agent: 'inbox.*', action: '*', witness: { agent: 'inbox.other', action: 'other' } },
    ]);
  });
});
