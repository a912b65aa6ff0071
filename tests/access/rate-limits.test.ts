import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

let nowMs = Date.parse('2026-03-01T12:00:00Z');
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock: { now: () => new Date(nowMs) }, config: { requestsPerMinute: 3 } });
});
afterAll(() => server?.close());

const asks = async (token: string) => {
  const { status, headers } = await server.call('listBundles', { token });
  return [status, headers.get('ratelimit'), headers.get('retry-after')];
};

it('a key is told what is left to it, and waits for the next minute when that is nothing; others go on', async () => {
  const [busy, calm] = [await server.createKey('viewer'), await server.createKey('viewer')];
  expect(await asks(busy)).toEqual([200, '"requests";r=2;t=60', null]);
  nowMs += 20_000;
  expect(await asks(busy)).toEqual([200, '"requests";r=1;t=40', null]);
  // What is refused counts as well: guessing what one may is a request.
  const refused = await server.call('createApiKey', { token: busy, body: { name: 'x', role: 'admin' } });
  expect([refused.status, refused.headers.get('ratelimit')]).toEqual([403, '"requests";r=0;t=40']);
  expect(refused.headers.get('ratelimit-policy')).toBe('"requests";q=3;w=60');
  expect(await asks(busy)).toEqual([429, '"requests";r=0;t=40', '40']);
  expect((await server.call('listBundles', { token: busy })).problem).toMatchObject({
    code: 'rate_limited',
    detail: expect.stringContaining('go on in 40 s'),
  });
  expect((await asks(calm))[0]).toBe(200);
  nowMs += 40_000;
  expect(await asks(busy)).toEqual([200, '"requests";r=2;t=60', null]);
});

it('a browser shares what its key has', async () => {
  const token = await server.createKey('viewer');
  const session = await server.call('signIn', { token: null, body: { token } });
  const cookie = session.headers.get('set-cookie')?.split(';')[0] ?? '';
  await asks(token);
  const { headers } = await server.call('listBundles', { token: null, headers: { cookie } });
  expect(headers.get('ratelimit')).toBe('"requests";r=1;t=60');
});

it('decisions are not counted, nor is who runs the server', async () => {
  const agent = await server.createKey('agent');
  for (let asked = 0; asked < 6; asked += 1) {
    const { status, headers } = await server.call('evaluate', {
      token: agent,
      body: { agent: 'a', action: 'b', context: {} },
    });
    expect([status, headers.get('ratelimit')]).toEqual([200, null]);
    expect((await asks(server.adminToken))[0]).toBe(200);
  }
});
