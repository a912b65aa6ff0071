import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { decide, explain } from '../src/index.js';
import { check } from './check.js';
import * as spec from './decide.js';
import { scenario } from './generate.js';
import * as pool from './pool.js';
import { compiled } from './production.js';
import { type ProfileName, profiles } from './profiles.js';

interface Tally {
  requests: number;
  by_rule: number;
  with_errors: number;
  allow: number;
  deny: number;
  needs_approval: number;
}

/** Bundles and requests for each of them; at least 100,000 requests in all. */
const runs: Record<ProfileName, readonly [bundles: number, requests: number]> = {
  general: [200, 150],
  'one string field': [120, 125],
  'one number field': [120, 125],
  arrays: [120, 125],
  opaque: [120, 125],
  'one pair, many rules': [30, 60],
  'one pair, many thresholds': [40, 60],
  wildcards: [80, 125],
};

const tallies = new Map<string, Tally>();

function count(name: string, decision: spec.Decision): void {
  const tally = tallies.get(name) ?? { requests: 0, by_rule: 0, with_errors: 0, allow: 0, deny: 0, needs_approval: 0 };
  tallies.set(name, tally);
  tally.requests++;
  tally[decision.effect]++;
  if (decision.matched_rule !== null) tally.by_rule++;
  if (decision.errors.length > 0) tally.with_errors++;
}

describe('the engine decides as the specification does', () => {
  for (const name of Object.keys(profiles) as ProfileName[]) {
    it(`profile: ${name}`, { timeout: 120_000 }, () => {
      const [bundles, requestsEach] = runs[name];
      const sameDecisions = fc.property(scenario(name, requestsEach), ({ bundle, requests }) => {
        expect(check(bundle)).toEqual([]);
        const policy = compiled(bundle);
        for (const [i, request] of requests.entries()) {
          const expected = spec.decide(bundle, request);
          expect(decide(policy, request), `request ${i}`).toStrictEqual(expected);
          if (i % 5 === 0) expect(explain(policy, request).decision).toStrictEqual(expected);
          count(name, expected);
        }
      });
      fc.assert(sameDecisions, { numRuns: bundles, endOnFailure: false });
    });
  }

  it('every operator on every kind of value, alone and beside 33 rules', () => {
    const constants = [0, 85, 'a', '', '\uff5e', true];
    const arrays = [[], ['a', 1, true, null], [0, 85, ''], { list: 'vip' }, { list: 'lower-list' }];
    const rights: Record<string, readonly unknown[]> = {
      ...Object.fromEntries(['==', '!='].map((operator) => [operator, [...constants, null]])),
      ...Object.fromEntries(['>=', '<=', '>', '<'].map((operator) => [operator, [0, 85, 'a', '\uff5e', '😀']])),
      ...Object.fromEntries(['in', 'not_in', 'any_in', 'all_in'].map((operator) => [operator, arrays])),
      ...{ contains: constants, not_contains: constants, starts_with: ['a', ''], ends_with: ['a', ''] },
      ...{ exists: [true, false], is_empty: [true, false], matches: ['^a', ''], domain_in: [['example.com'], []] },
    };
    const values = [...pool.anything, ...pool.emptyAndNot, ...pool.strings, ...pool.numbers, 'https://example.com/'];
    const rule = (id: string, conditions: object, priority: number) => ({
      ...{ id, agent: '*', action: '*', effect: 'allow', priority, conditions },
    });
    const others = Array.from({ length: 33 }, (_, i) => rule(`pad-${i}`, { 'x ==': i, 'x !=': i }, 1));
    for (const [operator, operands] of Object.entries(rights)) {
      for (const operand of operands) {
        const tested = [rule('tested', { [/^[a-z]/.test(operator) ? `x ${operator}` : `${operator}x`]: operand }, 2)];
        for (const rules of [tested, [...tested, ...others]]) {
          const bundle = { rules, lists: pool.lists[0] };
          const policy = compiled(bundle);
          for (const context of [{}, ...values.map((x) => ({ x }))]) {
            const request = { agent: 'a', action: 'b', context };
            const message = `${operator} ${JSON.stringify(operand)} on ${JSON.stringify(context)}`;
            expect(decide(policy, request), message).toStrictEqual(spec.decide(bundle, request));
          }
        }
      }
    }
  });

  afterAll(() => {
    const total = [...tallies.values()].reduce((sum, { requests }) => sum + requests, 0);
    console.table(Object.fromEntries([...tallies].map(([name, tally]) => [name, shares(tally)])));
    console.log(`${total} requests compared`);
  });

  it('has compared at least 100,000 requests, decided by rules and by the default in every profile', () => {
    const all = [...tallies.values()];
    expect(all.reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThanOrEqual(100_000);
    for (const [name, { requests, by_rule, with_errors, allow, deny, needs_approval }] of tallies) {
      expect(by_rule / requests, `${name}: decided by a rule`).toBeGreaterThan(0.1);
      expect(by_rule / requests, `${name}: decided by a rule`).toBeLessThan(1);
      expect(with_errors / requests, `${name}: with mismatches`).toBeGreaterThan(0.02);
      expect(Math.min(allow, deny, needs_approval) / requests, `${name}: the rarest effect`).toBeGreaterThan(0.01);
    }
  });
});

function shares({ requests, ...parts }: Tally): Record<string, string | number> {
  const percent = (part: number) => `${((100 * part) / requests).toFixed(1)} %`;
  return { requests, ...Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, percent(part)])) };
}

