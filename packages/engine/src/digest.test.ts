import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sameJson } from './canonical.js';
import { bundleDigest, sha256Hex } from './digest.js';
import type { RuleInput } from './generated/rule.js';
import { anyRule } from './rules.testkit.js';

function reversedKeys<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversedKeys) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, member]) => [key, reversedKeys(member)])) as T;
}

const anyBundle = fc.tuple(anyRule('one'), anyRule('two'), anyRule('three'));

describe('the digest of a bundle', () => {
  it('is the SHA-256 of its canonical form', () => {
    const rule: RuleInput = {
      id: 'one',
      agent: '*',
      action: '*',
      effect: 'deny',
      conditions: { 'b >=': 1, a: ['y', 'x'] },
    };
    expect(bundleDigest([rule])).toBe(
      sha256Hex(
        '{"format":"1.0","rules":[{"action":"*","agent":"*","conditions":{">=b":1,"a in":["x","y"]},"effect":"deny",' +
          '"enabled":true,"id":"one","metadata":{},"priority":50,"tags":[]}]}',
      ),
    );
  });

  it('does not hang on the order of rules or keys', () => {
    fc.assert(
      fc.property(anyBundle, (rules) => {
        expect(bundleDigest(reversedKeys([...rules].reverse()))).toBe(bundleDigest(rules));
      }),
      { numRuns: 300 },
    );
  });

  const base: RuleInput = { id: 'one', agent: '*', action: '*', effect: 'deny' };
  const same: [string, Record<string, unknown>, Record<string, unknown>][] = [
    ['spelling', { '>=a': 1, 'b in': ['x'] }, { 'a>=': 1, b: ['x'] }],
    ['operators in values', { '>=a': 1 }, { a: '>= 1' }],
    ['order of literals', { a: [2, 1] }, { a: [1, 2, 1] }],
    ['nesting of all', { a: 1, b: 2 }, { all: [{ all: [{ b: 2 }] }, { a: 1 }] }],
  ];
  it.each(same)('does not hang on %s', (_name, a, b) => {
    expect(bundleDigest([{ ...base, conditions: a }])).toBe(bundleDigest([{ ...base, conditions: b }]));
  });

  it('does not hang on defaults being written', () => {
    const written = { ...base, conditions: {}, priority: 50, enabled: true, tags: [], metadata: {} };
    expect(bundleDigest([written])).toBe(bundleDigest([base]));
  });

  const different: [string, Partial<RuleInput>][] = [
    ['effect', { effect: 'allow' }],
    ['priority', { priority: 51 }],
    ['conditions', { conditions: { a: 1 } }],
    ['reason', { reason: '' }],
    ['tags', { tags: ['x'] }],
    ['metadata', { metadata: { x: 1 } }],
    ['enabled', { enabled: false }],
  ];
  it.each(different)('covers %s', (_name, change) => {
    expect(bundleDigest([{ ...base, ...change }])).not.toBe(bundleDigest([base]));
  });

  it('is not given for invalid rules', () => {
    expect(() => bundleDigest([{ ...base, id: 'x' }])).toThrow(/valid bundle/);
  });
});

describe('canonical JSON', () => {
  it('is what RFC 8785 shows', () => {
    const value = {
      numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\u{1F600}': 5,
      '\u0080': 6,
      ö: 7,
    };
    expect(canonicalJson(value)).toBe(
      '{"\\r":2,"1":4,"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","\u0080":6,"ö":7,"€":1,"\u{1F600}":5,"\ufb33":3}',
    );
  });

  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(sameJson(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)))).toBe(true);
      }),
    );
  });

  it('is not led astray by a member called toJSON', () => {
    expect(canonicalJson({ b: 1, a: 2, toJSON: 3 })).toBe('{"a":2,"b":1,"toJSON":3}');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1, undefined])('has no form for %s', (value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });
});

describe('SHA-256', () => {
  it('is the one of FIPS 180-4', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});
