import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

let nowMs = Date.parse('2026-03-01T12:00:00Z');
const clock = { now: () => new Date(nowMs) };
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server?.close());

const make = async (body: Record<string, unknown> = {}) =>
  (await server.call('createApiKey', { body: { name: 'triage', role: 'agent', ...body } })).body;

describe('a new key', () => {
  it('is shown once and kept as a hash', async () => {
    const { key, prefix, id } = await make();
    expect(key).toMatch(/^ps_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$/);
    expect(key.startsWith(`${prefix}_`)).toBe(true);
    const { rows } = await server.db.pool.query('select row_to_json(k)::text as text from api_key k where id = $1', [
      id,
    ]);
    expect(rows[0].text).not.toContain(key.slice(prefix.length + 1));
    const { body } = await server.call('listApiKeys');
    expect(JSON.stringify(body)).not.toContain(key.slice(prefix.length + 1));
    const audit = await server.call('listAudit');
    expect(audit.body.entries[0]).toMatchObject({ kind: 'api_key.created', subject: `api_key/${id}`, actor: 'admin' });
    expect(JSON.stringify(audit.body)).not.toContain(key.slice(prefix.length + 1));
  });

  it('speaks for its name, all agents and no end unless told otherwise', async () => {
    expect(await make({ name: 'ann' })).toMatchObject({ owner: 'ann', agents: ['*'], expires_at: null });
    expect(await make({ owner: 'ben', agents: ['inbox.*'], expires_in_days: 2 })).toMatchObject({
      owner: 'ben',
      agents: ['inbox.*'],
      expires_at: '2026-03-03T12:00:00.000Z',
    });
  });

  it('says who it is', async () => {
    const { key, id } = await make({ name: 'ann', role: 'viewer' });
    const { body } = await server.call('whoami', { token: key });
    expect(body).toEqual({
      workspace: 'default',
      owner: 'ann',
      role: 'viewer',
      key_id: id,
      member_id: null,
      session_id: null,
      agents: ['*'],
    });
  });

  it('notes when it was last used, at most once a minute', async () => {
    const { key, id } = await make();
    const lastUsed = async (): Promise<string | null | undefined> => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return (await server.call('listApiKeys', { query: { limit: 200 } })).body.api_keys.find((k) => k.id === id)
        ?.last_used_at;
    };
    expect(await lastUsed()).toBeNull();
    const first = new Date(nowMs).toISOString();
    await server.call('whoami', { token: key });
    expect(await lastUsed()).toBe(first);
    nowMs += 30_000;
    await server.call('whoami', { token: key });
    expect(await lastUsed()).toBe(first);
    nowMs += 31_000;
    await server.call('whoami', { token: key });
    expect(await lastUsed()).toBe(new Date(nowMs).toISOString());
  });

  it('is refused from the moment it expires', async () => {
    const { key } = await make({ expires_in_days: 1 });
    nowMs += 24 * 3600_000 - 1;
    expect((await server.call('whoami', { token: key })).status).toBe(200);
    nowMs += 1;
    const { status, problem, headers } = await server.call('whoami', { token: key });
    expect([status, problem.code, problem.detail]).toEqual([
      401,
      'unauthenticated',
      'this key has expired, ask an admin for a new one',
    ]);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  it('is refused from the answer to its revocation on', async () => {
    const { key, id } = await make();
    expect((await server.call('whoami', { token: key })).status).toBe(200);
    expect((await server.call('revokeApiKey', { params: { id } })).status).toBe(204);
    expect((await server.call('whoami', { token: key })).status).toBe(401);
    expect((await server.call('revokeApiKey', { params: { id } })).status).toBe(404);
    expect((await server.call('listApiKeys', { query: { limit: 200 } })).body.api_keys.map((k) => k.id)).not.toContain(
      id,
    );
  });
});

describe('a clock that is set back', () => {
  it('does not keep a key trusted until it catches up', async () => {
    const { key, id } = await make();
    expect((await server.call('whoami', { token: key })).status).toBe(200);
    nowMs -= 6 * 3600_000;
    // As if the word of the revocation had been lost.
    await server.db.pool.query('update api_key set revoked_at = now() where id = $1', [id]);
    expect((await server.call('whoami', { token: key })).status).toBe(401);
    nowMs += 6 * 3600_000;
  });
});

describe('a credential', () => {
  it.each([
    ['nothing', undefined],
    ['another scheme', 'Basic YWRtaW46YWRtaW4='],
    ['an empty token', 'Bearer '],
    ['a word', 'Bearer password'],
    ['two tokens', 'Bearer a b'],
    ['a key that was never made', `Bearer ps_00000000_${'A'.repeat(43)}`],
    ['a long text', `Bearer ${'x'.repeat(5000)}`],
  ])('that is %s is 401', async (_what, authorization) => {
    const response = await fetch(`${server.url}/policy/whoami`, { headers: authorization ? { authorization } : {} });
    expect([response.status, (await response.json()).code]).toEqual([401, 'unauthenticated']);
  });

  it('that shares the prefix of a key is 401', async () => {
    const { key, prefix } = await make();
    const last = key.at(-1) === 'A' ? 'B' : 'A';
    expect((await server.call('whoami', { token: `${key.slice(0, -1)}${last}` })).status).toBe(401);
    expect((await server.call('whoami', { token: `${prefix}_${'A'.repeat(43)}` })).status).toBe(401);
  });

  it('may come with any spelling of the scheme', async () => {
    const response = await fetch(`${server.url}/policy/whoami`, {
      headers: { authorization: `bearer  ${server.adminToken}` },
    });
    expect(response.status).toBe(200);
  });
});

describe('a workspace', () => {
  it('is selected by the admin token with X-Workspace', async () => {
    await server.db.pool.query("insert into workspace (name) values ('second')");
    const { body } = await server.call('whoami', { headers: { 'x-workspace': 'second' } });
    expect(body).toMatchObject({ workspace: 'second', owner: 'admin', role: 'admin', key_id: null });
  });

  it('that does not exist is 404', async () => {
    const { status, problem } = await server.call('whoami', { headers: { 'x-workspace': 'nowhere' } });
    expect([status, problem.detail]).toEqual([404, 'there is no workspace `nowhere`']);
  });

  it('cannot be chosen by a key that belongs to another', async () => {
    const { key } = await make();
    const { status } = await server.call('whoami', { token: key, headers: { 'x-workspace': 'second' } });
    expect(status).toBe(403);
    expect((await server.call('whoami', { token: key, headers: { 'x-workspace': 'default' } })).status).toBe(200);
  });
});
