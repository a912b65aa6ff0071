import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalValues, listDigest, type Scalar, valueFault, valuesChanged } from './values.js';

const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -2, max: 2 }),
  fc.boolean(),
);

test('neither order nor repetition of the values makes another list', () => {
  fc.assert(
    fc.property(fc.array(scalar), fc.array(fc.nat()), (values, picks) => {
      const again = picks.map((pick) => values[pick % values.length]).filter((value) => value !== undefined);
      const other = [...again, ...[...values].reverse()];
      expect(canonicalValues(other)).toEqual(canonicalValues(values));
      expect(listDigest(canonicalValues(other), null)).toBe(listDigest(canonicalValues(values), null));
    }),
  );
});

test('every value is kept, once, with its type', () => {
  fc.assert(
    fc.property(fc.array(scalar), (values) => {
      const kept = canonicalValues(values);
      expect(new Set(kept)).toEqual(new Set(values.map((value) => (value === 0 ? 0 : value))));
      expect(new Set(kept).size).toBe(kept.length);
      expect(canonicalValues(kept)).toEqual(kept);
    }),
  );
});

test('values of different types are different, and so are normalisations', () => {
  const digests = [['1'], [1], [true], ['true'], [], ['']].map((values) => listDigest(values as Scalar[], null));
  expect(new Set([...digests, listDigest(['1'], 'lower'), listDigest(['1'], 'host')]).size).toBe(8);
});

test('a change shows at most 100 values and 8 KiB, and counts all', () => {
  const many = Array.from({ length: 5000 }, (_, i) => i);
  expect(valuesChanged([], many)).toMatchObject({ added_count: 5000, removed_count: 0, removed: [] });
  expect(valuesChanged([], many).added).toHaveLength(100);
  const long = ['a', 'b', 'c'].map((letter) => letter.repeat(4000));
  expect(valuesChanged(long, [])).toMatchObject({ removed_count: 3, removed: long.slice(0, 2) });
});

test('a string is measured in bytes', () => {
  expect(valueFault(['é'.repeat(4096)])).toBeNull();
  expect(valueFault(['fine', 'é'.repeat(4097)])).toMatchObject({ index: 1 });
});
