import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBundleSource } from './bundle.js';
import { mayRound, roundedTo } from './rounded-number.js';

describe('a number literal', () => {
  it.each([
    ['9007199254740993', 9007199254740992],
    ['-9007199254740993', -9007199254740992],
    ['12345678901234567890', 12345678901234567000],
    ['9007199254740992.5', 9007199254740992],
    ['900719925474099.3e1', 9007199254740992],
    ['1e-400', 0],
    ['-1e-400', 0],
    [`0.${'0'.repeat(400)}1`, 0],
    ['0x20000000000001', 9007199254740992],
    ['0o400000000000000001', 9007199254740992],
  ])('%s is read as %d', (text, value) => {
    expect(roundedTo(text)).toBe(value);
    expect(mayRound(`- ${text}`)).toBe(true);
  });
  it.each([
    ['0'],
    ['-0.0e5'],
    ['85'],
    ['0.1'],
    ['3.14159265358979323846'],
    ['9007199254740991'],
    ['9007199254740992'],
    ['9007199254740994'],
    ['1e23'],
    ['100000000000000000000.00'],
    ['1.7976931348623157e308'],
    ['5e-324'],
    ['1e999'],
    ['0x20000000000000'],
    ['.inf'],
    ['text'],
  ])('%s is taken as written', (text) => {
    expect(roundedTo(text)).toBeNull();
  });
  it('agrees with arithmetic without limits on whole numbers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }), (whole) => {
        const value = Number(whole);
        // What is printed for the double is what people mean by it, though it may stand for a neighbour.
        const isMeant = BigInt(String(value)) === whole;
        expect(roundedTo(String(whole))).toBe(isMeant ? null : value);
      }),
    );
  });
  it('takes time by its length alone', () => {
    expect(roundedTo(`1${'0'.repeat(2_000_000)}1e-2000001`)).toBeNull();
  });
});

describe('the rounded numbers of a bundle', () => {
  const inJson =
    '{"notes": "1e-400", "metadata": {"x": 1e-400}, "rules": [{"id": "a", "conditions": {"n": [1, 9007199254740993]}}]}';
  const inYaml = 'metadata: { x: 1e-400 }\nrules:\n  - id: a\n    conditions:\n      n: [1, 9007199254740993]\n';
  it.each([
    ['json', inJson],
    ['yaml', inYaml],
  ] as const)('lead from its rules, in %s', (format, text) => {
    const source = parseBundleSource(text, format);
    if (Array.isArray(source)) throw new Error(JSON.stringify(source));
    expect(source.rounded?.()).toEqual([
      { path: [0, 'conditions', 'n', 1], text: '9007199254740993', value: 9007199254740992 },
    ]);
  });
  it('are none among strings that look like them', () => {
    const source = parseBundleSource('[{"id": "9007199254740993", "reason": "1e-400"}]', 'json');
    if (Array.isArray(source)) throw new Error(JSON.stringify(source));
    expect(source.rounded?.()).toEqual([]);
  });
});
