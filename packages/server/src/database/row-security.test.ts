import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { approvalById } from '../features/approvals/queries.js';
import { bundleHead } from '../features/bundles/queries.js';
import { storedCatalog } from '../features/catalog/queries.js';
import { channelById } from '../features/channels/queries.js';
import { decisionById, listDecisions } from '../features/decisions/queries.js';
import { lastPin } from '../features/emergency/queries.js';
import { eventsAfter } from '../features/events/queries.js';
import { freezeWindows } from '../features/freeze-windows/queries.js';
import { incidentDocument } from '../features/incidents/queries.js';
import { currentLists } from '../features/lists/queries.js';
import { runningRollouts } from '../features/rollouts/queries.js';
import { settingsOf } from '../features/settings/queries.js';
import { startTestServer, type TestServer } from '../server.testkit.js';
import { type Database, databaseOver, withTransaction } from './connection.js';
import { asSystem, inThisScope, inWorkspace } from './scope.js';

/** What a query gets that does not say for whom it is. */
const nobodySaid = { code: '42501', message: expect.stringMatching(/made for no workspace/) };
const quiet = { info: () => undefined, warn: () => undefined };

let server: TestServer;
/** As a server has it. */
let db: Database;
let mine: Content;
let theirs: Content;

beforeAll(async () => {
  server = await startTestServer();
  await server.db.pool.query("insert into workspace (name) values ('other')");
  db = databaseOver(server.db.connectionConfig, 'external', quiet);
  mine = await fill('default');
  theirs = await fill('other');
});
afterAll(async () => {
  await db?.close();
  await server?.close();
});

interface Content {
  readonly workspaceId: number;
  readonly bundle: number;
  readonly approval: number;
  readonly incident: number;
  readonly channel: number;
  readonly decision: string;
}

/** One of each of what a workspace holds. */
async function fill(workspace: string): Promise<Content> {
  const headers = { 'x-workspace': workspace };
  const { rows } = await server.db.pool.query<{ id: number }>('select id from workspace where name = $1', [workspace]);
  await server.call('putSettings', { headers, body: { catalog: 'open' } });
  await server.call('putList', { headers, params: { name: 'vips' }, body: { values: [workspace] } });
  await server.call('putCatalogAgent', { headers, params: { agent: 'a.b' }, body: { description: workspace } });
  await server.call('putCatalogAction', { headers, params: { action: 'c' }, body: {} });
  const channel = await server.call('createChannel', {
    headers,
    body: { name: 'mine', kind: 'webhook', url: 'https://hooks.example/x', topics: ['audit', 'policy-changes'] },
  });
  await server.call('createFreezeWindow', {
    headers,
    body: { name: workspace, rule: { type: 'daily', days: ['monday'], from: '00:00', to: '00:01' }, enabled: false },
  });
  const rules = [
    { id: 'pay', agent: '*', action: 'c', effect: 'allow', reason: `of ${workspace}`, budget: { cost: 1 } },
  ];
  const bundle = await server.call('createBundle', { headers, body: { version: '1.0.0', rules } });
  const asked = await server.call('createApproval', {
    headers,
    body: { kind: 'activation', bundle_id: bundle.body.id, initial_pct: 100, justification: workspace },
  });
  await server.call('approve', { headers, params: { id: asked.body.id }, body: {} });
  await server.call('activateBundle', {
    headers,
    params: { id: bundle.body.id },
    body: { approval_id: asked.body.id, canary_pct: 100 },
  });
  const decision = await server.call('evaluate', {
    headers,
    body: { agent: 'a.b', action: 'c', context: {}, request_id: 'one', session: 's' },
  });
  const incident = await server.call('createIncident', { headers, body: { severity: 'low', summary: workspace } });
  await server.call('createApiKey', { headers, body: { name: 'reader', role: 'viewer' } });
  await server.call('disablePolicy', { headers, body: { effect: 'deny', reason: 'to have one', ttl_minutes: 5 } });
  await server.call('simulate', { headers, body: { rules, background: true } });
  return {
    workspaceId: rows[0]?.id ?? 0,
    bundle: bundle.body.id,
    approval: asked.body.id,
    incident: incident.body.id,
    channel: channel.body.id,
    decision: decision.body.decision_id,
  };
}

