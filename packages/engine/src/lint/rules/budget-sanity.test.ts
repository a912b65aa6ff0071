import { describe, expect, it } from 'vitest';
import { found, rule } from '../lint.testkit.js';

describe('budget-sanity', () => {
  it('is said of an approval without a budget', () => {
    const { budget: _, ...bare } = rule('rule-a', 'needs_approval');
    expect(found('budget-sanity', [bare])).toMatchObject([{ severity: 'warning', path: [0, 'effect'] }]);
    expect(found('budget-sanity', [rule('rule-a', 'needs_approval')])).toEqual([]);
    expect(found('budget-sanity', [rule('rule-a', 'allow')])).toEqual([]);
  });
  it.each([
    [1000, 0],
    [1000.01, 1],
  ])('draws the line above 1,000 USD: %f', (cost, count) => {
    expect(found('budget-sanity', [rule('rule-a', 'allow', { budget: { cost } })])).toHaveLength(count);
  });
});