describe('the work limit', () => {
  const rule = (id: string, conditions: object, more: object = {}) => ({
    ...{ id, agent: 'bot', action: 'act', effect: 'allow', conditions },
    ...more,
  });
  const millions = (n: number) => 'x'.repeat(n * 1_000_000);
  const exhausted = { effect: 'deny', matched_rule: null, errors: [{ code: 'work_exhausted' }], default: false };

  function decideBoth(rules: object[], context: Record<string, unknown>): spec.Decision {
    const bundle = { rules, default_effect: 'allow' as const };
    const request = { agent: 'bot', action: 'act', context };
    const expected = spec.decide(bundle, request);
    expect(decide(compiled(bundle), request)).toStrictEqual(expected);
    return expected;
  }

  it('is passed by exactly 50,000,000 and by nothing more', () => {
    const rules = [rule('rule-1', { 's contains': 'y' }), rule('rule-2', { 's contains': 'z' })];
    expect(decideBoth(rules, { s: millions(25) })).toMatchObject({ effect: 'allow', default: true, errors: [] });
    expect(decideBoth(rules, { s: `${millions(25)}x` })).toMatchObject(exhausted);
  });

  it('counts 16 for each character that a pattern or a domain looks at', () => {
    const pattern = [rule('rule-1', { 's matches': '^y' })];
    expect(decideBoth(pattern, { s: 'x'.repeat(3_125_000) }).errors).toEqual([]);
    expect(decideBoth(pattern, { s: 'x'.repeat(3_125_001) })).toMatchObject(exhausted);
    const domain = [rule('rule-1', { 's domain_in': ['example.com'] })];
    expect(decideBoth(domain, { s: ['https://x/', 'x'.repeat(3_124_990)] }).errors).toMatchObject([
      { operator: 'domain_in' },
    ]);
    expect(decideBoth(domain, { s: ['https://x/', 'x'.repeat(3_124_991)] })).toMatchObject(exhausted);
  });

  it('counts a test once, however often and in whatever spelling it stands among the candidates', () => {
    const rules = Array.from({ length: 5 }, (_, i) => rule(`rule-${i}`, { [`s${' '.repeat(i + 1)}contains`]: 'y' }));
    expect(decideBoth(rules, { s: millions(50) })).toMatchObject({ errors: [] });
    const lists = [rule('rule-1', { 's any_in': [1, 2] }), rule('rule-2', { 's any_in': [2, 1, 1] })];
    expect(decideBoth(lists, { s: millions(50) })).toMatchObject({ errors: [] });
  });

  it('counts domain_in once for a field, whatever the list', () => {
    const rules = [
      rule('rule-1', { 's domain_in': ['a.com'] }),
      rule('rule-2', { 's domain_in': ['b.com'] }),
      rule('rule-3', { 's domain_in': { field: 't' } }),
    ];
    expect(decideBoth(rules, { s: 'x'.repeat(3_125_000), t: [] }).errors).toHaveLength(3);
  });

  it('counts the array of another field, and different operators apart', () => {
    const rules = [rule('rule-1', { 's contains': { field: 't' } })];
    const array = Array.from({ length: 1_000 }, () => 1);
    expect(decideBoth(rules, { s: 'x'.repeat(49_999_000), t: array }).errors).toMatchObject([{ operator: 'contains' }]);
    expect(decideBoth(rules, { s: 'x'.repeat(49_999_001), t: array })).toMatchObject(exhausted);
    const both = [rule('rule-1', { 's contains': 'y', 's not_contains': 'y' })];
    expect(decideBoth(both, { s: `${millions(25)}x` })).toMatchObject(exhausted);
  });

  it('counts the array of another field for in and not_in, and its strings for domain_in', () => {
    const array = Array.from({ length: 10 }, () => 1);
    const members = [rule('rule-1', { 'a in': { field: 't' }, 'a not_in': { field: 't' }, 's contains': 'y' })];
    expect(decideBoth(members, { a: 2, t: array, s: 'x'.repeat(49_999_980) }).errors).toEqual([]);
    expect(decideBoth(members, { a: 2, t: array, s: 'x'.repeat(49_999_981) })).toMatchObject(exhausted);
    const hosts = [rule('rule-1', { 'u domain_in': { field: 't' }, 'u  domain_in': { field: 't' } })];
    const u = 'https://a.test/';
    const rest = 3_125_000 - u.length;
    expect(decideBoth(hosts, { u, t: [7, 'x'.repeat(rest)] })).toMatchObject({ matched_rule: null, errors: [] });
    expect(decideBoth(hosts, { u, t: [7, 'x'.repeat(rest + 1)] })).toMatchObject(exhausted);
  });

  it('looks at candidates only, but at all of them, however high the winner stands', () => {
    const heavy = { all: [{ 's contains': 'y' }, { 's contains': 'z' }] };
    const winner = rule('winner', {}, { priority: 1000 });
    const long = { s: millions(26) };
    expect(decideBoth([winner, rule('heavy', heavy, { priority: 0 })], long)).toMatchObject(exhausted);
    expect(decideBoth([winner, rule('heavy', heavy, { enabled: false })], long)).toMatchObject({
      matched_rule: 'winner',
    });
    expect(decideBoth([winner, rule('heavy', heavy, { agent: 'other' })], long)).toMatchObject({
      matched_rule: 'winner',
    });
  });

  it('counts nothing for values of other types and for cheap operators', () => {
    const rules = [rule('rule-1', { 's starts_with': 'y', '>=s': 'y', 's in': ['y'], 'o contains': 1 })];
    expect(decideBoth(rules, { s: millions(51), o: { x: 1 } }).errors).toMatchObject([{ field: 'o' }]);
  });
});

describe('the specification', () => {
  it('shares no code with the engine', () => {
    for (const name of ['decide', 'condition', 'check']) {
      const source = readFileSync(new URL(`./${name}.ts`, import.meta.url), 'utf8');
      const imported = [...source.matchAll(/\bfrom '([^']+)'/g)].map((match) => match[1]);
      expect(imported.filter((path) => !['re2js', './decide.js', './condition.js'].includes(path ?? ''))).toEqual([]);
    }
  });
});