interface Table {
  readonly name: string;
  readonly enabled: boolean;
  readonly forced: boolean;
  readonly part: boolean;
  readonly policies: string[];
}

/** Every table that belongs to workspaces, parts of tables included. */
async function tables(): Promise<Table[]> {
  const { rows } = await server.db.pool.query<Table>(
    `select c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced, c.relispartition as part,
            array(select polname::text || ': ' || pg_get_expr(polqual, polrelid) || coalesce(pg_get_expr(polwithcheck, polrelid), '')
                    || ' ' || polcmd::text || ' ' || polpermissive::text
                    from pg_policy where polrelid = c.oid) as policies
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relkind in ('r', 'p')
        and (c.relname = 'workspace' or exists (
          select 1 from pg_attribute where attrelid = c.oid and attname = 'workspace_id' and not attisdropped))
      order by c.relname`,
  );
  return rows;
}

describe('a table with workspace_id', () => {
  it('is walled off: row security holds for its owner too, and the only policy compares the workspace', async () => {
    const found = await tables();
    expect(found.length).toBeGreaterThan(25);
    const column = (name: string) => (name === 'workspace' ? 'id' : 'workspace_id');
    const scope = '( SELECT scope_workspace_id() AS scope_workspace_id)';
    const everybody = '( SELECT scope_is_everybody() AS scope_is_everybody)';
    expect(found).toEqual(
      found.map(({ name, part }) => ({
        name,
        part,
        enabled: true,
        forced: true,
        policies: part ? [] : [`own_workspace: ((${column(name)} = ${scope}) OR ${everybody}) * true`],
      })),
    );
  });

  it('that another refers to by way of its workspace is one too, so no table is without', async () => {
    const { rows } = await server.db.pool.query(
      `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relrowsecurity order by 1`,
    );
    // Of the installation, not of a workspace.
    expect(rows.map(({ relname }) => relname)).toEqual(expect.arrayContaining(['replica', 'schema_migration']));
    for (const { relname } of rows) expect(installation).toContain(relname);
  });
});

/** Tables that belong to no workspace. One that is added here must hold nothing of any. */
const installation = ['deleted_workspace', 'replica', 'schema_migration'];

describe('a query without a filter', () => {
  it('finds its own workspace and nothing foreign, in every table', async () => {
    const both: string[] = [];
    for (const { name, part } of await tables()) {
      const column = name === 'workspace' ? 'id' : 'workspace_id';
      const count = (pool: Database['pool']) =>
        pool.query<{ workspace: number }>(`select ${column} as workspace from ${name}`).then(({ rows }) => rows);
      const all = await asSystem(() => count(db.pool));
      const own = await inWorkspace(mine.workspaceId, () => count(db.pool));
      expect([name, own.filter(({ workspace }) => workspace !== mine.workspaceId)]).toEqual([name, []]);
      if (part) {
        // Read through the table it is a part of.
        expect([name, all]).toEqual([name, []]);
        continue;
      }
      expect([name, own.length]).toEqual([name, all.filter((row) => row.workspace === mine.workspaceId).length]);
      if (new Set(all.map(({ workspace }) => workspace)).size > 1) both.push(name);
    }
    // So that it says something.
    expect(both).toEqual(expect.arrayContaining(filled));
  });

  it('fails when nobody said for whom it is, rather than finding nothing', async () => {
    for (const name of filled) await expect(db.pool.query(`select * from ${name}`)).rejects.toMatchObject(nobodySaid);
    await expect(withTransaction(db.pool, (tx) => tx.query('select * from setting'))).rejects.toMatchObject(nobodySaid);
  });

  it('changes and deletes nothing foreign, and makes nothing there', async () => {
    await inWorkspace(mine.workspaceId, async () => {
      for (const name of ['setting', 'bundle', 'api_key', 'incident', 'named_list', 'channel', 'workspace']) {
        const column = name === 'workspace' ? 'id' : 'workspace_id';
        const changed = name === 'workspace' ? 'name' : column;
        const { rowCount } = await db.pool.query(`update ${name} set ${changed} = ${changed} where ${column} <> $1`, [
          mine.workspaceId,
        ]);
        expect([name, rowCount]).toEqual([name, 0]);
      }
      const gone = await db.pool.query('delete from event where workspace_id = $1', [theirs.workspaceId]);
      expect(gone.rowCount).toBe(0);
      const refused = { code: '42501', message: expect.stringMatching(/row-level security policy/) };
      await expect(
        db.pool.query(
          `insert into setting (workspace_id, "values", updated_by, updated_at) values ($1, '{}', 'x', now())
           on conflict (workspace_id) do update set "values" = '{}'`,
          [theirs.workspaceId],
        ),
      ).rejects.toMatchObject(refused);
      await expect(
        db.pool.query('update bundle set workspace_id = $2 where workspace_id = $1', [
          mine.workspaceId,
          theirs.workspaceId,
        ]),
      ).rejects.toMatchObject(refused);
      await expect(db.pool.query("insert into workspace (name) values ('mine too')")).rejects.toMatchObject(refused);
    });
  });
});

