import { describe, expect, it } from 'vitest';
import { found, rule } from '../lint.testkit.js';

describe('limit-exceeded', () => {
  it('is said of one rule, and of the whole', () => {
    const nested = Array.from({ length: 9 }).reduce<Record<string, unknown>>((inner) => ({ not: inner }), { x: 1 });
    expect(found('limit-exceeded', [rule('rule-a', 'deny', { conditions: nested })])).toMatchObject([
      { severity: 'error', rule_id: 'rule-a', line: 0 },
    ]);
    const many = Array.from({ length: 10_001 }, (_, i) => rule(`rule-${i}`, 'deny'));
    expect(found('limit-exceeded', many)).toMatchObject([{ rule_id: null, path: [], line: null }]);
  });
});
