import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atomOf } from '../analysis/atom.js';
import { admitsScalar, admitsType, type FieldDomain } from '../analysis/domain.js';
import { anyTest, lists, namedValues } from '../rules.testkit.js';
import { policyOf, rule } from './lint.testkit.js';
import { misfitOf } from './misfit.js';

const users = [rule('rule-a', 'deny', { conditions: { 'x in': { list: 'vips' }, 'y domain_in': { list: 'hosts' } } })];
const { resources } = policyOf(users, lists).index;

const domains: readonly FieldDomain[] = [
  {},
  { types: ['string'] },
  { types: ['number'] },
  { types: ['integer'], minimum: 1, maximum: 3 },
  { types: ['number'], minimum: 0 },
  { types: ['boolean'] },
  { types: ['array'] },
  { types: ['object'] },
  { types: ['string', 'number'] },
  { types: ['array', 'string'] },
  { values: ['a', 'ab'] },
  { values: ['example.com', 3, true] },
  { types: ['string'], values: ['', 'b'] },
];

const scalars = [...namedValues.numbers, ...namedValues.strings, true, false];
const structures: readonly unknown[] = [[], ['a'], ['a', 1], [1, true], ['https://example.com/'], {}, { n: 1 }];

function isAdmitted(domain: FieldDomain, value: unknown): boolean {
  if (Array.isArray(value)) return admitsType(domain, 'array');
  if (typeof value === 'object') return admitsType(domain, 'object');
  return admitsScalar(domain, value as string | number | boolean);
}
const valuesIn = (domain: FieldDomain) => [...scalars, ...structures].filter((value) => isAdmitted(domain, value));

describe('a test that is said not to fit', () => {
  it('is met by nothing the field holds, or by everything, as it says', () => {
    fc.assert(
      fc.property(anyTest, fc.constantFrom(...domains), fc.constantFrom(...domains), (test, left, right) => {
        const isSelf = test.operand.kind === 'field' && test.operand.field === test.field;
        const misfit = misfitOf(test, left, isSelf ? left : right, resources);
        if (misfit === null || misfit.message.includes('which never occurs')) return;
        const atom = atomOf(0, test, resources);
        for (const value of valuesIn(left)) {
          for (const other of isSelf ? [value] : valuesIn(right)) {
            expect(atom.holds(value, other), `${JSON.stringify([value, other])} ${misfit.message}`).toBe(
              misfit.message.includes('always met'),
            );
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
  it('names values that the field never equals', () => {
    fc.assert(
      fc.property(anyTest, fc.constantFrom(...domains), (test, domain) => {
        for (const stray of misfitOf(test, domain, domain, resources)?.stray ?? []) {
          if (['==', '!=', 'in', 'not_in'].includes(test.operator)) expect(valuesIn(domain)).not.toContain(stray);
        }
      }),
      { numRuns: 2000 },
    );
  });
  it('is never one that asks whether the field is there', () => {
    for (const operator of ['exists', 'is_empty'] as const) {
      const test = { kind: 'test', field: 'x', operator, operand: { kind: 'value', value: true } } as const;
      for (const domain of domains) expect(misfitOf(test, domain, domain, resources)).toBeNull();
    }
  });
});
