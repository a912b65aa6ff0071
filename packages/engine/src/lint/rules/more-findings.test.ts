import { describe, expect, it } from 'vitest';
import { rule } from '../lint.testkit.js';
import { lint } from '../run.js';

describe('more-findings', () => {
  const without = (count: number) => Array.from({ length: count }, (_, i) => rule(`rule-${i}`, 'deny', { reason: '' }));

  it('stands for what is over a thousand, and the summary counts all', () => {
    const { errors, summary } = lint(without(1234), { lists: {} });
    expect(errors).toHaveLength(1001);
    expect(errors.at(-1)).toMatchObject({ code: 'more-findings', severity: 'error' });
    expect(errors.at(-1)?.message).toContain('234 more');
    expect(summary.errors).toBe(1234);
  });
  it('is not there at a thousand', () => {
    expect(lint(without(1000), { lists: {} }).errors.map(({ code }) => code)).not.toContain('more-findings');
  });
});
