import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type BundleSource, parseBundleSource } from '../bundle.js';
import type { PatchOperation } from '../lint/finding.js';
import { anyRule } from '../rules.testkit.js';
import { applyPatch, combinePatches } from './patch.js';
import { patchSource } from './patch-source.js';

function rulesIn(text: string, format: 'json' | 'yaml'): readonly unknown[] {
  const source = parseBundleSource(text, format);
  if (Array.isArray(source)) throw new Error(`${source[0]?.message} in ${text}`);
  return (source as BundleSource).rules;
}

const anyFragment = fc.oneof(
  fc.constantFrom<unknown>('a: b', 'x, y]', '', '# no', 'two\nlines\n', '- a', 'yes', '5', 5, true, null, 0.5),
  fc.constantFrom<unknown>({}, [], ['a', 'b'], { any: [{ a: 1 }, { b: '>3' }] }, { __proto__x: 1, 'a/b~c': 'd' }),
);

/** A patch that fits the rules: each operation is drawn with what those before it have left. */
function anyPatch(rules: readonly unknown[]): fc.Arbitrary<PatchOperation[]> {
  const draws = fc.array(fc.tuple(fc.nat(), fc.nat(2), anyFragment, fc.nat(3)), { minLength: 1, maxLength: 4 });
  return draws.map((steps) => {
    let now = [...rules];
    const patch: PatchOperation[] = [];
    for (const [seed, kind, value, depth] of steps) {
      const path = placeIn(now, seed, depth);
      if (path === null) break;
      const op = (['add', 'replace', 'remove'] as const)[kind] ?? 'add';
      const isNew = op === 'add' && seed % 2 === 0 && !/^\/\d+$/.test(path);
      const place = isNew ? path.replace(/\/[^/]*$/, /\/\d+$/.test(path) ? '/-' : '/new~1key') : path;
      const operation: PatchOperation = op === 'remove' ? { op, path } : { op, path: place, value };
      now = applyPatch(now, [operation]);
      patch.push(operation);
    }
    return patch;
  });
}

