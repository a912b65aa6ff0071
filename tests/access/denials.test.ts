import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eraseWorkspaces } from '../../packages/server/src/features/workspaces/erase.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

let nowMs = Date.parse('2026-03-01T12:00:00Z');
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock: { now: () => new Date(nowMs) } });
});
afterAll(() => server?.close());

/** What the job of every second does. */
const write = (on = server) => on.services.denials.write(new Date(nowMs));
const entriesOf = async (actor: string) =>
  (await server.call('listAudit', { query: { limit: 200 } })).body.entries.filter(
    (entry) => entry.kind === 'access.denied' && entry.actor === actor,
  );

describe('a known caller who is refused', () => {
  it('is on the audit trail with what was tried, and where from', async () => {
    const token = await server.createKey('viewer', { name: 'curious' });
    const { key_id: id } = (await server.call('whoami', { token })).body;
    await server.call('createApiKey', { token, body: { name: 'x', role: 'admin' } });
    await write();
    expect(await entriesOf('curious')).toEqual([
      expect.objectContaining({
        subject: `api_key/${id}`,
        data: {
          attempts: { 'createApiKey: forbidden': 1 },
          total: 1,
          since: new Date(nowMs).toISOString(),
          address: '127.0.0.1',
        },
      }),
    ]);
  });

  it('has one entry a minute, in which everything is counted', async () => {
    const token = await server.createKey('viewer', { name: 'busy' });
    const attempt = () => server.call('listApiKeys', { token });
    await attempt();
    await write();
    for (let count = 0; count < 30; count += 1) {
      await attempt();
      if (count % 3 === 0) await server.call('deleteBundle', { token, params: { id: 1 } });
      await write();
    }
    expect(await entriesOf('busy')).toHaveLength(1);
    nowMs += 60_000;
    await write();
    const [newest] = await entriesOf('busy');
    expect(newest?.data).toMatchObject({
      attempts: { 'listApiKeys: forbidden': 30, 'deleteBundle: forbidden': 10 },
      total: 40,
    });
    nowMs += 60_000;
    await write();
    expect(await entriesOf('busy')).toHaveLength(2);
  });

  it.each([
    [
      'an agent that speaks for another, alone and in a batch',
      'evaluate: agent_not_permitted',
      async (token: string) => {
        const body = { agent: 'other.agent', action: 'a', context: {} };
        await server.call('evaluate', { token, body });
        await server.call('evaluateBatch', { token, body: { requests: [body, body] } });
      },
      { 'evaluate: agent_not_permitted': 1, 'evaluateBatch: agent_not_permitted': 2 },
    ],
    [
      'one that selects another workspace',
      'workspace',
      (token: string) => server.call('whoami', { token, headers: { 'x-workspace': 'elsewhere' } }),
      { 'select another workspace: forbidden': 1 },
    ],
    [
      'one whose key was revoked',
      'revoked',
      async (token: string) => {
        const { key_id: id } = (await server.call('whoami', { token })).body;
        await server.call('revokeApiKey', { params: { id: id as number } });
        for (let count = 0; count < 3; count += 1) expect((await server.call('whoami', { token })).status).toBe(401);
      },
      { 'use a key that has ended: key_revoked': 3 },
    ],
    [
      'one whose key has expired',
      'expired',
      async (token: string) => {
        await server.db.pool.query("update api_key set expires_at = '2020-01-01' where name = 'expired'");
        expect((await server.call('whoami', { token })).status).toBe(401);
      },
      { 'use a key that has ended: key_expired': 1 },
    ],
  ])('is, when it is %s', async (_what, name, attempt, attempts) => {
    const token = await server.createKey('agent', { name, agents: ['own.*'] });
    await attempt(token);
    await write();
    expect((await entriesOf(name)).map(({ data }) => data)).toEqual([expect.objectContaining({ attempts })]);
  });

  it('is not, when what was asked for is merely wrong', async () => {
    const token = await server.createKey('author', { name: 'clumsy' });
    await server.call('getBundle', { token, params: { id: 2_000_000 } });
    await server.call('createBundle', { token, body: {} });
    await write();
    expect(await entriesOf('clumsy')).toEqual([]);
  });

  it('does not fill the trail when it is nobody', async () => {
    const before = (await server.call('listAudit', { query: { limit: 200 } })).body.entries.length;
    for (let count = 0; count < 5; count += 1) await server.call('whoami', { token: `guess-${count}` });
    await write();
    expect((await server.call('listAudit', { query: { limit: 200 } })).body.entries).toHaveLength(before);
  });

  it('keeps nobody else’s off the trail when the workspace is deleted before it is written', async () => {
    await server.call('createWorkspace', { body: { name: 'brief' } });
    const headers = { 'x-workspace': 'brief' };
    const gone = (await server.call('createApiKey', { headers, body: { name: 'gone', role: 'viewer' } })).body.key;
    await server.call('listApiKeys', { token: gone });
    const grace = { confirm: 'brief', reason: 'it was for this test', grace_days: 1 };
    await server.call('askDeletion', { params: { name: 'brief' }, body: grace });
    expect(await eraseWorkspaces(server.services, new Date(nowMs + 48 * 3600_000))).toBe(1);
    const token = await server.createKey('viewer', { name: 'after' });
    await server.call('listApiKeys', { token });
    await write();
    expect(await entriesOf('after')).toHaveLength(1);
  });

  it('is written down when the server stops', async () => {
    const brief = await startTestServer({ db: server.db, clock: { now: () => new Date(nowMs) } });
    const token = await server.createKey('viewer', { name: 'last' });
    await brief.call('listApiKeys', { token });
    await write(brief);
    await brief.call('listApiKeys', { token });
    await brief.close();
    expect((await entriesOf('last')).map(({ data }) => data.total)).toEqual([1, 1]);
  });
});
