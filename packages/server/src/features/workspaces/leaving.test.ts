import { createPublicKey, verify } from 'node:crypto';
import { type AuditCheckpoint, checkpointText, type WorkspaceExport } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { rule } from '../bundles/bundles.testkit.js';
import { eraseWorkspaces } from './erase.js';
import { exportedTables, keptTables } from './export.js';

let server: TestServer;
const dayMs = 24 * 3_600_000;
const at = (workspace: string) => ({ headers: { 'x-workspace': workspace } });

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

/** A workspace with one of most things in it; returns a key of it and what must never leave. */
async function fill(name: string, decisions = 3): Promise<{ id: number; key: string; secrets: string[] }> {
  const { body: made } = await server.call('createWorkspace', { body: { name } });
  const headers = at(name);
  await server.call('putSettings', { ...headers, body: { catalog: 'open' } });
  await server.call('putList', { ...headers, params: { name: 'vips' }, body: { values: [`vip-of-${name}`] } });
  await server.call('putCatalogAgent', { ...headers, params: { agent: 'inbox.triage' }, body: { description: name } });
  const bundle = await server.call('createBundle', { ...headers, body: { version: '1.0.0', rules: [rule('one')] } });
  const asked = await server.call('createApproval', {
    ...headers,
    body: { kind: 'activation', bundle_id: bundle.body.id, initial_pct: 100, justification: 'of the test' },
  });
  await server.call('approve', { ...headers, params: { id: asked.body.id }, body: {} });
  await server.call('activateBundle', {
    ...headers,
    params: { id: bundle.body.id },
    body: { approval_id: asked.body.id, canary_pct: 100 },
  });
  await server.call('createIncident', { ...headers, body: { severity: 'low', summary: `of ${name}` } });
  await server.call('createChannel', {
    ...headers,
    body: { name: 'hook', kind: 'webhook', url: `https://hooks.example/secret-of-${name}`, topics: ['audit'] },
  });
  const { body: agent } = await server.call('createApiKey', { ...headers, body: { name: 'agent', role: 'agent' } });
  const requests = Array.from({ length: decisions }, (_, turn) => ({
    agent: 'inbox.triage',
    action: 'quarantine',
    context: { of: name },
    request_id: `${name}-${turn}`,
  }));
  await server.call('evaluateBatch', { token: agent.key, body: { requests } });
  const { rows } = await server.db.pool.query<{ hash: string; sealed: string }>(
    `select encode(hash, 'hex') as hash, (select sealed from channel where workspace_id = $1) as sealed
       from api_key where workspace_id = $1`,
    [made.id],
  );
  const stored = rows.flatMap(({ hash, sealed }) => [hash, sealed]);
  return { id: made.id, key: agent.key, secrets: [agent.key, `secret-of-${name}`, ...stored] };
}

async function exported(name: string): Promise<{ items: WorkspaceExport['items']; pages: number }> {
  const items: WorkspaceExport['items'] = [];
  let after: string | null = null;
  for (let pages = 1; ; pages += 1) {
    const answer = await server.call('exportWorkspace', {
      params: { name },
      query: after === null ? {} : { after },
    });
    const body: WorkspaceExport = answer.body;
    expect([answer.status, body.workspace]).toEqual([200, name]);
    items.push(...body.items);
    after = body.next;
    if (after === null) return { items, pages };
  }
}

