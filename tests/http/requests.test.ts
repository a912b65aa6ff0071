import { allOperations } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

const admin = () => ({ authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' });
const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/policy/api-keys`, {
    method: 'POST',
    headers: { ...admin(), ...headers },
    body: body as BodyInit,
  });

describe('a body', () => {
  it('is refused with 422 naming every fault and its place', async () => {
    const { status, problem } = await server.call('createApiKey', { body: { nam: 'x', role: 'boss', agents: [] } });
    expect(status).toBe(422);
    expect(problem.code).toBe('validation_failed');
    expect(problem.errors).toEqual([
      { path: '/name', message: 'is missing' },
      { path: '/nam', message: 'is not known here; did you mean `name`?' },
      { path: '/role', message: 'must be one of `viewer`, `agent`, `author`, `approver`, `operator`, `admin`' },
      { path: '/agents', message: 'must have at least 1 entry' },
    ]);
  });

  it('is never coerced', async () => {
    const { problem } = await server.call('createApiKey', { body: { name: 7, role: 'agent', expires_in_days: '3' } });
    expect(problem.errors).toEqual([
      { path: '/name', message: 'must be a string' },
      { path: '/expires_in_days', message: 'must be an integer' },
    ]);
  });

  it.each([
    ['is no JSON', '{"name":', 400, 'bad_request'],
    ['is no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 400, 'bad_request'],
    ['is missing', '', 422, 'validation_failed'],
    ['is null', 'null', 422, 'validation_failed'],
    ['writes a key twice', '{"name":"a","role":"agent","name":"b"}', 422, 'validation_failed'],
    ['writes a key twice, once escaped', '{"name":"a","role":"agent","n\\u0061me":"b"}', 422, 'validation_failed'],
    ['holds a number that overflows', '{"name":"a","role":"agent","expires_in_days":1e999}', 422, 'validation_failed'],
    ['holds half a surrogate pair', '{"name":"\\ud800","role":"agent"}', 422, 'validation_failed'],
    ['is nested without end', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, 422, 'validation_failed'],
    ['has an unknown __proto__', '{"name":"a","role":"agent","__proto__":{"role":"admin"}}', 422, 'validation_failed'],
    ['has an unknown constructor', '{"name":"a","role":"agent","constructor":1}', 422, 'validation_failed'],
    ['is larger than the operation takes', JSON.stringify({ name: 'a'.repeat(1024 * 1024) }), 413, 'too_large'],
  ])('that %s is a problem', async (_what, body, status, code) => {
    const response = await post(body);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const problem = await response.json();
    expect([response.status, problem.code]).toEqual([status, code]);
    expect(problem.request_id).toBe(response.headers.get('x-request-id'));
  });

  it('that is too large is told how large one may be', async () => {
    const small = await (await post(JSON.stringify({ name: 'a'.repeat(1024 * 1024) }))).json();
    expect(small.detail).toBe('the body is larger than the 1 MiB this operation takes');
    const bundle = JSON.stringify({ version: '1.0.0', rules: [], notes: 'a'.repeat(16 * 1024 * 1024) });
    const large = await fetch(`${server.url}/policy/bundles`, { method: 'POST', headers: admin(), body: bundle });
    expect((await large.json()).detail).toBe('the body is larger than the 16 MiB this operation takes');
  });

  it('names the place of a duplicate key deep inside', async () => {
    const problem = await (await post('{"a":[1,{"b/c":{"x":"\\"}","y":1,"x":2}}]}')).json();
    expect(problem.errors).toEqual([{ path: '/a/1/b~1c/x', message: 'is written twice; each key may stand once' }]);
  });

  it.each([
    ['text/plain', {}],
    ['application/x-www-form-urlencoded', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
  ])('sent as %s with %o is 415', async (type, headers) => {
    const response = await post('{"name":"a","role":"agent"}', { 'content-type': type, ...headers });
    expect(response.status).toBe(415);
    expect((await response.json()).code).toBe('unsupported_media_type');
  });
});

describe('a query', () => {
  it('is turned into numbers, with defaults', async () => {
    const { body } = await server.call('listApiKeys', { query: { limit: 3 } });
    expect(body).toMatchObject({ limit: 3, offset: 0 });
  });

  it.each([
    ['limit=0', 'limit', 'must be 1 or more'],
    ['limit=many', 'limit', 'must be an integer'],
    ['limit=1&limit=2', 'limit', 'must be an integer'],
    ['limt=5', 'limt', 'is not known here; did you mean `limit`?'],
  ])('%s is refused in words', async (query, path, message) => {
    const response = await fetch(`${server.url}/policy/api-keys?${query}`, { headers: admin() });
    expect(response.status).toBe(422);
    expect((await response.json()).errors).toEqual([{ path, message }]);
  });

  const readers = allOperations.filter(({ method, query, path }) => method === 'GET' && query && !path.includes('{'));
  const parameters = readers.flatMap(({ path, query }) =>
    Object.keys((query as { properties: object }).properties).map((name) => [path, name] as const),
  );
  it.each(parameters)('of %s never breaks the server, whatever %s is', async (path, name) => {
    const odd = ['', '\u0000', 'a\u0000b', '-1', '0', '2147483648', '99999999999', '9007199254740993', '9'.repeat(20)];
    for (const value of [...odd, '1e308', 'NaN', "' or 1=1 --", '\ud83d\ude00', 'x'.repeat(3000)]) {
      const response = await fetch(`${server.url}${path}?${new URLSearchParams({ [name]: value })}`, {
        headers: admin(),
      });
      expect([200, 422], `${name}=${JSON.stringify(value)}`).toContain(response.status);
    }
  });

  it('with a thousand faults names the first twenty', async () => {
    const query = Array.from({ length: 1000 }, (_, index) => `x${index}=1`).join('&');
    const response = await fetch(`${server.url}/policy/api-keys?${query}`, { headers: admin() });
    expect([response.status, (await response.json()).errors.length]).toEqual([422, 20]);
  });

  it('is refused where none is expected, so that a misplaced option is not silently ignored', async () => {
    const response = await fetch(`${server.url}/policy/whoami?explain=true`, { headers: admin() });
    expect(response.status).toBe(422);
  });
});

describe('a path', () => {
  it('that is unknown is 404', async () => {
    const response = await fetch(`${server.url}/policy/nothing`);
    expect([response.status, (await response.json()).code]).toEqual([404, 'not_found']);
  });

  it('with another method is 405 and says which it takes', async () => {
    const response = await fetch(`${server.url}/policy/api-keys`, { method: 'PUT' });
    expect([response.status, (await response.json()).code]).toEqual([405, 'method_not_allowed']);
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST');
  });

  it('tells its methods on OPTIONS', async () => {
    const response = await fetch(`${server.url}/policy/api-keys/1`, { method: 'OPTIONS' });
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'DELETE, OPTIONS']);
  });

  it('answers HEAD like GET, without a body', async () => {
    const response = await fetch(`${server.url}/policy/whoami`, { method: 'HEAD', headers: admin() });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('that is badly encoded is 400', async () => {
    const response = await fetch(`${server.url}/policy/api-keys/%ff`, { method: 'DELETE', headers: admin() });
    expect([response.status, (await response.json()).code]).toEqual([400, 'bad_request']);
  });

  it('may end with a slash', async () => {
    expect((await fetch(`${server.url}/policy/api-keys/`, { headers: admin() })).status).toBe(200);
    const page = await fetch(`${server.url}/docs/`);
    expect([page.status, page.url]).toEqual([200, `${server.url}/docs`]);
    expect((await fetch(`${server.url}/docs/problems/`)).url).toBe(`${server.url}/docs/problems`);
    expect((await fetch(`${server.url}/policy/whoami/`, { method: 'POST' })).status).toBe(405);
  });

  it('with a parameter without end is 404', async () => {
    const response = await fetch(`${server.url}/policy/bundles/version/${'9'.repeat(300)}`, { headers: admin() });
    expect([response.status, (await response.json()).code]).toEqual([404, 'not_found']);
  });

  it('with an id that is no number is 422', async () => {
    const response = await fetch(`${server.url}/policy/api-keys/abc`, { method: 'DELETE', headers: admin() });
    expect([response.status, (await response.json()).errors]).toEqual([
      422,
      [{ path: 'id', message: 'must be an integer' }],
    ]);
  });
});