/** The pointer of some value that is there, `depth` levels or fewer below the rules. */
function placeIn(rules: readonly unknown[], seed: number, depth: number): string | null {
  let value: unknown = rules;
  let path = '';
  for (let level = 0; level <= depth; level++) {
    const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    if (keys.length === 0) break;
    const key = keys[(seed >> level) % keys.length] as string;
    path += `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    value = (value as Record<string, unknown>)[key];
  }
  return path === '' ? null : path;
}

const anyRules = fc.tuple(anyRule('one'), anyRule('two'), anyRule('three')).map(([a, b, c]) => [
  { ...a, tags: ['x', 'y'], reason: 'first: of three' },
  { ...b, metadata: { note: 'several\nlines\n' } },
  { ...c, budget: { cost: 1 } },
]);

const layouts: readonly [string, 'json' | 'yaml', (rules: readonly unknown[]) => string][] = [
  ['JSON on one line', 'json', (rules) => JSON.stringify(rules)],
  ['JSON over lines', 'json', (rules) => JSON.stringify({ version: '1', rules }, null, 2)],
  [
    'JSON with tabs and CRLF',
    'json',
    (rules) => JSON.stringify({ rules, notes: '' }, null, '\t').replaceAll('\n', '\r\n'),
  ],
  ['YAML', 'yaml', (rules) => `# top\nversion: "1"\n${stringify({ rules })}# end\n`],
  ['a YAML list', 'yaml', (rules) => stringify(rules, { lineWidth: 40 })],
  ['YAML that is not indented', 'yaml', (rules) => stringify({ rules, notes: 'n' }, { indentSeq: false, indent: 4 })],
  ['YAML in flow style', 'yaml', (rules) => stringify({ rules }, { collectionStyle: 'flow' })],
  ['YAML with strings in quotes', 'yaml', (rules) => stringify({ rules }, { defaultStringType: 'QUOTE_SINGLE' })],
  ['YAML with CRLF', 'yaml', (rules) => stringify({ rules, notes: 'n' }).replaceAll('\n', '\r\n')],
  ['YAML with comments', 'yaml', (rules) => commented(stringify({ rules }))],
];

/** A comment above every line that begins an entry, and blank lines between. */
function commented(text: string): string {
  return text.replaceAll(
    /^( *)((?:- )?\w+:.*)$/gm,
    (_, space: string, rest: string) => `${space}# on it\n${space}${rest}\n`,
  );
}

/** As people keep them: comments, blank lines, quotes and flow collections where they like them. */
const tended = `# What this bundle is for.
version: 1.0.0
rules:
  # ---- limits ----
  - id: ask-before-large-payment
    agent: "*"
    action: '*'
    effect: needs_approval
    conditions:
      effect: pay
      # In the account's currency.
      amount: ">= 5000"
    reason: A payment of 5,000 or more is confirmed by a person.
    budget: { risk: high }
    tags: [payment]

  # ---- no harm possible ----
  - id: allow-reading
    agent: "*"
    action: "*"
    effect: allow # always
    reason: >-
      Reading changes nothing;
      what was read is remembered.

  - id: allow-before-untrusted-read
    agent: "*"
    action: "*"
    effect: allow
    priority: 200

  # Below every other rule.
  - id: ask
    agent: "*"
    action: "*"
    effect: needs_approval
`;

describe('a patch of a source', () => {
  it.each(layouts)('gives the patched rules when read again: %s', (_name, format, layout) => {
    fc.assert(
      fc.property(
        anyRules.chain((rules) => fc.tuple(fc.constant(rules), anyPatch(rules))),
        ([rules, patch]) => {
          const text = layout(rules);
          const read = rulesIn(text, format);
          expect(rulesIn(patchSource(text, format, patch), format)).toEqual(applyPatch(read, patch));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('changes no other line of YAML', () => {
    const text = tended;
    const lines = new Set(text.split('\n'));
    const news = (patch: PatchOperation[]) => {
      const patched = patchSource(text, 'yaml', patch).split('\n');
      return { added: patched.filter((line) => !lines.has(line)), lines: patched.length - text.split('\n').length };
    };
    expect(news([{ op: 'replace', path: '/1/id', value: 'new-id' }])).toEqual({ added: ['  - id: new-id'], lines: 0 });
    expect(news([{ op: 'replace', path: '/0/budget/risk', value: 'low' }]).added).toEqual([
      '    budget: { risk: low }',
    ]);
    expect(news([{ op: 'remove', path: '/0/conditions/amount' }])).toEqual({ added: [], lines: -2 });
    expect(news([{ op: 'add', path: '/1/metadata', value: { a: 1 } }])).toEqual({
      added: ['    metadata:', '      a: 1'],
      lines: 2,
    });
    expect(news([{ op: 'remove', path: '/2' }])).toEqual({ added: [], lines: -6 });
  });

  it('takes the comment right above a rule along, not what stands apart', () => {
    const text = 'rules:\n  - id: one\n\n  # section\n\n  # on two\n  - id: two\n  - id: three\n';
    expect(patchSource(text, 'yaml', [{ op: 'remove', path: '/1' }])).toBe(
      'rules:\n  - id: one\n\n  # section\n\n  - id: three\n',
    );
  });

  it('keeps the layout of JSON', () => {
    const text = '{"rules": [\n  {"id": "one", "tags": ["a"]},\n  {"id": "two"}\n]}\n';
    expect(patchSource(text, 'json', [{ op: 'add', path: '/1/reason', value: 'why' }])).toBe(
      '{"rules": [\n  {"id": "one", "tags": ["a"]},\n  {"id": "two", "reason": "why"}\n]}\n',
    );
    expect(patchSource(text, 'json', [{ op: 'add', path: '/0/tags/0', value: { b: [1, 2] } }])).toBe(
      '{"rules": [\n  {"id": "one", "tags": [{"b": [1, 2]}, "a"]},\n  {"id": "two"}\n]}\n',
    );
    expect(patchSource(text, 'json', [{ op: 'remove', path: '/0' }])).toBe('{"rules": [\n  {"id": "two"}\n]}\n');
  });

  it('writes aliases out where an edit would change what another stands for', () => {
    const text = '- id: one\n  conditions: &c\n    a: 1\n- id: two\n  conditions: *c\n';
    const patched = patchSource(text, 'yaml', [{ op: 'replace', path: '/1/conditions/a', value: 2 }]);
    expect(rulesIn(patched, 'yaml')).toEqual([
      { id: 'one', conditions: { a: 1 } },
      { id: 'two', conditions: { a: 2 } },
    ]);
    const first = patchSource(text, 'yaml', [{ op: 'replace', path: '/0/conditions/a', value: 2 }]);
    expect(rulesIn(first, 'yaml')).toEqual([
      { id: 'one', conditions: { a: 2 } },
      { id: 'two', conditions: { a: 1 } },
    ]);
  });

  it('ends lines as the text does', () => {
    const text = '- id: one\r\n  agent: x\r\n- id: two\r\n';
    expect(patchSource(text, 'yaml', [{ op: 'add', path: '/0/metadata', value: { a: 1 } }])).toBe(
      '- id: one\r\n  agent: x\r\n  metadata:\r\n    a: 1\r\n- id: two\r\n',
    );
  });

  it('keeps a byte order mark and the end of the file', () => {
    expect(patchSource('\uFEFF- id: one', 'yaml', [{ op: 'replace', path: '/0/id', value: 'two' }])).toBe(
      '\uFEFF- id: two\n',
    );
  });

  it.each<[string, PatchOperation]>([
    ['no such rule', { op: 'remove', path: '/7' }],
    ['no such key', { op: 'replace', path: '/0/nothing', value: 1 }],
    ['inside a string', { op: 'add', path: '/0/id/x', value: 1 }],
    ['below what is not there', { op: 'add', path: '/0/metadata/x', value: 1 }],
    ['the end of an array, removed', { op: 'remove', path: '/-' }],
    ['everything', { op: 'replace', path: '', value: [] }],
  ])('is refused when it does not fit: %s', (_name, operation) => {
    expect(() => patchSource('[{"id": "one"}]', 'json', [operation])).toThrow(/does not fit/);
    expect(() => patchSource('- id: one\n', 'yaml', [operation])).toThrow(/does not fit/);
  });

  it('edits 2,000 rules in one go', { timeout: 30_000 }, () => {
    const rules = Array.from({ length: 2000 }, (_, i) => ({
      id: `rule-${i}`,
      agent: '*',
      action: '*',
      effect: 'deny',
    }));
    const patch = rules.map((_, i): PatchOperation => ({ op: 'add', path: `/${i}/reason`, value: `because of ${i}` }));
    for (const [format, text] of [
      ['json', JSON.stringify({ rules }, null, 2)],
      ['yaml', stringify({ rules })],
    ] as const) {
      const start = performance.now();
      expect(rulesIn(patchSource(text, format, patch), format)).toEqual(applyPatch(rules, patch));
      expect(performance.now() - start).toBeLessThan(10_000);
    }
  });
});

describe('patches made for the same rules', () => {
  it('go together where each touches a rule of its own', () => {
    const rules = ['a', 'b', 'c', 'd'].map((id) => ({ id }));
    const { patch, waiting } = combinePatches([
      [{ op: 'remove', path: '/1' }],
      [{ op: 'replace', path: '/3/id', value: 'x' }],
      [{ op: 'add', path: '/1/reason', value: 'y' }],
      [
        { op: 'remove', path: '/0' },
        { op: 'remove', path: '/0' },
      ],
      [
        { op: 'replace', path: '/2/id', value: 'z' },
        { op: 'remove', path: '/3/id' },
      ],
    ]);
    expect(waiting).toEqual([2, 3, 4]);
    expect(applyPatch(rules, patch)).toEqual([{ id: 'a' }, { id: 'c' }, { id: 'x' }]);
  });

  it('leave the rest waiting where the first touches several', () => {
    const several: PatchOperation[] = [
      { op: 'remove', path: '/2' },
      { op: 'remove', path: '/0' },
    ];
    expect(combinePatches([several, [{ op: 'remove', path: '/1' }]])).toEqual({ patch: several, waiting: [1] });
  });
});
