import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from '../source-json.js';
import { readYaml } from '../source-yaml.js';
import { rewriteSource } from './rewrite-source.js';

const text = `# The rules of the mail agents.
version: 1.0.0 # raised by hand
notes: First

rules:
  # People look at new domains.
  - id: deny-new
    priority: 80 # above the rest
    conditions:
      "<days": 30
  # The rest is sorted.
  - id: allow-rest
    tags: [a, "b"]
`;

const valueIn = (source: string, format: 'json' | 'yaml' = 'yaml'): unknown => {
  const read = format === 'yaml' ? readYaml(source) : readJson(source);
  if (Array.isArray(read)) throw new Error(JSON.stringify(read));
  return read.value;
};
const changed = (change: (value: never) => unknown) => rewriteSource(text, 'yaml', change(valueIn(text) as never));

describe('a YAML text', () => {
  it('that says it already is answered as it is', () => {
    const odd = 'rules:   [ { id:   a } ]\n\n\n';
    expect(rewriteSource(odd, 'yaml', { rules: [{ id: 'a' }] })).toBe(odd);
  });

  it('keeps its comments where values change', () => {
    const written = changed(({ rules: [first, last], ...rest }: { rules: [object, object] }) => ({
      ...rest,
      version: '1.1.0',
      rules: [{ ...first, priority: 90, conditions: { '<days': 7 } }, last],
    }));
    expect(written).toBe(text.replace('1.0.0', '1.1.0').replace('80', '90').replace('30', '7'));
  });

  it('keeps the comment of a rule with the rule, wherever it goes', () => {
    const written = changed(({ rules: [first, last], ...rest }: { rules: [object, object] }) => ({
      ...rest,
      rules: [last, { id: 'new' }, first],
    }));
    expect(written).toMatch(
      /rules:\n {2}# The rest is sorted\.\n {2}- id: allow-rest\n {4}tags: \[a, "b"\]\n {2}- id: new\n/,
    );
    expect(written).toMatch(
      / {2}- id: new\n {2}# People look at new domains\.\n {2}- id: deny-new\n {4}priority: 80 # above/,
    );
  });

  it('loses the comment of what is taken away, and no other', () => {
    const written = changed(({ rules: [first], ...rest }: { rules: [object, object] }) => ({
      ...rest,
      rules: [first],
    }));
    expect(written).toBe(text.slice(0, text.indexOf('  # The rest')));
    const other = changed(({ rules: [, last], ...rest }: { rules: [object, object] }) => ({ ...rest, rules: [last] }));
    expect(other).not.toContain('People look');
    expect(other).toContain('# The rest is sorted.\n  - id: allow-rest\n');
  });

  it('has an alias written out where only one of its places changes', () => {
    const shared = 'a: &x { n: 1 } # one\nb: *x\n';
    const written = rewriteSource(shared, 'yaml', { a: { n: 2 }, b: { n: 1 } });
    expect(valueIn(written)).toEqual({ a: { n: 2 }, b: { n: 1 } });
    expect(written).toContain('# one');
    expect(rewriteSource(shared, 'yaml', { a: { n: 1 }, b: { n: 1 }, c: 3 })).toContain('b: *x');
  });

  it('keeps line ends and a byte order mark', () => {
    const windows = `\uFEFF${text.replaceAll('\n', '\r\n')}`;
    expect(rewriteSource(windows, 'yaml', { ...(valueIn(text) as object), version: '2.0.0' })).toBe(
      windows.replace('1.0.0', '2.0.0'),
    );
  });

  it('keeps lists that are not set in', () => {
    const flush = 'rules:\n- id: a # first\n- id: b\n';
    expect(rewriteSource(flush, 'yaml', { rules: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] })).toBe(`${flush}- id: c\n`);
  });
});

it('writes what is not there, or cannot be read, anew', () => {
  for (const broken of ['', 'a: [', 'a: 1\na: 2\n'])
    expect(rewriteSource(broken, 'yaml', { a: [1] })).toBe('a:\n  - 1\n');
  expect(rewriteSource('{', 'json', { a: 1 })).toBe('{\n  "a": 1\n}\n');
});

it('keeps the order of keys in JSON', () => {
  const written = rewriteSource('{"b": [{"z": 1, "id": "x"}], "a": 1}', 'json', { a: 2, b: [{ id: 'x', z: 1, n: 0 }] });
  expect(JSON.stringify(JSON.parse(written))).toBe('{"b":[{"z":1,"id":"x","n":0}],"a":2}');
});

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.oneof(
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
    fc.record({ id: fc.constantFrom('a', 'b', 'c'), n: tie('value') }),
  ),
})).object;
/** As JSON holds it: without -0, and with keys as plain members. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

it.each(['yaml', 'json'] as const)('reads as what was wanted, whatever it was before (%s)', (format) => {
  fc.assert(
    fc.property(json, json, (before, after) => {
      const written = rewriteSource(rewriteSource('', format, asJson(before)), format, asJson(after));
      expect(valueIn(written, format)).toEqual(asJson(after));
      expect(rewriteSource(written, format, asJson(after))).toBe(written);
    }),
    { numRuns: 300 },
  );
});
