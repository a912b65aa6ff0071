import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksOf, samePerson } from './person.js';

describe('two names', () => {
  it.each([
    ['ann', 'Ann'],
    ['ann', ' ann  '],
    ['ann lee', 'ann\u2003lee'],
    ['ann', 'a\u200bnn'],
    ['ann', '\u202eann'],
    ['ann', 'ａｎｎ'],
    ['ann', 'аnn'], // Cyrillic a
    ['ann', 'ɑnn'], // Latin alpha
    ['NINA', 'ΝΙΝΑ'], // Greek capitals
    ['nina', 'ΝINA'], // one Greek capital
    ['oscar', 'оѕсаг'], // Cyrillic all through
    ['José', 'Jose\u0301'],
    ['José', 'Јоѕé'],
    ['straße', 'STRASSE'],
    ['ÖZGE', 'özge'],
    ['Νίκος', 'νίκος'],
    ['ann-lee@example.com', 'ann\u2010lee@example.com'], // a hyphen
    ['ann-lee', 'ann\u2212lee'], // a minus
    ["o'neill", 'o\u2019neill'], // an apostrophe of print
    ["o'neill", 'o\u02bcneill'], // one that is a letter
    ['ANN', 'ꓮꓠꓠ'], // Lisu
    ['Ann', 'ꭺnn'], // a small letter of Cherokee
    ['nina', 'ɴɪɴᴀ'], // small capitals
  ])('%s and %s are one person', (a, b) => {
    expect(samePerson(a, b)).toBe(true);
    expect(samePerson(b, a)).toBe(true);
  });

  it.each([
    ['ann', 'anna'],
    ['José', 'Jose'],
    ['ann1', 'annl'],
    ['nan', 'van'],
    ['Иван', 'Иваи'],
    ['ann lee', 'annlee'],
    ['ann-lee', 'ann_lee'],
    ['Ian', 'lan'],
    ['service:ann', 'ann'],
  ])('%s and %s are two', (a, b) => {
    expect(samePerson(a, b)).toBe(false);
  });

  it('are one person with themselves, and in any letter case of plain letters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(samePerson(name, name)).toBe(true);
        expect(looksOf(looksOf(name).capital).capital).toBe(looksOf(name).capital);
      }),
    );
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z.@ -]{1,30}$/), (name) => {
        expect(samePerson(name, name.toUpperCase())).toBe(true);
      }),
    );
  });
});
