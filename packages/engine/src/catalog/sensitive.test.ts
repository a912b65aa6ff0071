import { describe, expect, it } from 'vitest';
import { parseContextSchema } from './schema.js';
import { redact, redactedValue, sensitivePaths } from './sensitive.js';

const secret = { 'x-sensitive': true };
function pathsOf(schema: unknown): string[][] {
  const parsed = parseContextSchema(schema);
  if (Array.isArray(parsed)) throw new Error(parsed[0]?.message);
  return sensitivePaths(parsed);
}

describe('the sensitive paths of a schema', () => {
  it.each([
    [{ properties: { a: { type: 'string' } } }, []],
    [{ properties: { a: secret, b: { properties: { c: secret } } } }, [['a'], ['b', 'c']]],
    [{ properties: { a: { ...secret, properties: { b: secret } } } }, [['a']]],
    [{ properties: { a: { items: { properties: { b: secret } } } } }, [['a', '*', 'b']]],
    [{ properties: { a: { items: [{}, secret] } } }, [['a', '*']]],
    [{ properties: { a: { contains: secret } } }, [['a', '*']]],
    [{ additionalProperties: secret }, [['*']]],
    [{ patternProperties: { '^s_': secret } }, [['*']]],
    [{ allOf: [{ properties: { a: secret } }] }, [['a']]],
    [{ anyOf: [{ properties: { a: {} } }, { properties: { b: secret } }] }, [['b']]],
    [{ if: { properties: { a: {} } }, else: { properties: { b: secret } } }, [['b']]],
    [{ dependentSchemas: { a: { properties: { b: secret } } } }, [['b']]],
    [{ properties: { a: { $ref: '#/$defs/key' } }, $defs: { key: secret } }, [['a']]],
    [secret, [[]]],
  ])('of %o', (schema, paths) => {
    expect(pathsOf(schema)).toEqual(paths);
  });

  it('reach as deep as a context can, through a schema that holds itself', () => {
    const schema = {
      $ref: '#/$defs/node',
      $defs: { node: { properties: { key: secret, next: { $ref: '#/$defs/node' } } } },
    };
    let context: Record<string, unknown> = { key: 'k' };
    for (let depth = 1; depth < 31; depth += 1) context = { key: 'k', next: context };
    const { context: left } = redact(context, pathsOf(schema));
    expect(JSON.stringify(left)).not.toContain('"k"');
  });

  it('are all fields where they are too many to list', () => {
    const node = { properties: { key: secret, left: { $ref: '#/$defs/node' }, right: { $ref: '#/$defs/node' } } };
    expect(pathsOf({ $ref: '#/$defs/node', $defs: { node } })).toEqual([['*']]);
  });

  it('are none of a schema without any, however it holds itself', () => {
    const node = { properties: { left: { $ref: '#/$defs/node' }, right: { $ref: '#/$defs/node' } } };
    expect(pathsOf({ $ref: '#/$defs/node', $defs: { node } })).toEqual([]);
  });
});

describe('redaction', () => {
  it('replaces values at their places, and leaves the context given as it is', () => {
    const context = { a: 1, b: { c: [2], d: 3 }, e: null };
    const frozen = structuredClone(context);
    const { context: left, redacted } = redact(context, [['a'], ['b', 'c'], ['e'], ['f']]);
    expect(left).toEqual({ a: redactedValue, b: { c: redactedValue, d: 3 }, e: null });
    expect(redacted).toEqual(['a', 'b.c']);
    expect(context).toEqual(frozen);
  });

  it('goes through arrays and all fields by `*`', () => {
    const { context, redacted } = redact({ to: [{ x: 1, y: 2 }, 'text'], m: { p: 1, q: 2 } }, [
      ['to', '*', 'x'],
      ['m', '*'],
    ]);
    expect(context).toEqual({ to: [{ x: redactedValue, y: 2 }, 'text'], m: { p: redactedValue, q: redactedValue } });
    expect(redacted).toEqual(['to.0.x', 'm.p', 'm.q']);
  });

  it('is the same object where nothing is replaced', () => {
    const context = { a: { b: 1 } };
    expect(redact(context, [['a', 'c'], ['b']]).context).toBe(context);
  });

  it('keeps fields of any name', () => {
    const context = JSON.parse('{"__proto__": {"key": 1}, "a": 2}');
    expect(JSON.stringify(redact(context, [['__proto__', 'key']]).context)).toBe(
      '{"__proto__":{"key":"[redacted]"},"a":2}',
    );
  });

  it.each([
    [{ to: 'text' }, { to: redactedValue }],
    [{ to: [['x']] }, { to: [redactedValue] }],
    [{ to: { address: 'x' } }, { to: { address: redactedValue } }],
    [{ to: [{ address: 'x', name: 'n' }] }, { to: [{ address: redactedValue, name: 'n' }] }],
  ])('takes another shape for the value itself when strict: %o', (context, left) => {
    expect(redact(context, [['to', '*', 'address']], { strict: true }).context).toEqual(left);
  });
});
