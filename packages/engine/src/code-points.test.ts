import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareCodePoints, isBelowSurrogates } from './code-points.js';

/** The obvious way: arrays of code points, compared one by one. */
function obviously(a: string, b: string): number {
  const left = [...a].map((character) => character.codePointAt(0) ?? 0);
  const right = [...b].map((character) => character.codePointAt(0) ?? 0);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(left.length - right.length);
}

const troublesome = fc
  .array(
    fc.constantFrom(
      'a',
      'z',
      '\uD800',
      '\uD83D',
      '\uDBFF',
      '\uDC00',
      '\uDFFF',
      '\uE000',
      '\uFFFD',
      '\u{1F600}',
      '\u{10000}',
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.join(''));

describe('code point order', () => {
  it('puts astral characters after all of the basic plane', () => {
    expect('\u{1F600}' < '\uFFFD').toBe(true);
    expect(compareCodePoints('\u{1F600}', '\uFFFD')).toBeGreaterThan(0);
  });

  it('is what comparing code point by code point gives', () => {
    fc.assert(
      fc.property(troublesome, troublesome, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(obviously(a, b));
      }),
      { numRuns: 5000 },
    );
  });

  it('is the order of units where one side stays below the surrogates', () => {
    fc.assert(
      fc.property(troublesome, fc.string(), (a, b) => {
        fc.pre(isBelowSurrogates(b));
        expect(Math.sign(compareCodePoints(a, b))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });
});
