import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../edit/patch.js';
import { catalogOf, found, rule } from '../lint.testkit.js';

const properties = {
  amount: { type: 'number', minimum: 0, maximum: 100 },
  count: { type: 'integer' },
  recipient: { type: 'string' },
  category: { enum: ['spam', 'phishing', 'newsletter'] },
  urgent: { type: 'boolean' },
  tags: { type: 'array', items: { type: 'string' } },
  loose: {},
};
const catalog = catalogOf(['inbox.triage'], { pay: { type: 'object', properties }, other: { type: 'object' } });
const reading = (conditions: Record<string, unknown>, action = 'pay') => [
  rule('rule-a', 'deny', { action, conditions }),
];

describe('type-mismatch', () => {
  it.each([
    [{ '>=amount': '80' }],
    [{ '>recipient': 5 }],
    [{ '>amount': 100 }],
    [{ '<amount': 0 }],
    [{ count: 1.5 }],
    [{ amount: true }],
    [{ 'amount contains': '5' }],
    [{ 'amount starts_with': '5' }],
    [{ 'recipient contains': 5 }],
    [{ 'urgent domain_in': ['example.com'] }],
    [{ 'tags starts_with': 'a' }],
    [{ 'category in': ['spam', 'phising'] }],
    [{ '!=category': 'fishing' }],
    [{ 'category starts_with': 'x' }],
    [{ '>category': 'z' }],
    [{ 'amount any_in': ['a', 'b'] }],
    [{ amount: { field: 'recipient' } }],
    [{ '>amount': { field: 'recipient' } }],
    [{ 'recipient in': { field: 'amount' } }],
    [{ day_of_week: 'Monday' }],
    [{ '>=current_hour': 24 }],
    [{ is_weekend: 'yes' }],
    [{ 'now contains': 5 }],
    [{ 'amount in': { list: 'names' } }, 0],
  ])('%j', (conditions, count = 1) => {
    const lists = { names: { values: ['a'] } };
    expect(found('type-mismatch', reading(conditions), { catalog, lists })).toHaveLength(count);
  });
  it.each([
    [{ '>=amount': 80 }],
    [{ '>=amount': 100 }],
    [{ count: 1 }],
    [{ 'tags contains': 'a' }],
    [{ 'tags any_in': ['a'] }],
    [{ 'category in': ['spam', 'phishing'] }],
    [{ 'category contains': 'phish' }],
    [{ '>category': 'o' }],
    [{ 'recipient domain_in': ['example.com'] }],
    [{ loose: 5, '>=loose': 'a', unnamed: true }],
    [{ 'amount exists': false, 'amount is_empty': true }],
    [{ amount: null }],
    [{ '>=amount': { field: 'count' } }],
    [{ 'amount in': [], 'category in': [], 'tags all_in': [], 'day_of_week in': [] }],
    [{ 'category in': { list: 'none' }, 'recipient domain_in': { list: 'none' } }],
    [{ day_of_week: 'monday', '>=current_hour': 23, is_weekend: true, '>now': '2026-01-01T00:00:00Z' }],
  ])('fits: %j', (conditions) => {
    const lists = { none: { values: [] } };
    expect(found('type-mismatch', reading(conditions), { catalog, lists })).toEqual([]);
  });
  it.each([
    [{ 'category in': ['spam', 'phising'] }, { 'category in': ['spam', 'phishing'] }],
    [{ '>=amount': '80' }, { '>=amount': 80 }],
    [{ urgent: 'true' }, { urgent: true }],
    [{ recipient: 5 }, { recipient: '5' }],
    [{ day_of_week: 'Monday' }, { day_of_week: 'monday' }],
  ])('offers what was meant by %j', (conditions, meant) => {
    const rules = reading(conditions);
    const [finding] = found('type-mismatch', rules, { catalog });
    expect(applyPatch(rules, finding?.suggestion?.patch ?? [])).toEqual(reading(meant));
    expect(finding?.suggestion?.changes_decisions).toBe(true);
  });
  it('leaves an empty list to `never-matches`, which has the reason', () => {
    const [finding] = found('never-matches', reading({ 'amount in': [] }), { catalog });
    expect(finding?.message).toContain('no request can meet `"amount in":[]`');
  });
  it('is not said of a rule that is also about actions where the test fits', () => {
    expect(found('type-mismatch', reading({ amount: 'x' }, '*'), { catalog })).toEqual([]);
    expect(found('type-mismatch', reading({ amount: 'x' }))).toEqual([]);
    expect(found('type-mismatch', reading({ day_of_week: 'Monday' }, '*'))).toHaveLength(1);
  });
});
