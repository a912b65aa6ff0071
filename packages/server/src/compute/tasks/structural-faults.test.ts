import { describe, expect, test } from 'vitest';
import { structuralFaults } from './structural-faults.js';

const rule = (id: string, rest: Readonly<Record<string, unknown>> = {}) => ({
  id,
  agent: 'a',
  action: 'b',
  effect: 'allow',
  reason: 'a reason long enough',
  ...rest,
});

describe('what keeps rules from being saved', () => {
  test('is structure and limits, not conditions that do not parse', () => {
    expect(structuralFaults([rule('one', { conditions: { '=>x': 1 } })])).toEqual([]);
    expect(structuralFaults([rule('one'), rule('one')])).toMatchObject([{ code: 'duplicate-id' }]);
    expect(structuralFaults([rule('one', { tags: ['\u0000'] })])).toMatchObject([{ code: 'invalid-rule', path: [0] }]);
    expect(structuralFaults([])).toEqual([]);
  });
});
