import { describe, expect, it } from 'vitest';
import { type Recorded, requestFields, testCaseOf } from './recorded-request.js';

const recorded: Recorded = {
  decision_id: '01a209cf-ee07-7329-8329-aec8afd1429b',
  agent: 'billing.bot',
  action: 'pay',
  context: { amount: 900, payee: { name: '[redacted]', tags: ['new'], extra: {} }, is_weekend: false },
  facts_used: { is_weekend: true },
  redacted: ['payee.name'],
  policy_effect: 'deny',
  matched_rule: 'no-weekends',
};

describe('a recorded request', () => {
  it('is told field by field, each with where it comes from', () => {
    expect(requestFields(recorded).map(({ name, value, from }) => `${name} ${value} ${from}`)).toEqual([
      'amount 900 context',
      'payee.name "[redacted]" not kept: sensitive',
      'payee.tags ["new"] context',
      'payee.extra {} context',
      'is_weekend false not used: only the server sets it',
      'is_weekend true fact of the server',
    ]);
  });
  it('becomes a test case that expects what the rules said, by the facts of that time', () => {
    expect(testCaseOf(recorded)).toEqual({
      case_id: 'billing.bot pay d1429b',
      agent: 'billing.bot',
      action: 'pay',
      context: { ...recorded.context, is_weekend: true },
      expected_effect: 'deny',
      expected_rule: 'no-weekends',
    });
  });
});