/** Rows of each table of a workspace that is not empty. */
async function counts(workspaceId: number): Promise<Record<string, number>> {
  const { rows: tables } = await server.db.pool.query<{ name: string }>(
    `select c.relname::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  );
  const found: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await server.db.pool.query<{ count: number }>(
      `select count(*) as count from ${name} where workspace_id = $1`,
      [workspaceId],
    );
    if (rows[0]?.count) found[name] = rows[0].count;
  }
  return found;
}

describe('an export', () => {
  it('knows of every table whether it leaves', async () => {
    const { rows } = await server.db.pool.query<{ name: string; columns: string[] }>(
      `select c.relname::text as name, array(
          select attname::text || ' ' || format_type(atttypid, null) from pg_attribute
           where attrelid = c.oid and attnum > 0 and not attisdropped) as columns
         from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not c.relispartition and c.relrowsecurity order by 1`,
    );
    const names = rows.map(({ name }) => name);
    expect([...Object.keys(exportedTables), ...Object.keys(keptTables)].sort()).toEqual(names);
    // What is stored as bytes or named like a secret needs a second look before it leaves.
    const doubtful = rows
      .filter(({ name }) => name in exportedTables)
      .flatMap(({ name, columns }) =>
        columns
          .filter((column) => / bytea$|^(hash|sealed|nonce|secret|token|password)\b|_(hash|token|secret) /.test(column))
          .map((column) => `${name}.${column.split(' ')[0]}`),
      )
      .filter((column) => !exportedTables[column.split('.')[0] ?? '']?.includes(column.split('.')[1] ?? ''));
    // The chain of the audit trail: to be checked by whoever has the export.
    expect(doubtful.sort()).toEqual(['event.hash', 'workspace.event_hash']);
  });

  it('has everything of the workspace once, nothing of another and no secret', async () => {
    const { id, secrets } = await fill('leaving', 620);
    const foreign = await fill('staying');
    const { items, pages } = await exported('leaving');
    expect(pages).toBeGreaterThan(1);
    const { workspace: _self, ...perTable } = Object.fromEntries(
      [...new Set(items.map(({ table }) => table))].map((name) => [
        name,
        items.filter(({ table }) => table === name).length,
      ]),
    );
    const there = Object.fromEntries(Object.entries(await counts(id)).filter(([table]) => table in exportedTables));
    expect(perTable).toEqual(there);
    expect(perTable.decision).toBe(620);
    expect(new Set(items.map((item) => JSON.stringify(item))).size).toBe(items.length);
    for (const { table, row } of items) expect(table === 'workspace' ? row.id : row.workspace_id).toBe(id);
    const text = JSON.stringify(items);
    expect(text).toContain('vip-of-leaving');
    for (const secret of [...secrets, ...foreign.secrets, 'vip-of-staying']) expect(text).not.toContain(secret);
  });

  it.each([
    'x',
    'WyJub3doZXJlIl0',
    'WyJkZWNpc2lvbiIsIjEiLCJub3QgYW4gaWQiXQ',
    'WyJidW5kbGUiLCI5OTk5OTk5OTk5OTkiXQ',
    'WyJidW5kbGUiLCIxIiwiMiJd',
    'WzFd',
  ])('refuses to begin at %s', async (after) => {
    const answer = await server.call('exportWorkspace', { params: { name: 'default' }, query: { after } });
    expect([answer.status, answer.problem.code]).toEqual([422, 'validation_failed']);
  });
});

describe('a workspace whose deletion was asked for', () => {
  const ask = (name: string, rest: object = {}) =>
    server.call('askDeletion', { params: { name }, body: { confirm: name, reason: 'the team is gone', ...rest } });
  const inDays = (days: number) => new Date(Date.now() + days * dayMs);

  it('is archived, waits for its days, and stays when that is withdrawn', async () => {
    const { id, key } = await fill('regretted');
    expect((await ask('regretted', { confirm: 'regreted' })).problem.detail).toMatch(/repeat that name/);
    const asked = await ask('regretted', { grace_days: 3 });
    expect(asked.body).toMatchObject({ status: 'deleting', deletion: { by: 'admin', reason: 'the team is gone' } });
    expect(new Date(asked.body.deletion?.delete_at ?? 0).getTime()).toBeCloseTo(inDays(3).getTime(), -4);
    const question = { agent: 'inbox.triage', action: 'quarantine', context: {} };
    expect((await server.call('evaluate', { token: key, body: question })).problem.code).toBe('workspace_archived');
    expect((await ask('regretted')).problem.code).toBe('workspace_status');
    expect((await server.call('restoreWorkspace', { params: { name: 'regretted' } })).problem.code).toBe(
      'workspace_status',
    );
    const before = await counts(id);
    expect(await eraseWorkspaces(server.services, inDays(2.9))).toBe(0);
    expect(await counts(id)).toEqual(before);
    const kept = await server.call('withdrawDeletion', { params: { name: 'regretted' } });
    expect(kept.body).toMatchObject({ status: 'archived', deletion: null });
    expect(await eraseWorkspaces(server.services, inDays(100))).toBe(0);
    await server.call('restoreWorkspace', { params: { name: 'regretted' } });
    expect((await server.call('evaluate', { token: key, body: question })).status).toBe(200);
    expect((await server.call('withdrawDeletion', { params: { name: 'regretted' } })).problem.code).toBe(
      'workspace_status',
    );
  });

  it('is gone when they are over, with everything in it and nothing else, and leaves a signed stub', async () => {
    const { id, key } = await fill('doomed', 20);
    const other = await fill('neighbour');
    const neighbour = await counts(other.id);
    const { body: trail } = await server.call('listAudit', { ...at('doomed'), query: { limit: 1 } });
    await ask('doomed', { grace_days: 1 });
    const rows = Object.values(await counts(id)).reduce((sum, count) => sum + count, 0);
    // Two servers may come to it at once.
    const gone = await Promise.all([
      eraseWorkspaces(server.services, inDays(1.1)),
      eraseWorkspaces(server.services, inDays(1.1)),
    ]);
    expect(gone.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await counts(id)).toEqual({});
    expect(await counts(other.id)).toEqual(neighbour);
    expect((await server.call('getWorkspace', { params: { name: 'doomed' } })).status).toBe(404);
    const { body: stubs } = await server.call('listDeletedWorkspaces');
    const [stub] = stubs.workspaces;
    expect(stub).toMatchObject({ id, name: 'doomed', asked_by: 'admin', reason: 'the team is gone' });
    expect(stub?.rows).toBeGreaterThanOrEqual(rows);
    // The trail went on by what asked for the deletion; its end is what was signed.
    expect(stub?.checkpoint?.seq).toBe((trail.entries[0]?.seq ?? 0) + 1);
    expect(isSigned(stub?.checkpoint as AuditCheckpoint)).toBe(true);
    expect(isSigned({ ...(stub?.checkpoint as AuditCheckpoint), count: 1 })).toBe(false);
    // A key of it is nobody's, whenever it was used last; the name is free.
    const fresh = await startTestServer({ db: server.db });
    const answer = await fresh.call('whoami', { token: key });
    await fresh.close();
    expect(answer.status).toBe(401);
    expect((await server.call('createWorkspace', { body: { name: 'doomed' } })).status).toBe(201);
  });

  it('lets nobody in from the moment its days are over, though there is much to delete', async () => {
    await fill('closing');
    await ask('closing', { grace_days: 1 });
    await server.db.pool.query("update workspace set archived_at = now() where name = 'closing'");
    expect((await server.call('withdrawDeletion', { params: { name: 'closing' } })).status).toBe(404);
    expect((await server.call('createWorkspace', { body: { name: 'closing' } })).problem.code).toBe('name_taken');
    const { body } = await server.call('listWorkspaces', { query: { limit: 200 } });
    expect(body.workspaces.map(({ name }) => name)).not.toContain('closing');
    expect(await eraseWorkspaces(server.services, new Date())).toBe(1);
  });

  it('takes nothing more from a key that was used a moment before, while its rows are being deleted', async () => {
    const { key } = await fill('emptied');
    await ask('emptied', { grace_days: 1 });
    expect((await server.call('whoami', { token: key })).status).toBe(200);
    await server.db.pool.query("update workspace set archived_at = now() where name = 'emptied'");
    await server.services.standings.refresh();
    const question = { agent: 'inbox.triage', action: 'quarantine', context: {} };
    expect((await server.call('evaluate', { token: key, body: question })).problem.code).toBe('workspace_archived');
    expect(await eraseWorkspaces(server.services, new Date())).toBe(1);
  });

  it('is shut on every server to keys, browsers and streams that were let in a moment before', async () => {
    const { key } = await fill('shut');
    const far = await startTestServer({ db: server.db });
    const viewer = (await server.call('createApiKey', { ...at('shut'), body: { name: 'reads', role: 'viewer' } })).body
      .key;
    const signedIn = await server.call('signIn', { token: null, body: { token: viewer } });
    const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] as string;
    await ask('shut', { grace_days: 1 });
    const tries = [server, far].flatMap((on) => [
      () => on.call('whoami', { token: key }),
      () => on.call('whoami', { token: null, headers: { cookie } }),
      () => on.call('whoami', at('shut')),
    ]);
    const statuses = () => Promise.all(tries.map(async (attempt) => (await attempt()).status));
    expect(await statuses()).toEqual([200, 200, 200, 200, 200, 200]);
    const stream = await fetch(`${far.url}/policy/events`, {
      headers: { authorization: `Bearer ${viewer}`, accept: 'text/event-stream' },
    });
    expect(await eraseWorkspaces(server.services, inDays(1.1))).toBe(1);
    expect((await statuses()).slice(0, 3)).toEqual([401, 401, 404]);
    await expect.poll(statuses, { timeout: 1_000 }).toEqual([401, 401, 404, 401, 401, 404]);
    await stream.text();
    await far.close();
  });
});

function isSigned(checkpoint: AuditCheckpoint): boolean {
  const spki = Buffer.concat([
    Buffer.from('302a300506032b6570032100', 'hex'),
    Buffer.from(checkpoint.public_key, 'base64'),
  ]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verify(null, Buffer.from(checkpointText(checkpoint)), key, Buffer.from(checkpoint.signature, 'base64'));
}
