import { describe, expect, it } from 'vitest';
import { type BundleSource, parseBundleSource } from './bundle.js';
import type { Diagnostic } from './diagnostic.js';
import { limits } from './limits.js';
import { parseRules } from './rule.js';

function accepted(text: string, format: 'json' | 'yaml'): BundleSource {
  const source = parseBundleSource(text, format);
  if (Array.isArray(source)) throw new Error(JSON.stringify(source));
  return source;
}

function refused(text: string, format: 'json' | 'yaml'): Diagnostic {
  const source = parseBundleSource(text, format);
  if (!Array.isArray(source)) throw new Error(`accepted: ${JSON.stringify(source.rules)}`);
  return source[0] as Diagnostic;
}

const json = `{
  "version": "1.0.0",
  "rules": [
    {"id": "one", "agent": "*", "action": "*", "effect": "deny",
     "conditions": {
       "x foo": 1}}
  ]
}`;
const yaml = `version: "1.0.0"
rules:
  - id: one
    agent: "*"
    action: "*"
    effect: deny
    conditions:
      x foo: 1
`;

describe('a bundle document', () => {
  it('is the same in JSON and YAML', () => {
    expect(accepted(yaml, 'yaml').rules).toEqual(accepted(json, 'json').rules);
    expect(accepted(yaml, 'yaml').version).toBe('1.0.0');
  });

  it('may be a bare list', () => {
    expect(accepted('[]', 'json').rules).toEqual([]);
    expect(accepted('- id: one', 'yaml').rules).toEqual([{ id: 'one' }]);
  });

  it('places the findings of its rules', () => {
    for (const [source, place] of [
      [accepted(json, 'json'), { line: 6, column: 8 }],
      [accepted(yaml, 'yaml'), { line: 8, column: 7 }],
    ] as const) {
      const [finding] = parseRules(source.rules) as Diagnostic[];
      expect(source.locate(finding?.path ?? [])).toEqual(place);
    }
  });

  it('places what is not there at what is around it', () => {
    expect(accepted(json, 'json').locate([0, 'reason'])).toEqual({ line: 4, column: 5 });
    expect(accepted(yaml, 'yaml').locate([0, 'reason'])).toEqual({ line: 3, column: 5 });
    expect(accepted('\r\n\r\n [ {"id": 1} ]', 'json').locate([0, 'id'])).toEqual({ line: 3, column: 5 });
  });

  it('may begin with a byte order mark', () => {
    expect(accepted('\uFEFF[]', 'json').rules).toEqual([]);
    expect(accepted('\uFEFF[]', 'yaml').rules).toEqual([]);
  });

  it('reads numbers and words of YAML 1.2 alone', () => {
    expect(accepted('- {on: yes, a: 010, b: 2026-01-01, c: 1e3}', 'yaml').rules).toEqual([
      { on: 'yes', a: 10, b: '2026-01-01', c: 1000 },
    ]);
  });

  it('keeps a key called __proto__ an own key', () => {
    for (const [text, format] of [
      ['[{"__proto__": {"a": 1}}]', 'json'],
      ['- {__proto__: {a: 1}}', 'yaml'],
    ] as const) {
      expect(Object.keys(accepted(text, format).rules[0] as object)).toEqual(['__proto__']);
    }
  });
});

