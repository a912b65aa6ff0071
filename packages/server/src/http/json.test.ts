import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonFault, parseJson } from './json.js';

const parse = (text: string) => parseJson(Buffer.from(text)) as { value: unknown } & JsonFault;
const wellFormed = (value: unknown): boolean => Buffer.from(JSON.stringify(value)).toString() === JSON.stringify(value);

/** JSON text of `value` with white space and escapes where the grammar allows them. */
function spelled(value: unknown, next: () => number): string {
  const space = () => [' ', '\n', '\t', '\r', ''][next() % 5];
  const text = (string: string) =>
    `"${[...JSON.stringify(string).slice(1, -1)]
      .map((character) => (character === 'a' && next() % 2 ? '\\u0061' : character))
      .join('')}"`;
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map((item) => `${space()}${spelled(item, next)}${space()}`).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, item]) => `${space()}${text(key)}${space()}:${spelled(item, next)}`,
    );
    return `{${members.join(',')}${space()}}`;
  }
  return JSON.stringify(value);
}

describe('parseJson', () => {
  it('reads all JSON that has no double meaning as JSON.parse does, however it is spelled', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.infiniteStream(fc.nat()), (value, stream) => {
        fc.pre(wellFormed(value));
        const text = spelled(value, () => stream.next().value);
        expect(parse(text)).toEqual({ value: JSON.parse(text), text });
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds a key that is written twice wherever it stands, and says where', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom('a', 'b"', '~/', '{', '\\'), fc.nat(3)), { maxLength: 10 }),
        fc.dictionary(fc.string(), fc.string()),
        fc.string(),
        (path, beside, key) => {
          fc.pre(wellFormed([beside, key]) && !(key in beside));
          const name = JSON.stringify(key);
          const others = Object.entries(beside).map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`);
          let text = `{${[...others, `${name}:{"${key === 'x' ? 'y' : 'x'}":1}`, `${name} :2`].join(',')}}`;
          for (const step of [...path].reverse()) {
            text =
              typeof step === 'number'
                ? `[${'"},{", '.repeat(step)}${text},0]`
                : `{"before":[1,{"x":2}],${JSON.stringify(step)}:${text}}`;
          }
          const pointer = [...path, key]
            .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
            .join('');
          expect(parse(text)).toEqual({
            kind: 'refused',
            path: pointer,
            message: 'is written twice; each key may stand once',
          });
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['[1, {"a": 1e999}]', '/1/a', 'is a number beyond what can be kept'],
    ['{"a": [-1e400]}', '/a/0', 'is a number beyond what can be kept'],
    ['{"a": {"\\udc00": 1}}', '/a/\udc00', 'is not valid Unicode'],
    ['["ok", "\\ud800"]', '/1', 'is not valid Unicode'],
  ])('refuses %s', (text, path, message) => {
    expect(parse(text)).toEqual({ kind: 'refused', path, message });
  });

  it('keeps prototype names as keys like any other', () => {
    const { value } = parse('{"__proto__": {"admin": true}, "constructor": 1}');
    expect(Object.entries(value as object)).toEqual([
      ['__proto__', { admin: true }],
      ['constructor', 1],
    ]);
    expect((value as { admin?: boolean }).admin).toBeUndefined();
  });

  it('takes 64 levels and no more', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(parse(nested(64))).toHaveProperty('value');
    expect(parse(nested(65))).toMatchObject({ kind: 'refused', message: 'is nested deeper than 64 levels' });
    expect(parse(nested(1_000_000))).toMatchObject({ kind: 'refused' });
  });
});

describe('a body that would cost more to read than to send', () => {
  const mebi = 1024 * 1024;
  const soon = (text: string): JsonFault => {
    const bytes = Buffer.from(text);
    const started = performance.now();
    const fault = parse(text);
    // Parsed, the worst of them take seconds and half a gigabyte.
    expect(performance.now() - started, `${bytes.length} bytes`).toBeLessThan(1_500);
    return fault;
  };

  it.each([
    ['arrays', `${'['.repeat(8 * mebi)}${']'.repeat(8 * mebi)}`],
    ['arrays that do not end', '['.repeat(16 * mebi)],
    ['objects', `${'{"a":'.repeat(2 * mebi)}1${'}'.repeat(2 * mebi)}`],
  ])('is refused before it is parsed: nested %s', (_, text) => {
    expect(soon(text)).toEqual({ kind: 'refused', path: '', message: 'is nested deeper than 64 levels' });
  });

  it('is refused before it is parsed: millions of objects', () => {
    expect(soon(`[${'{},'.repeat(5 * mebi)}{}]`)).toEqual({
      kind: 'refused',
      path: '',
      message: 'has more than 2000000 values',
    });
  });

  it('is told from one whose text only looks deep', () => {
    const text = JSON.stringify({ a: '[{'.repeat(1_000), b: '"\\,:'.repeat(1_000) });
    expect(parse(text)).toEqual({ value: JSON.parse(text), text });
    const deep = `${'['.repeat(64)}1${']'.repeat(64)}`;
    expect(parse(deep)).toMatchObject({ text: deep });
    expect(parse(`[${deep}]`)).toMatchObject({ kind: 'refused' });
  });
});