/** What `fill` makes in both workspaces. */
const filled = [
  'api_key',
  'approval',
  'approval_vote',
  'bundle',
  'catalog',
  'catalog_action',
  'catalog_agent',
  'channel',
  'daily_spend',
  'decision',
  'decision_rollup_delta',
  'delivery',
  'emergency_pin',
  'event',
  'freeze_window',
  'incident',
  'incident_entry',
  'job',
  'named_list',
  'named_list_version',
  'request_claim',
  'rollout',
  'session_spend',
  'setting',
  'workspace',
];

describe('a query of a slice that was told of another workspace', () => {
  const config = { fourEyesDefault: false };
  it.each([
    ['bundles', (id: number) => bundleHead(db.pool, id, theirs.bundle)],
    ['approvals', (id: number) => approvalById(db.pool, id, theirs.approval)],
    ['incidents', (id: number) => incidentDocument(db.pool, id, theirs.incident)],
    ['channels', (id: number) => channelById(db.pool, id, theirs.channel)],
    ['decisions', (id: number) => decisionById(db.pool, id, theirs.decision)],
    ['decision lists', async (id: number) => (await listDecisions(db.pool, id, { limit: 5 })).decisions[0] ?? null],
    ['events', async (id: number) => (await eventsAfter(db.pool, id, 0, 5))[0] ?? null],
    ['lists', async (id: number) => (await currentLists(db.pool, id, ['vips'])).get('vips') ?? null],
    ['freeze windows', async (id: number) => (await freezeWindows(db.pool, id))[0] ?? null],
    ['rollouts', async (id: number) => (await runningRollouts(db.pool, id))[0] ?? null],
    ['pins', (id: number) => lastPin(db.pool, id)],
    ['settings', async (id: number) => ((await settingsOf(db.pool, config, id)).catalog === 'open' ? 'found' : null)],
    ['catalog', async (id: number) => (await storedCatalog(db.pool, id)).catalog.agents.find((a) => a.agent === 'a.b')],
  ] as const)('finds nothing: %s', async (_name, query) => {
    const found = await asSystem(() => query(theirs.workspaceId));
    const there = await inWorkspace(theirs.workspaceId, () => query(theirs.workspaceId));
    const here = await inWorkspace(mine.workspaceId, () => query(theirs.workspaceId));
    expect(there).toEqual(found);
    expect(here ?? null).toBeNull();
    if (_name !== 'rollouts') expect(found ?? null).not.toBeNull();
  });
});