describe('a bundle document is refused', () => {
  const cases: [text: string, format: 'json' | 'yaml', message: RegExp, line?: number, column?: number][] = [
    ['', 'json', /is empty/],
    [' \n', 'json', /is empty/],
    ['', 'yaml', /is empty/],
    ['# nothing', 'yaml', /is empty/],
    ['[1,]', 'json', /missing here/, 1, 4],
    ['[1] // x', 'json', /no comments/, 1, 5],
    ['[1] 2', 'json', /nothing may follow/, 1, 5],
    ['[{"id": "a",}]', 'json', /remove the comma/, 1, 13],
    ['["a\nb"]', 'json', /./, 1, 2],
    ["['a']", 'json', /double quotes/, 1, 2],
    ['[NaN]', 'json', /double quotes/, 1, 2],
    ['[01]', 'json', /./, 1],
    ['{"rules": [], "rules": []}', 'json', /`rules` stands twice/, 1, 15],
    ['[{"a": 1,\n "a": 2}]', 'json', /`a` stands twice/, 2, 2],
    ['[{"a": 1, "\\u0061": 2}]', 'json', /`a` stands twice/, 1, 11],
    ['- a: 1\n  a: 2', 'yaml', /`a` stands twice/, 2, 3],
    ['- a: 1\n  "a": 2', 'yaml', /`a` stands twice/, 2, 3],
    ['- 1: x', 'yaml', /key must be a string/, 1, 3],
    ['- [a]: x', 'yaml', /key must be a string/, 1, 3],
    ['- <<: {a: 1}\n  <<: {b: 1}', 'yaml', /`<<` stands twice/, 2, 3],
    ['a: [', 'yaml', /./, 1],
    ['a: 1\n--- \nb: 1', 'yaml', /one document/],
    ['- !!binary aGk=', 'yaml', /tag/, 1, 3],
    ['- !foo x', 'yaml', /tag/, 1, 3],
    ['- *nowhere', 'yaml', /alias/],
    ['"x"', 'json', /list of rules, or an object/, 1, 1],
    ['null', 'json', /list of rules, or an object/, 1, 1],
    ['{}', 'json', /has no `rules`/, 1, 1],
    ['{"rules": {}}', 'json', /`rules` must be a list/, 1, 2],
    ['{"rules": [], "rule": 1}', 'json', /unknown key `rule`, did you mean `rules`\?/, 1, 15],
    ['{"rules": [], "version": 1}', 'json', /`version` must be a string/, 1, 15],
    ['rules: []\nversion: 1.0', 'yaml', /`version` must be a string: quote it/, 2, 1],
    ['{"rules": [], "notes": 1}', 'json', /`notes` must be a string/],
    ['{"rules": [], "metadata": []}', 'json', /`metadata` must be an object/],
    ['{"rules": [], "format": "2.0"}', 'json', /`format` must be/],
  ];
  it.each(cases)('%j as %s', (text, format, message, line, column) => {
    const found = refused(text, format);
    expect(found).toMatchObject({ code: 'invalid-source', message: expect.stringMatching(message) });
    if (line !== undefined) expect(found.line).toBe(line);
    if (column !== undefined) expect(found.column).toBe(column);
  });

  it('above its limits', () => {
    const notes = (length: number) => JSON.stringify({ rules: [], notes: 'x'.repeat(length) });
    expect(accepted(notes(10_000), 'json').notes).toHaveLength(10_000);
    expect(refused(notes(10_001), 'json').message).toMatch(/at most 10000 characters/);

    const padded = (bytes: number) => `[]${' '.repeat(bytes - 2)}`;
    expect(accepted(padded(limits.sourceBytes), 'json').rules).toEqual([]);
    expect(refused(padded(limits.sourceBytes + 1), 'json').code).toBe('limit-exceeded');
    expect(accepted(padded(limits.yamlBytes), 'yaml').rules).toEqual([]);
    expect(refused(padded(limits.yamlBytes + 1), 'yaml').code).toBe('limit-exceeded');

    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    for (const format of ['json', 'yaml'] as const) {
      expect(accepted(nested(limits.sourceDepth), format).rules).toHaveLength(1);
      expect(refused(nested(limits.sourceDepth + 1), format).code).toBe('limit-exceeded');
    }

    const aliases = (count: number) => `- &a {}\n${'- *a\n'.repeat(count)}`;
    expect(accepted(aliases(limits.sourceAliases), 'yaml').rules).toHaveLength(limits.sourceAliases + 1);
    expect(refused(aliases(limits.sourceAliases + 1), 'yaml').code).toBe('limit-exceeded');
  });

  const hostile: [string, string, 'json' | 'yaml'][] = [
    ['brackets without end', '['.repeat(200_000), 'json'],
    ['objects without end', '{"a":'.repeat(200_000), 'json'],
    ['brackets without end', '['.repeat(20_000), 'yaml'],
    ['dashes without end', '- '.repeat(20_000), 'yaml'],
    ['a billion laughs', laughs(), 'yaml'],
    ['an alias of itself', '- &a [*a]', 'yaml'],
    ['dashes without end, by lines', Array.from({ length: 5000 }, (_, i) => `${' '.repeat(i)}-`).join('\n'), 'yaml'],
    ['keys without end', 'a: &a {'.repeat(20_000), 'yaml'],
    ['question marks without end', '? '.repeat(20_000), 'yaml'],
    [
      'aliases that nest',
      `a0: &a0 []\n${Array.from({ length: 99 }, (_, i) => `a${i + 1}: &a${i + 1} ${'['.repeat(60)}*a${i}${']'.repeat(60)}`).join('\n')}`,
      'yaml',
    ],
    ['a NUL', '[\u0000]', 'json'],
    ['tabs as indentation', 'a:\n\t- b', 'yaml'],
  ];
  it.each(hostile)('without an exception: %s', (_name, text, format) => {
    expect(refused(text, format).message).toMatch(/./);
  });

  it('with as many findings as 1,000, however many keys stand twice', () => {
    const source = parseBundleSource(`[{${'"a":1,'.repeat(5000)}"a":1}]`, 'json');
    expect(source).toHaveLength(limits.diagnostics);
  });

  it.each(['json', 'yaml'] as const)('with as many findings as 1,000, however many keys are unknown: %s', (format) => {
    // Each place is looked for among the keys before it, so for all of these that would take minutes.
    const keys = Array.from({ length: 60_000 }, (_, i) => `"key-${i}": 1`);
    expect(parseBundleSource(`{${keys.join(', ')}, "rules": []}`, format)).toHaveLength(limits.diagnostics);
  });
});

function laughs(): string {
  const lines = ['a0: &a0 [x, x]'];
  for (let i = 1; i < 30; i++) lines.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}, *a${i - 1}]`);
  return lines.join('\n');
}
