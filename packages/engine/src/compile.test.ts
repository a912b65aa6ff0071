import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompiledPolicy, compile, listsUsed, warm } from './compile.js';
import { decide } from './decide.js';
import type { Diagnostic } from './diagnostic.js';
import { explain } from './explain.js';
import type { Effect, RuleInput } from './generated/rule.js';
import { limits } from './limits.js';
import type { Lists } from './list.js';

const rule = (id: string, rest: Partial<RuleInput> = {}): RuleInput => ({
  id,
  agent: 'agent',
  action: 'act',
  effect: 'allow',
  ...rest,
});

function policyOf(rules: RuleInput[], lists: Lists = {}): CompiledPolicy {
  const policy = compile({ rules }, lists);
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy[0]));
  return policy;
}

function refusal(rules: RuleInput[], lists: Lists): Diagnostic | undefined {
  const policy = compile({ rules }, lists);
  return Array.isArray(policy) ? policy[0] : undefined;
}

describe('patterns', () => {
  /** What language.md says, in the plainest words. */
  const matches = (pattern: string, name: string) =>
    pattern === '*' || pattern === name || (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1)));

  const names = ['inbox', 'inbox.a', 'inbox.a.b', 'inbox.ab', 'inboxes', 'git', 'git.x', 'other', 'other.a.b.c'];
  const patterns = ['*', 'inbox', 'inbox.*', 'inbox.a', 'inbox.a.*', 'inbox.a.b', 'git.*', 'git', 'other.a.*'];
  const anyBundle = fc
    .array(
      fc.record({
        agent: fc.constantFrom(...patterns),
        action: fc.constantFrom(...patterns),
        effect: fc.constantFrom<Effect>('allow', 'deny', 'needs_approval'),
        priority: fc.integer({ min: 0, max: 2 }),
        enabled: fc.boolean(),
      }),
      { maxLength: 30 },
    )
    .map((rules) => rules.map((rest, i) => rule(`rule-${String(i).padStart(2, '0')}`, rest)));

  it('find the candidates that a scan of all rules finds', () => {
    fc.assert(
      fc.property(anyBundle, (rules) => {
        const policy = policyOf(rules);
        for (const agent of names) {
          for (const action of names) {
            const found = explain(policy, { agent, action, context: {} }).trace.map(({ rule_id }) => rule_id);
            const scanned = rules.filter((r) => r.enabled && matches(r.agent, agent) && matches(r.action, action));
            expect(found.sort()).toEqual(scanned.map(({ id }) => id).sort());
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('do not let names that callers invent fill the memory', () => {
    const policy = policyOf([rule('one', { agent: 'inbox.*', action: '*' })]);
    for (let i = 0; i < 10_000; i++) {
      expect(decide(policy, { agent: `inbox.${i}`, action: `act-${i}`, context: {} }).matched_rule).toBe('one');
    }
    expect(policy.index.made).toHaveLength(1);
  });

  it('forget the oldest plans when there are too many, and decide the same', () => {
    const general = Array.from({ length: 4500 }, (_, i) =>
      rule(`general-${i}`, { agent: '*', action: '*', conditions: { n: i } }),
    );
    const special = Array.from({ length: 40 }, (_, i) =>
      rule(`special-${i}`, { agent: `agent-${i}`, conditions: { m: i }, priority: 90 }),
    );
    const policy = policyOf([...general, ...special]);
    for (const round of [1, 2]) {
      for (let i = 0; i < 40; i++) {
        const request = { agent: `agent-${i}`, action: 'act', context: { n: 7 * round, m: i } };
        expect(decide(policy, request).matched_rule).toBe(`special-${i}`);
        expect(decide(policy, { ...request, context: { n: i } }).matched_rule).toBe(`general-${i}`);
      }
    }
    expect(policy.index.made.length).toBeLessThan(40);
  });
});

describe('warming a policy', () => {
  const rules = ['inbox.triage', 'inbox.*', '*'].flatMap((agent, a) =>
    ['deploy', 'github.*', '*'].flatMap((action, b) =>
      Array.from({ length: 3 + 3 * a }, (_, i) =>
        rule(`rule-${a}-${b}-${i}`, {
          agent,
          action,
          conditions: { '>=n': i, s: ['x', `y${a}`] },
          priority: 7 * i + a,
        }),
      ),
    ),
  );

  it('makes every pair that the rules name ready, and no more pairs when it is called again', () => {
    const policy = policyOf(rules);
    expect(warm(policy)).toEqual({ pairs: 9, ready: 9 });
    const made = [...policy.index.made];
    expect(made).toHaveLength(9);
    expect(warm(policy)).toEqual({ pairs: 9, ready: 9 });
    decide(policy, { agent: 'inbox.triage', action: 'github.x', context: {} });
    decide(policy, { agent: 'elsewhere', action: 'deploy', context: {} });
    expect(policy.index.made).toEqual(made);
  });

  it('ends at its bound and goes on from there, the pairs with most rules first', () => {
    const policy = policyOf(rules);
    expect(warm(policy, 0)).toEqual({ pairs: 9, ready: 0 });
    expect(warm(policy, 1)).toEqual({ pairs: 9, ready: 1 });
    expect(policy.index.made[0]?.agentClass).toBe('*');
    expect(warm(policy, 1)).toEqual({ pairs: 9, ready: 2 });
    expect(warm(policy, 1000)).toEqual({ pairs: 9, ready: 9 });
  });

  it('takes no more than half of the memory for plans, and forgets none', () => {
    const general = Array.from({ length: 4500 }, (_, i) =>
      rule(`general-${i}`, { agent: '*', action: '*', conditions: { n: i } }),
    );
    const special = Array.from({ length: 40 }, (_, i) => rule(`special-${i}`, { agent: `agent-${i}` }));
    const policy = policyOf([...general, ...special]);
    const { pairs, ready } = warm(policy, 1_000_000);
    expect(pairs).toBe(41);
    expect(ready).toBeLessThan(41);
    expect(policy.index.made).toHaveLength(ready);
  });

  it('changes no answer', () => {
    const cold = policyOf(rules);
    const warmed = policyOf(rules);
    warm(warmed);
    for (const agent of ['inbox.triage', 'inbox.other', 'inbox', 'x']) {
      for (const action of ['deploy', 'github.x', 'github', '*']) {
        for (const n of [-1, 0, 1, 2, 3, 8.5, 'text', null]) {
          for (const s of ['x', 'y0', 'y2', 'z']) {
            const request = { agent, action, context: { n, s } };
            expect(decide(warmed, request)).toEqual(decide(cold, request));
          }
        }
      }
    }
  });
});

describe('named lists', () => {
  const uses = (operator: string) => [rule('one', { conditions: { [`a ${operator}`]: { list: 'vips' } } })];

  it('must be there', () => {
    expect(refusal(uses('in'), { vip: { values: [] } })).toMatchObject({
      code: 'invalid-condition',
      message: 'there is no list `vips`, did you mean `vip`?',
      rule_id: 'one',
      path: [0, 'conditions', 'a in'],
    });
    expect(refusal([rule('one', { conditions: { a: { list: 'constructor' } } })], {})?.message).toMatch(
      /create it first/,
    );
  });

  it('are reported at the entry that names them, however deep', () => {
    const conditions = { any: [{ a: 1 }, { not: { ' b in ': { list: 'gone' } } }], c: { list: 'lost' }, d: [null] };
    const policy = compile({ rules: [rule('one', {}), rule('two', { conditions })] }, {});
    expect(Array.isArray(policy) && policy.map(({ path }) => path)).toEqual([
      [1, 'conditions', 'any', 1, 'not', ' b in '],
      [1, 'conditions', 'c'],
    ]);
  });

  it('must be there for disabled rules too', () => {
    expect(refusal([{ ...(uses('in')[0] as RuleInput), enabled: false }], {})?.code).toBe('invalid-condition');
  });

  it('hold at most 100,000 values', () => {
    const values = (count: number) => ({ vips: { values: Array.from({ length: count }, (_, i) => i) } });
    expect(refusal(uses('in'), values(limits.listValues))).toBeUndefined();
    expect(refusal(uses('in'), values(limits.listValues + 1))?.code).toBe('limit-exceeded');
  });

  it('hold domain names where domains are asked for', () => {
    expect(refusal(uses('domain_in'), { vips: { values: ['example.com', 'no domain'] } })?.message).toMatch(
      /`no domain`/,
    );
    expect(refusal(uses('domain_in'), { vips: { values: ['example.com', 5] } })?.message).toMatch(/`5`/);
    expect(refusal(uses('domain_in'), { vips: { values: ['https://example.com/x'] } })?.message).toMatch(/`https/);
    expect(
      refusal(uses('domain_in'), { vips: { values: ['https://example.com/x'], normalize: 'host' } }),
    ).toBeUndefined();
  });

  const cases: [normalize: 'lower' | 'email' | 'host' | undefined, entry: string, value: string, met: boolean][] = [
    [undefined, 'Ann', 'ann', false],
    ['lower', 'ANN', 'aNn', true],
    ['lower', 'ann', ' ann', false],
    ['email', ' Ann@X.org ', 'ann@x.ORG', true],
    ['email', 'ann@x.org', '\tANN@x.org\n', true],
    ['host', 'Example.com', 'https://EXAMPLE.com:8080/a', true],
    ['host', 'user@example.com', 'example.com.', true],
    ['host', 'example.com', 'sub.example.com', false],
    ['host', 'not a host', 'not a host', true],
    ['host', 'not a host', 'Not a host', false],
    ['host', 'münchen.de', 'xn--mnchen-3ya.de', true],
  ];
  it.each(cases)('normalised as %s, with %j, hold %j: %s', (normalize, entry, value, met) => {
    const vips = normalize === undefined ? { values: [entry] } : { values: [entry], normalize };
    for (const [operator, context] of [
      ['in', value],
      ['all_in', [value]],
    ] as const) {
      const decision = decide(policyOf(uses(operator), { vips }), {
        agent: 'agent',
        action: 'act',
        context: { a: context },
      });
      expect(decision.matched_rule).toBe(met ? 'one' : null);
    }
  });

  it('are named once each, sorted, and those of invalid conditions not at all', () => {
    const conditions = { a: { list: 'b' }, not: { any: [{ 'c all_in': { list: 'a' } }, { d: { list: 'b' } }] } };
    expect(listsUsed([rule('one', { conditions }), { conditions: { 'x foo': { list: 'z' } } }, null, {}])).toEqual([
      'a',
      'b',
    ]);
  });
});

describe('the facts a policy reads', () => {
  it('are those of the candidates of a pair, on either side of a test', () => {
    const policy = policyOf([
      rule('one', { conditions: { '>=current_hour': 8, 'n <': { field: 'daily_spend' }, now_and_then: 1 } }),
      rule('two', { agent: '*', conditions: { 'now.x': 1 } }),
      rule('three', { action: 'other', conditions: { is_weekend: true } }),
    ]);
    expect(policy.factsRead('agent', 'act')).toEqual(['current_hour', 'daily_spend', 'now']);
    expect(policy.factsRead('agent', 'other')).toEqual(['is_weekend']);
    expect(policy.factsRead('unknown', 'unknown')).toEqual([]);
    expect(policy.fieldsRead('agent', 'act')).toEqual(['current_hour', 'daily_spend', 'n', 'now.x', 'now_and_then']);
  });
});