describe('connections', () => {
  const seen = () =>
    db.pool.query<{ id: number }>('select id from workspace').then(({ rows }) => rows.map((r) => r.id));

  it('answer everybody for their own workspace while many wait for few connections', async () => {
    const asked = Array.from({ length: 90 }, (_, turn) => turn % 3);
    const answers = await Promise.all(
      asked.map((turn) => {
        if (turn === 0) return inWorkspace(mine.workspaceId, seen);
        if (turn === 1) return inWorkspace(theirs.workspaceId, seen);
        return seen().catch((error: { code: string }) => error.code);
      }),
    );
    expect(db.pool.totalCount).toBeLessThanOrEqual(10);
    for (const [index, turn] of asked.entries()) {
      expect(answers[index]).toEqual([[mine.workspaceId], [theirs.workspaceId], '42501'][turn]);
    }
  });

  it('of a transaction stay with whom it began for', async () => {
    await inWorkspace(mine.workspaceId, () =>
      withTransaction(db.pool, async (tx) => {
        await asSystem(() => tx.query('select 1'));
        const inside = await asSystem(() => tx.query<{ id: number }>('select id from workspace'));
        expect(inside.rows).toEqual([{ id: mine.workspaceId }]);
        // Another connection is another matter.
        expect(await asSystem(seen)).toHaveLength(2);
      }),
    );
  });

  it('do not keep what a transaction that failed was told', async () => {
    const failing = inWorkspace(mine.workspaceId, () =>
      withTransaction(db.pool, async (tx) => {
        await tx.query(`set local policy_studio.workspace = '*'`);
        throw new Error('refused');
      }),
    );
    await expect(failing).rejects.toThrow('refused');
    await Promise.all(
      Array.from({ length: 20 }, () => expect(inWorkspace(mine.workspaceId, seen)).resolves.toHaveLength(1)),
    );
  });

  it('of one workspace are told once in their life: no round trip more for each query', async () => {
    const one = databaseOver(db.connectionConfig, 'external', quiet);
    try {
      await inWorkspace(mine.workspaceId, async () => {
        const client = await one.pool.connect();
        let statements = 0;
        const original = client.query.bind(client);
        Object.assign(client, {
          query: (...args: Parameters<typeof original>) => {
            statements += 1;
            return original(...args);
          },
        });
        client.release();
        for (let turn = 0; turn < 5; turn += 1) await one.pool.query('select 1');
        expect([one.pool.totalCount, statements]).toEqual([1, 5]);
        await inWorkspace(theirs.workspaceId, () => one.pool.query('select 1'));
        expect(statements).toBe(7);
      });
    } finally {
      await one.close();
    }
  });
});

describe('a call back', () => {
  it('runs for whom it was given, wherever it is called', async () => {
    const seen = async () => (await db.pool.query<{ id: number }>('select id from workspace')).rows;
    const bound = inWorkspace(mine.workspaceId, () => inThisScope(seen));
    expect(await inWorkspace(theirs.workspaceId, bound)).toEqual([{ id: mine.workspaceId }]);
    expect(await bound()).toEqual([{ id: mine.workspaceId }]);
    await expect(inThisScope(seen)()).rejects.toMatchObject(nobodySaid);
  });
});

describe('decisions of two workspaces at once', () => {
  it('are recorded each in its own, though groups are flushed by whoever is there', async () => {
    const ask = (workspace: string, turn: number) =>
      server.call('evaluate', {
        headers: { 'x-workspace': workspace },
        body: { agent: 'a.b', action: 'd', context: { turn }, request_id: `both-${turn}` },
      });
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, turn) => ask(turn % 2 === 0 ? 'default' : 'other', turn)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const { rows } = await server.db.pool.query(
      `select workspace_id, count(*)::int as count, bool_and(id = any ($1::uuid[])) as ours from decision
        where action = 'd' group by 1 order by 1`,
      [answers.map(({ body }) => body.decision_id)],
    );
    expect(rows).toEqual(
      [mine, theirs].map(({ workspaceId }) => ({ workspace_id: workspaceId, count: 30, ours: true })),
    );
  });
});
