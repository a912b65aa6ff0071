import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../edit/patch.js';
import type { Lists } from '../../list.js';
import { found, rule } from '../lint.testkit.js';
import { lint } from '../run.js';

const lists: Lists = { vip_senders: { values: ['a@example.com'] } };

describe('invalid-condition', () => {
  it.each([
    [{ '=>risk_score': 80 }, { '>=risk_score': 80 }],
    [{ 'risk_score =>': 80 }, { '>=risk_score': 80 }],
    [{ 'risk_score gte': 80 }, { '>=risk_score': 80 }],
    [{ 'recipient not in': ['a'] }, { 'recipient not_in': ['a'] }],
    [{ 'not_in recipient': ['a'] }, { 'recipient not_in': ['a'] }],
    [{ 'subject containz': 'a' }, { 'subject contains': 'a' }],
    [{ 'subject startsWith': 'a' }, { 'subject starts_with': 'a' }],
    [{ 'recipient in': 'a' }, { 'recipient in': ['a'] }],
    [{ 'recipient in': { list: 'vip_sender' } }, { 'recipient in': { list: 'vip_senders' } }],
    [{ 'recipient in': { lst: 'vip_senders' } }, { 'recipient in': { list: 'vip_senders' } }],
  ])('offers an edit for %j', (conditions, mended) => {
    const rules = [rule('rule-a', 'deny', { conditions })];
    const findings = found('invalid-condition', rules, { lists });
    expect(findings).toMatchObject([{ severity: 'error', rule_id: 'rule-a' }]);
    const after = applyPatch(rules, findings[0]?.suggestion?.patch ?? []);
    expect(after).toEqual([rule('rule-a', 'deny', { conditions: mended })]);
    expect(lint(after, { lists }).passed).toBe(true);
  });
  it.each([
    [{ '[': 1, 'a b c d': 1 }],
    [{ '>=': 85 }],
    [{ 'x matches': '(' }],
    [{ any: { x: 1 } }],
    [{ x: { y: 1 } }],
    [{ 'x in': { list: 'nothing_like_it' } }],
  ])('offers none where it would be a guess: %j', (conditions) => {
    const findings = found('invalid-condition', [rule('rule-a', 'deny', { conditions })], { lists });
    expect(findings.length).toBeGreaterThan(0);
    for (const { suggestion } of findings) expect(suggestion).toBeNull();
  });
  it('points to where the fault is, deep within', () => {
    const conditions = { any: [{ x: 1 }, { not: { all: [{ '=>y': 1 }] } }] };
    const [finding] = found('invalid-condition', [rule('rule-a', 'deny', { conditions })]);
    expect(finding?.path).toEqual([0, 'conditions', 'any', 1, 'not', 'all', 0, '=>y']);
  });
  it('offers a list by its name where only the lists that rules name are at hand', () => {
    const rules = [rule('rule-a', 'deny', { conditions: { 'recipient in': { list: 'vip_sender' } } })];
    const [finding] = found('invalid-condition', rules, { lists: {}, listNames: ['others', 'vip_senders'] });
    expect(finding?.message).toBe('there is no list `vip_sender`, did you mean `vip_senders`?');
    expect(finding?.suggestion?.patch).toEqual([
      { op: 'replace', path: '/0/conditions/recipient in/list', value: 'vip_senders' },
    ]);
  });
  it('offers no list in place of one that is there and unfit', () => {
    const rules = [rule('rule-a', 'deny', { conditions: { 'recipient domain_in': { list: 'vip_senders' } } })];
    expect(found('invalid-condition', rules, { lists: { vip_senders: { values: [5] } } })).toMatchObject([
      { suggestion: null },
    ]);
  });
});
