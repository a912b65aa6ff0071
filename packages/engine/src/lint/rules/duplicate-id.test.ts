import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../edit/patch.js';
import { found, rule } from '../lint.testkit.js';

describe('duplicate-id', () => {
  const rules = [rule('rule-a', 'allow'), rule('rule-b', 'deny'), rule('rule-a', 'deny'), rule('rule-a', 'deny')];

  it('is an error at every rule but the first that has the id', () => {
    expect(found('duplicate-id', rules).map(({ path, severity }) => [path, severity])).toEqual([
      [[2, 'id'], 'error'],
      [[3, 'id'], 'error'],
    ]);
  });
  it('offers each an id that is free, and with them nothing is left to say', () => {
    const patches = found('duplicate-id', rules).flatMap(({ suggestion }) => suggestion?.patch ?? []);
    const mended = applyPatch(rules, patches) as { id: string }[];
    expect(mended.map(({ id }) => id)).toEqual(['rule-a', 'rule-b', 'rule-a-2', 'rule-a-3']);
    expect(found('duplicate-id', mended)).toEqual([]);
  });
  it('keeps an offered id within its length', () => {
    const long = 'r'.repeat(64);
    const [finding] = found('duplicate-id', [rule(long, 'allow'), rule(long, 'deny')]);
    const value = finding?.suggestion?.patch?.[0] as { value: string };
    expect(value.value.length).toBeLessThanOrEqual(64);
    expect(value.value).not.toBe(long);
  });
});
