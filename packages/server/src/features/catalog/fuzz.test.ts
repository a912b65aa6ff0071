import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict' });
});
afterAll(() => server?.close());

const keywords = [
  ...['type', 'enum', 'const', 'properties', 'required', 'additionalProperties', 'patternProperties', 'propertyNames'],
  ...['items', 'prefixItems', 'contains', 'minItems', 'uniqueItems', 'minimum', 'exclusiveMinimum', 'multipleOf'],
  ...['maxLength', 'pattern', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', '$ref', '$defs', 'dependencies'],
  ...['x-sensitive', 'unevaluatedProperties', '$dynamicRef', '__proto__', 'a'],
];
const words = [
  'object',
  'string',
  'array',
  'a',
  '#',
  '#/$defs/a',
  '^a+$',
  '(?=a)',
  '[',
  'https://example.com/a',
  '\u0000',
];
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>(...words, 0, 1, -1, 1.5, true, false, null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.array(fc.tuple(fc.constantFrom(...keywords), tie('any')), { maxLength: 5 }).map((entries) => {
      // As JSON: an own `__proto__`.
      return JSON.parse(`{${entries.map(([key, member]) => `${JSON.stringify(key)}:${JSON.stringify(member)}`)}}`);
    }),
  ),
})).any;
const tool = fc.oneof(
  value,
  fc.record({ name: fc.oneof(fc.constantFrom('a', 'b.c', 'x y', ''), value), inputSchema: value, annotations: value }),
);

describe('whatever is sent', () => {
  test('as a schema is kept or refused with a place, and what is kept decides', async () => {
    const outcomes = { kept: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(value, value, async (schema, context) => {
        const body = { context_schema: schema };
        const put = await server.call('putCatalogAction', { params: { action: 'fuzzed' }, body });
        expect([200, 422]).toContain(put.status);
        outcomes[put.status === 200 ? 'kept' : 'refused'] += 1;
        if (put.status === 422) {
          for (const { path } of put.problem.errors) expect(path).toMatch(/^\/context_schema/);
          return;
        }
        expect(JSON.stringify(put.body.context_schema)).toBe(JSON.stringify(schema));
        const request = { agent: 'inbox.triage', action: 'fuzzed', context: { a: context, __proto__x: context } };
        const asked = await server.call('evaluate', { body: request });
        expect([200, 422]).toContain(asked.status);
        if (asked.status !== 200) return;
        const record = await server.call('getDecision', { params: { id: asked.body.decision_id } });
        expect(record.body.overlays).toEqual(asked.body.overlays);
      }),
      { numRuns: 300, seed: 11 },
    );
    expect(outcomes.kept).toBeGreaterThan(20);
    expect(outcomes.refused).toBeGreaterThan(20);
  }, 60_000);

  test('as tools is kept or refused with a reason, one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(value, fc.array(tool, { maxLength: 6 })), async (tools) => {
        const { status, body } = await server.call('importCatalog', {
          body: { format: 'mcp', agent: 'fuzz.agent', tools },
        });
        expect(status).toBe(200);
        for (const { reason } of body.refused) expect(reason).not.toBe('');
      }),
      { numRuns: 200, seed: 12 },
    );
    expect((await server.call('getCatalog')).status).toBe(200);
  }, 60_000);
});
