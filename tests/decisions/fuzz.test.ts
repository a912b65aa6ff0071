import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putInForce } from '../../packages/server/src/features/decisions/in-force.testkit.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await putInForce(server, {
    rules: [
      {
        id: 'any-text',
        agent: '*',
        action: '*',
        effect: 'deny',
        conditions: { 'a matches': '(x+)+y', 'b contains': 'x' },
      },
      {
        id: 'any-host',
        agent: '*',
        action: '*',
        effect: 'allow',
        conditions: { any: [{ 'a domain_in': ['x.org'] }, { '>b': 3 }] },
        budget: { cost: 0.01 },
      },
      {
        id: 'any-fact',
        agent: '*',
        action: '*',
        effect: 'allow',
        conditions: { '<calls_last_hour': 3, 'session_spend exists': true },
      },
    ],
    settings: { cost_budget_24h: 0.5 },
  });
});
afterAll(() => server.close());

const runs = process.env.FULL === '1' ? 5_000 : 400;
const key = fc.oneof(
  fc.constantFrom('a', 'b', '__proto__', 'constructor', 'now', 'toString', ''),
  fc.string({ unit: 'binary' }),
);
const value = fc.letrec((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.double(),
    fc.constantFrom(
      1e308,
      -0,
      1e-320,
      Number.MAX_SAFE_INTEGER + 2,
      true,
      false,
      null,
      '\u0000',
      '2026-02-30T25:00:00Z',
    ),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('json')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
})).json;
const mostly = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: value });
const request = fc.record(
  {
    agent: mostly(fc.constantFrom('a', 'a.b', 'x'.repeat(128), 'x'.repeat(129), '')),
    action: mostly(fc.constantFrom('b', 'b/c:d')),
    context: mostly(fc.array(fc.tuple(key, value), { maxLength: 6 }).map((entries) => Object.fromEntries(entries))),
    session: mostly(fc.string({ minLength: 1, maxLength: 20, unit: 'binary' })),
    request_id: mostly(
      fc.oneof(fc.constantFrom('r1', 'r2', "'; drop table decision; --"), fc.string({ unit: 'binary' })),
    ),
    explain: mostly(fc.boolean()),
    extra: value,
  },
  { requiredKeys: [] },
);

/** JSON of whatever was made up; lone surrogates and all. */
const send = async (path: string, body: string | Buffer): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  return { status: response.status, body: await response.json() };
};
const expected = [200, 400, 409, 413, 422];

describe('whatever is sent', { timeout: 300_000 }, () => {
  it('to evaluate is answered or refused, never broken by', async () => {
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(mostly(request), async (body) => {
        const answer = await send('/policy/evaluate', JSON.stringify(body) ?? 'null');
        statuses.add(answer.status);
        expect(expected).toContain(answer.status);
      }),
      { numRuns: runs },
    );
    expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 422]));
  });

  it('in a batch is answered in its place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mostly(request), { minLength: 1, maxLength: 30 }), async (requests) => {
        const { status, body } = await send('/policy/evaluate/batch', JSON.stringify({ requests }));
        // Text that is no Unicode, and numbers beyond a double, condemn the whole body.
        if (status === 422 || status === 400) return;
        expect(status).toBe(200);
        const { decisions } = body as { decisions: ({ decision_id: string } | { error: { status: number } })[] };
        expect(decisions).toHaveLength(requests.length);
        for (const item of decisions) if ('error' in item) expect([409, 422]).toContain(item.error.status);
      }),
      { numRuns: runs / 4 },
    );
  });

  it('as bytes is refused as such', async () => {
    const good = JSON.stringify({ agent: 'a', action: 'b', context: { a: [1, { b: 'é' }] } });
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: good.length }),
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
        async (at, bytes) => {
          const body = Buffer.concat([
            Buffer.from(good.slice(0, at)),
            Buffer.from(bytes),
            Buffer.from(good.slice(at + 1)),
          ]);
          expect(expected).toContain((await send('/policy/evaluate', body)).status);
        },
      ),
      { numRuns: runs / 2 },
    );
  });

  it.each([
    ['numbers beyond a double', '{"agent":"a","action":"b","context":{"a":1e999}}'],
    ['a deep context', `{"agent":"a","action":"b","context":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`],
    ['a deep list', `{"agent":"a","action":"b","context":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`],
    ['a key twice', '{"agent":"a","agent":"b","action":"b","context":{}}'],
    ['a lone surrogate', '{"agent":"a","action":"b","context":{},"session":"\\ud800"}'],
    ['a null character in the session', '{"agent":"a","action":"b","context":{},"session":"a\\u0000"}'],
  ])('%s are refused', async (_, body) => {
    const { status } = await send('/policy/evaluate', body);
    expect([400, 422]).toContain(status);
  });
});
