import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
// @ts-expect-error a build script without types
import { ruleFiles } from '../../../scripts/generate-rule.mjs';
import { compile } from './compile.js';
import type { Diagnostic } from './diagnostic.js';
import type { RuleInput } from './generated/rule.js';
import { parseRules } from './rule.js';

const valid = { id: 'one', agent: 'inbox.triage', action: 'quarantine', effect: 'deny' };

function refusals(...rules: unknown[]): Diagnostic[] {
  const parsed = parseRules(rules);
  const [first] = parsed;
  if (first !== undefined && !('code' in first)) throw new Error('the rules were accepted');
  return parsed as Diagnostic[];
}

describe('rules', () => {
  it('get their defaults', () => {
    expect(parseRules([valid])).toEqual([
      { ...valid, conditions: {}, priority: 50, enabled: true, tags: [], metadata: {} },
    ]);
  });

  it('have patterns that are bounded together: one compiled size counts once, however many rules use it', () => {
    const rule = (pattern: string, i: number) => ({
      ...valid,
      id: `rule-${i}`,
      conditions: { 'text matches': pattern },
    });
    const large = (i: number) => `(a|b|c){1,900}${i}`;
    const distinct = Array.from({ length: 160 }, (_, i) => rule(large(i), i));
    expect(refusals(...distinct).map(({ code }) => code)).toContain('limit-exceeded');
    expect(refusals(...distinct)[0]).toMatchObject({
      rule_id: expect.stringMatching(/^rule-1[0-9][0-9]$/),
      message: expect.stringContaining('the patterns of the bundle are too large together'),
    });
    expect(parseRules(Array.from({ length: 160 }, (_, i) => rule(large(7), i)))).toMatchObject([
      { id: 'rule-0' },
      ...Array(159).fill({}),
    ]);
  });

  it('keep their conditions as written', () => {
    const conditions = { 'risk>=': 5, all: [{ a: '>3' }] };
    expect(parseRules([{ ...valid, conditions }])).toMatchObject([{ conditions }]);
  });

  it('may be none', () => {
    expect(parseRules([])).toEqual([]);
  });

  it.each(['*', 'inbox.*', 'a', 'a.b.c.*', 'mcp:server/tool_1', '/x', 'A-b'])('accept the pattern %s', (agent) => {
    expect(refusalsOrNone({ ...valid, agent, action: agent })).toEqual([]);
  });
  it.each(['', '**', '*.a', 'a*', 'a.*.b', '.a', 'a.', 'a..b', 'a b', 'a.*.*', 'é', 'a\n'])(
    'refuse the pattern %j',
    (agent) => {
      expect(refusals({ ...valid, agent })).toMatchObject([
        { code: 'invalid-rule', path: [0, 'agent'], rule_id: 'one' },
      ]);
    },
  );

  const cases: [change: Record<string, unknown>, message: RegExp, path: (string | number)[]][] = [
    [{ condition: {} }, /unknown key `condition`, did you mean `conditions`\?/, [0, 'condition']],
    [{ xyzzy: 1 }, /unknown key `xyzzy`: remove it, or keep it under `metadata`/, [0, 'xyzzy']],
    [{ effect: undefined }, /has no `effect`: add it/, [0]],
    [{ effect: 'denny' }, /must be one of `allow`, `deny`, `needs_approval`, did you mean `deny`\?/, [0, 'effect']],
    [{ id: 'ab' }, /3 to 64 lower-case/, [0, 'id']],
    [{ id: 'x'.repeat(65) }, /3 to 64 lower-case/, [0, 'id']],
    [{ id: 'one\n' }, /3 to 64 lower-case/, [0, 'id']],
    [{ id: '_ab' }, /begin with a letter or digit/, [0, 'id']],
    [{ agent: 'x'.repeat(129) }, /at most 128 characters/, [0, 'agent']],
    [{ conditions: [] }, /`conditions` must be an object/, [0, 'conditions']],
    [{ conditions: null }, /`conditions` must be an object/, [0, 'conditions']],
    [{ reason: 'x'.repeat(257) }, /at most 256 characters/, [0, 'reason']],
    [{ priority: 1.5 }, /`priority` must be an integer/, [0, 'priority']],
    [{ priority: -1 }, /at least 0/, [0, 'priority']],
    [{ priority: 1001 }, /at most 1000/, [0, 'priority']],
    [{ priority: '50' }, /must be an integer/, [0, 'priority']],
    [{ budget: { cost: -1 } }, /`budget.cost` must be at least 0/, [0, 'budget', 'cost']],
    [{ budget: { cost: Number.POSITIVE_INFINITY } }, /must be a finite number/, [0, 'budget', 'cost']],
    [{ budget: { risk: 'hgh' } }, /did you mean `high`\?/, [0, 'budget', 'risk']],
    [{ budget: { costs: 1 } }, /unknown key `costs`, did you mean `cost`\?/, [0, 'budget', 'costs']],
    [{ enabled: 'yes' }, /must be `true` or `false`/, [0, 'enabled']],
    [{ tags: [1] }, /must be a string/, [0, 'tags', 0]],
    [{ tags: Array(33).fill('x') }, /at most 32 items/, [0, 'tags']],
    [{ metadata: { min_approvers: 0 } }, /at least 1/, [0, 'metadata', 'min_approvers']],
    [{ metadata: { min_approvers: 11 } }, /at most 10/, [0, 'metadata', 'min_approvers']],
    [{ metadata: { x: 1n } }, /no JSON form/, [0, 'metadata']],
    [{ metadata: { x: Number.NaN } }, /no JSON form/, [0, 'metadata']],
    [{ metadata: { x: 'x'.repeat(8193) } }, /at most 8192 bytes/, [0, 'metadata']],
    [{ conditions: { 'x foo': 1 } }, /unknown operator/, [0, 'conditions', 'x foo']],
  ];
  it.each(cases.map((entry) => [String(entry[1]), ...entry] as const))('refuse: %s', (_name, change, message, path) => {
    const [first] = refusals({ ...valid, ...change });
    expect(first?.message).toMatch(message);
    expect(first?.path).toEqual(path);
  });

  it('count characters, not UTF-16 units, in a reason', () => {
    expect(refusalsOrNone({ ...valid, reason: '\u{1F600}'.repeat(256) })).toEqual([]);
  });

  it('refuse a __proto__ key that JSON made', () => {
    const rule = JSON.parse(`{"__proto__": {"effect": "allow"}, ${JSON.stringify(valid).slice(1)}`);
    expect(refusals(rule)[0]?.message).toMatch(/unknown key `__proto__`/);
  });

  it('do not inherit what they lack', () => {
    expect(refusals(Object.create(valid))[0]?.message).toMatch(/has no `id`/);
  });

  it('have an id of their own, whatever else is wrong', () => {
    const found = refusals(valid, { ...valid, id: 'two' }, { ...valid, effect: 'x' });
    expect(found.map(({ code, path }) => [code, ...path])).toEqual([
      ['duplicate-id', 2, 'id'],
      ['invalid-rule', 2, 'effect'],
    ]);
  });

  it.each([null, 1, 'x', [], undefined])('are not %j', (value) => {
    expect(refusals(value)[0]?.message).toBe('a rule must be an object');
  });

  it('nest metadata at most 32 deep and survive what is far deeper', () => {
    const nested = (levels: number) => {
      let value: Record<string, unknown> = {};
      for (let i = 1; i < levels; i++) value = { value };
      return value;
    };
    expect(refusalsOrNone({ ...valid, metadata: nested(32) })).toEqual([]);
    expect(refusals({ ...valid, metadata: nested(33) })[0]?.code).toBe('limit-exceeded');
    expect(refusals({ ...valid, metadata: nested(100_000) })[0]?.code).toBe('limit-exceeded');
  });

  it('are at most 10,000 unless the caller of compile says otherwise', () => {
    const many = (count: number): RuleInput[] =>
      Array.from({ length: count }, (_, i) => ({ ...valid, id: `rule-${i}`, effect: 'deny' as const }));
    expect(parseRules(many(10_000))).toHaveLength(10_000);
    expect(refusals(...many(10_001))).toMatchObject([{ code: 'limit-exceeded', path: [] }]);
    expect(compile({ rules: many(10_001) })).toBeInstanceOf(Array);
    expect(compile({ rules: many(10_001) }, {}, { maxRules: 10_001 })).toMatchObject({ ruleCount: 10_001 });
  });
});

describe('generated files', () => {
  it('are what the schema gives', async () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    for (const [path, text] of (await ruleFiles(root)) as [string, string][]) {
      expect(await readFile(path, 'utf8')).toBe(text);
    }
  });
});

function refusalsOrNone(rule: unknown): Diagnostic[] {
  const parsed = parseRules([rule]);
  return parsed[0] !== undefined && 'code' in parsed[0] ? (parsed as Diagnostic[]) : [];
}
