import { describe, expect, it } from 'vitest';
import { narrows, readDecisionSearch } from './decision-search.js';

describe('the address of a list of decisions', () => {
  it('is read member by member, and what it does not understand is left out', () => {
    expect(
      readDecisionSearch({
        agent: ' inbox.triage ',
        action: '',
        session: 42,
        effect: 'maybe',
        arm: 'canary',
        range: '24h',
        bundle_id: '3',
        status: ['error'],
        other: 1,
      }),
    ).toEqual({ agent: 'inbox.triage', session: '42', arm: 'canary', range: '24h', bundle_id: 3 });
  });
  it.each([0, -1, 1.5, 'x', null])('takes no bundle %s', (bundle_id) => {
    expect(readDecisionSearch({ bundle_id })).toEqual({});
  });
  it('narrows by anything but the place in the list', () => {
    expect([narrows({}), narrows({ before: 'x' }), narrows({ effect: 'deny', before: 'x' })]).toEqual([
      false,
      false,
      true,
    ]);
  });
});
