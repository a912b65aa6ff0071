import { describe, expect, it } from 'vitest';
import { decide } from '../../decide.js';
import { applyPatch } from '../../edit/patch.js';
import type { RuleInput } from '../../generated/rule.js';
import { found, policyOf, rule } from '../lint.testkit.js';

const reading = (conditions: Record<string, unknown>): RuleInput[] => [rule('rule-a', 'deny', { conditions })];
const about = (conditions: Record<string, unknown>) => found('mistyped-comparison', reading(conditions));

describe('mistyped-comparison', () => {
  it.each([
    ['=> 85', '>=85'],
    ['>= 85 ', '>=85'],
    [' >= 85', '>=85'],
    ['=<85', '<=85'],
    ['≥ 85', '>=85'],
    ['≤85', '<=85'],
    ['≠ 85', '!=85'],
    ['<>85', '!=85'],
    ['= 85', 85],
    ['===85', 85],
    ['>=0x10', '>=16'],
    ['>.5', '>0.5'],
    ['> +5', '>5'],
    ['>5.', '>5'],
  ])('reads %j as %j', (text, meant) => {
    const rules = reading({ all: [{ risk_score: text }] });
    const [finding, ...more] = found('mistyped-comparison', rules);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning', path: [0, 'conditions', 'all', 0, 'risk_score'] });
    expect(finding?.suggestion).toMatchObject({ changes_decisions: true });
    const mended = applyPatch(rules, finding?.suggestion?.patch ?? []) as RuleInput[];
    expect(mended).toEqual(reading({ all: [{ risk_score: meant }] }));
    expect(found('mistyped-comparison', mended)).toEqual([]);
  });
  it.each([['>85,<90'], ['> 85 and < 90'], ['>85 && <90']])('makes two conditions of %j', (text) => {
    const rules = reading({ risk_score: text, x: 1 });
    const [finding] = found('mistyped-comparison', rules);
    const mended = applyPatch(rules, finding?.suggestion?.patch ?? []) as RuleInput[];
    expect(mended).toEqual(reading({ '>risk_score': 85, '<risk_score': 90, x: 1 }));
    const policy = policyOf(mended);
    const effects = [85, 86, 90].map((risk_score) => {
      return decide(policy, { agent: 'inbox.triage', action: 'quarantine', context: { risk_score, x: 1 } })
        .matched_rule;
    });
    expect(effects).toEqual([null, 'rule-a', null]);
  });
  it.each([
    ['>85,<90', { '>risk_score': 1 }],
    ['>85,>90', {}],
    ['>85 or <10', {}],
    ['>85,<90,!=87', {}],
    ['>=85%', {}],
    ['>010', {}],
    ['>1,000', {}],
    ['>>85', {}],
    ['>', {}],
    ['>+1e999', {}],
    ['!= spam', {}],
    ['<script>', {}],
  ])('offers no edit for %j where %j is written', (text, more) => {
    const [finding] = about({ risk_score: text, ...more });
    expect(finding?.suggestion?.message).toContain('risk_score"');
    expect(finding?.suggestion?.patch).toBeUndefined();
  });
  it('offers the comparison with a text that may be meant', () => {
    const [finding] = about({ category: '!= spam' });
    expect(finding?.suggestion?.message).toContain('`"!=category": "spam"`');
    expect(finding?.suggestion?.message).toContain('`"==category"`');
  });
  it.each([
    [{ risk_score: ['>=85'] }, ['risk_score', 0]],
    [{ risk_score: ['spam', '=> 85'] }, ['risk_score', 1]],
    [{ 'risk_score in': [5, '>85'] }, ['risk_score in', 1]],
    [{ 'tags any_in': ['<5', 'a'] }, ['tags any_in', 0]],
    [{ not: { 'risk_score not_in': ['≥85'] } }, ['not', 'risk_score not_in', 0]],
  ])('is said inside arrays: %j', (conditions, place) => {
    expect(about(conditions)).toMatchObject([{ path: [0, 'conditions', ...place] }]);
  });
  it('takes a single comparison out of its brackets', () => {
    const rules = reading({ risk_score: ['>=85'] });
    const [finding] = found('mistyped-comparison', rules);
    expect(applyPatch(rules, finding?.suggestion?.patch ?? [])).toEqual(reading({ risk_score: '>=85' }));
  });
  it.each([
    [{ risk_score: '>=85' }],
    [{ risk_score: '> -1.5e3' }],
    [{ '==risk_score': '=> 85' }],
    [{ 'risk_score ==': '>85,<90' }],
    [{ '==risk_score': ['=> 85'] }],
    [{ '!=risk_score': '=> 85' }],
    [{ 'text contains': '<script>' }],
    [{ text: 'a > 5', other: '85>' }],
    [{ '>=text': '<b' }],
  ])('is not said of %j', (conditions) => {
    expect(about(conditions)).toEqual([]);
  });
  it('is said of rules whose lists are not known, and not of disabled ones', () => {
    const conditions = { risk_score: '=> 85', 'sender in': { list: 'vips' } };
    const rules = [rule('rule-a', 'deny', { conditions }), rule('rule-b', 'deny', { conditions, enabled: false })];
    const said = found('mistyped-comparison', rules, { lists: null });
    expect(said.map(({ rule_id }) => rule_id)).toEqual(['rule-a']);
  });
});
