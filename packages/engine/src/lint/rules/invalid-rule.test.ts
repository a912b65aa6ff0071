import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../edit/patch.js';
import { found, rule } from '../lint.testkit.js';
import { lint } from '../run.js';

describe('invalid-rule', () => {
  it.each([
    ['a misspelled key', { condition: { x: 1 } }, ['condition']],
    ['a misspelled effect', { effect: 'alow' }, ['effect']],
    ['a number in quotes', { priority: '80' }, ['priority']],
    ['a boolean in quotes', { enabled: 'false' }, ['enabled']],
    ['a misspelled key of the budget', { budget: { costs: 5 } }, ['budget', 'costs']],
    ['a misspelled risk', { budget: { risk: 'hig' } }, ['budget', 'risk']],
  ])('offers an edit that mends %s', (_, more, path) => {
    const rules = [{ ...rule('rule-a', 'allow'), ...more }];
    const [finding] = found('invalid-rule', rules);
    expect(finding).toMatchObject({ severity: 'error', path: [0, ...path] });
    expect(lint(applyPatch(rules, finding?.suggestion?.patch ?? []), { lists: {} }).errors).toEqual([]);
  });
  it('offers nothing that would overwrite what is there', () => {
    const [finding] = found('invalid-rule', [{ ...rule('rule-a', 'allow', { conditions: {} }), condition: { x: 1 } }]);
    expect(finding?.suggestion).toBeNull();
  });
  it.each([[null], [[]], ['a rule'], [5], [undefined], [() => 1]])('is said of what is no rule: %s', (value) => {
    expect(found('invalid-rule', [value])).toMatchObject([{ rule_id: null, path: [0] }]);
  });
  it('hides nothing about the rules beside it', () => {
    const rules = [{ id: 'broken' }, rule('rule-a', 'allow', { conditions: { '>x': 1, '<x': 0 } })];
    expect(found('never-matches', rules)).toMatchObject([{ rule_id: 'rule-a', path: [1, 'conditions'] }]);
  });
});
