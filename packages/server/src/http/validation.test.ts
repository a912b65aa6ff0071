import { operations } from '@policy-studio/contract';
import { describe, expect, it } from 'vitest';
import { unknownName, validator } from './validation.js';

const faults = (schema: object, value: unknown, weight = 0) => validator(schema, 'body')(value, weight);

describe('the validator', () => {
  it('says nothing about what is valid, and fills in defaults', () => {
    const body = { approval_id: 3 };
    expect(faults(operations.activateBundle.body, body)).toBeNull();
    expect(body).toEqual({ approval_id: 3, canary_pct: 10, supersede: false });
  });

  it('speaks of the branch of a union that was meant', () => {
    const approval = operations.createApproval.body;
    expect(
      faults(approval, { kind: 'settings', justification: 'x', settings: {}, extra: 1, min_approvers: '2' }),
    ).toEqual([
      { path: '/extra', message: expect.stringMatching(/^is not known here/) },
      { path: '/min_approvers', message: 'must be an integer' },
    ]);
    expect(faults(approval, { kind: 'other' })).toEqual([
      { path: '/kind', message: 'must be one of `activation`, `list`, `settings`' },
    ]);
    expect(faults(approval, {})).toEqual([{ path: '/kind', message: expect.any(String) }]);
  });

  it('names all types that are possible, once', () => {
    expect(faults(operations.putList.body, { values: ['a', null] })).toEqual([
      { path: '/values/1', message: 'must be a string or a number or a boolean' },
    ]);
    expect(faults(operations.putSettings.body, { cost_budget_24h: 'much' })).toEqual([
      { path: '/cost_budget_24h', message: 'must be a number or null' },
    ]);
    expect(faults(operations.putSettings.body, { cost_budget_24h: -1 })).toEqual([
      { path: '/cost_budget_24h', message: 'must be 0 or more' },
    ]);
  });

  it('explains a pattern in words', () => {
    const body = { agent: 'inbox..triage', action: 'a b', context: {} };
    expect(faults(operations.evaluate.body, body)?.map(({ path }) => path)).toEqual(['/agent', '/action']);
    expect(faults(operations.evaluate.body, body)?.[0]?.message).toMatch(/^must be a name such as `inbox.triage`/);
  });

  it('names at most 20 faults, and one where the body is large', () => {
    const values = Array.from({ length: 1000 }, () => null);
    expect(faults(operations.putList.body, { values })).toHaveLength(20);
    expect(faults(operations.putList.body, { values }, 100_000)).toHaveLength(1);
  });
});

describe('an unknown name', () => {
  it.each([
    ['contxt', 'context'],
    ['contexts', 'context'],
    ['conetxt', 'context'],
    ['Context', 'context'],
    ['requestId', 'request_id'],
    ['request-id', 'request_id'],
  ])('`%s` is answered with `%s`', (name, meant) => {
    expect(unknownName(name, ['agent', 'context', 'request_id'])).toBe(`is not known here; did you mean \`${meant}\`?`);
  });

  it.each(['banana', '__proto__', 'id'])('`%s` is answered with what is known', (name) => {
    expect(unknownName(name, ['agent', 'context'])).toBe('is not known here; known are `agent`, `context`');
  });
});
