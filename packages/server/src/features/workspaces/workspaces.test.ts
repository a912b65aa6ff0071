import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationId } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { type CallInput, startTestServer, type TestServer } from '../../server.testkit.js';
import { rule } from '../bundles/bundles.testkit.js';

let database: TestDatabase;
let server: TestServer;
/** Another server on the same database. */
let other: TestServer;

beforeAll(async () => {
  database = await testDatabase();
  server = await startTestServer({ db: database.db });
  other = await startTestServer({ db: database.db });
});
afterAll(async () => {
  await server?.close();
  await other?.close();
  await database?.close();
});

const at = (workspace: string) => ({ headers: { 'x-workspace': workspace } });
const question = { agent: 'inbox.triage', action: 'quarantine', context: { risk_score: 95 } };

async function made(name: string, rest: object = {}): Promise<string> {
  const { status, body } = await server.call('createWorkspace', { body: { name, ...rest } });
  expect([status, body]).toMatchObject([201, { name, status: 'active', created_by: 'admin' }]);
  return name;
}

async function keyIn(workspace: string, role: string): Promise<string> {
  const { body } = await server.call('createApiKey', { ...at(workspace), body: { name: role, role } });
  return body.key;
}

describe('a new workspace', () => {
  it('is empty, decides by its own default, and is there on every server at once', async () => {
    await made('fresh', { description: 'of a new team' });
    expect((await server.call('listBundles', at('fresh'))).body).toMatchObject({ bundles: [], total: 0 });
    const agent = await keyIn('fresh', 'agent');
    const { status, body } = await other.call('evaluate', { token: agent, body: question });
    expect([status, body.effect, body.bundle]).toEqual([200, 'deny', null]);
    const { body: trail } = await server.call('listAudit', at('fresh'));
    expect(trail.entries.map(({ kind }) => kind)).toContain('workspace.created');
  });

  it.each([
    ['Upper', 422],
    ['', 422],
    ['-dash', 422],
    ['a'.repeat(64), 422],
    ['default', 409],
  ])('named %j is refused', async (name, status) => {
    const answer = await server.call('createWorkspace', { body: { name } });
    expect([answer.status, answer.problem.code]).toEqual([status, status === 409 ? 'name_taken' : 'validation_failed']);
  });

  it('of one name asked for by many at once is one', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, turn) =>
        (turn % 2 ? server : other).call('createWorkspace', { body: { name: 'contested' } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });
});

describe('a workspace', () => {
  it('is all that its admin sees; the holder of ADMIN_TOKEN sees every one', async () => {
    await made('one-team');
    await made('two-team');
    const admin = await keyIn('one-team', 'admin');
    const all = await server.call('listWorkspaces', { query: { limit: 200 } });
    expect(all.body.workspaces.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['default', 'one-team', 'two-team']),
    );
    const own = await server.call('listWorkspaces', { token: admin });
    expect([own.body.total, own.body.workspaces.map(({ name }) => name)]).toEqual([1, ['one-team']]);
    expect((await server.call('getWorkspace', { token: admin, params: { name: 'one-team' } })).status).toBe(200);
    for (const id of ['getWorkspace', 'exportWorkspace'] as const) {
      const [foreign, unknown] = await Promise.all(
        ['two-team', 'never-there'].map((name) => server.call(id, { token: admin, params: { name } })),
      );
      expect([foreign?.status, unknown?.status]).toEqual([404, 404]);
      expect(foreign?.problem.detail.replace('two-team', 'never-there')).toBe(unknown?.problem.detail);
    }
  });

  it.each([
    'createWorkspace',
    'putQuotas',
    'archiveWorkspace',
    'restoreWorkspace',
    'askDeletion',
    'withdrawDeletion',
    'listDeletedWorkspaces',
  ] as const)('%s is for the holder of ADMIN_TOKEN alone', async (id) => {
    const admin = await server.createKey('admin');
    const input = {
      token: admin,
      ...(id === 'createWorkspace' || id === 'listDeletedWorkspaces' ? {} : { params: { name: 'default' } }),
      body: id === 'listDeletedWorkspaces' || id === 'withdrawDeletion' ? undefined : {},
    };
    const answer = await server.call(id as OperationId, input as CallInput<never>);
    expect([answer.status, answer.problem.code]).toEqual([403, 'forbidden']);
    expect(answer.problem.detail).toMatch(/ADMIN_TOKEN alone/);
  });
});

describe('an archived workspace', () => {
  it('is read and nothing else, on every server, until it is restored', async () => {
    await made('closed');
    const [admin, agent] = [await keyIn('closed', 'admin'), await keyIn('closed', 'agent')];
    await keyIn('closed', 'viewer');
    const { body: bundle } = await server.call('createBundle', {
      token: admin,
      body: { version: '1.0.0', rules: [rule('one')] },
    });
    expect((await other.call('evaluate', { token: agent, body: question })).status).toBe(200);

    const params = { name: 'closed' };
    const archived = await server.call('archiveWorkspace', { params, body: { reason: 'the team is gone' } });
    expect(archived.body).toMatchObject({ status: 'archived', archived: { by: 'admin', reason: 'the team is gone' } });
    const refused = [409, 'workspace_archived'];
    // The server that answered holds to it already; others hear of it.
    const here = await server.call('evaluate', { token: agent, body: question });
    expect([here.status, here.problem.code]).toEqual(refused);
    await eventually(async () => (await other.call('evaluate', { token: agent, body: question })).status === 409);
    for (const [id, input] of [
      ['createBundle', { token: admin, body: { version: '1.0.1', rules: [rule('one')] } }],
      ['deleteBundle', { token: admin, params: { id: bundle.id } }],
      ['putSettings', { token: admin, body: { default_effect: 'allow' } }],
      ['createApiKey', { token: admin, body: { name: 'late', role: 'viewer' } }],
      ['evaluateBatch', { token: agent, body: { requests: [question] } }],
      ['getSnapshot', { token: agent }],
      // ADMIN_TOKEN is no way round.
      ['putList', { ...at('closed'), params: { name: 'vips' }, body: { values: ['a'] } }],
    ] as const) {
      const answer = await server.call(id as OperationId, input as CallInput<never>);
      expect([id, answer.status, answer.problem.code]).toEqual([id, ...refused]);
    }
    for (const [id, input] of [
      ['listBundles', { token: admin }],
      ['getSystem', { token: admin }],
      ['getWorkspace', { token: admin, params }],
      ['listDecisions', { token: admin }],
      ['exportWorkspace', { token: admin, params }],
      ['lintRules', { token: admin, body: { rules: [rule('one')] } }],
    ] as const) {
      expect([id, (await server.call(id as OperationId, input as CallInput<never>)).status]).toEqual([id, 200]);
    }
    // Access can still be taken away.
    const { body: keys } = await server.call('listApiKeys', { token: admin });
    const spare = keys.api_keys.find(({ role }) => role === 'viewer')?.id ?? 0;
    expect((await server.call('revokeApiKey', { token: admin, params: { id: spare } })).status).toBe(204);
    // Others are not touched.
    expect((await server.call('evaluate', { body: question })).status).toBe(200);

    const twice = await server.call('archiveWorkspace', { params, body: { reason: 'again' } });
    expect([twice.status, twice.problem.code]).toEqual([409, 'workspace_status']);
    expect((await server.call('restoreWorkspace', { params })).body).toMatchObject({
      status: 'active',
      archived: null,
    });
    expect((await server.call('evaluate', { token: agent, body: question })).status).toBe(200);
    await eventually(async () => (await other.call('evaluate', { token: agent, body: question })).status === 200);
    expect((await server.call('restoreWorkspace', { params })).problem.code).toBe('workspace_status');
  });

  it('may be any but `default`, which is needed', async () => {
    const params = { name: 'default' };
    const archive = await server.call('archiveWorkspace', { params, body: { reason: 'no use' } });
    const deletion = await server.call('askDeletion', { params, body: { confirm: 'default', reason: 'no use' } });
    expect([archive.problem.code, deletion.problem.code]).toEqual(['workspace_status', 'workspace_status']);
  });
});

describe('a quota', () => {
  const draft = (version: string, rules: readonly unknown[] = [rule('one')]) =>
    server.call('createBundle', { ...at('small'), body: { version, rules } });

  beforeAll(async () => {
    await made('small', { quotas: { bundles: 3, rules_per_bundle: 2 } });
  });

  it('of bundles holds however many are made at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, turn) =>
        (turn % 2 ? server : other).call('createBundle', {
          ...at('small'),
          body: { version: `1.0.${turn}`, rules: [rule('one')] },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 422, 422, 422, 422, 422]);
    const refused = answers.find(({ status }) => status === 422);
    expect(refused?.problem).toMatchObject({
      code: 'quota_exceeded',
      detail:
        'this workspace has 3 bundles and may have 3; delete drafts that are not needed, or ask the instance admin for a larger quota',
    });
    const { body } = await server.call('getWorkspace', { params: { name: 'small' } });
    expect([body.quotas.bundles, body.usage.bundles, body.usage.rules_per_bundle]).toEqual([3, 3, 1]);
  });

  it('of rules holds for a new bundle and for a changed one; what is larger already stays', async () => {
    await server.call('putQuotas', { params: { name: 'small' }, body: { bundles: null } });
    const three = ['a-1', 'a-2', 'a-3'].map((id) => rule(id));
    const refused = await draft('2.0.0', three);
    expect([refused.status, refused.problem.code]).toEqual([422, 'quota_exceeded']);
    expect(refused.problem.detail).toMatch(/has 3 rules and this workspace may have 2 in one/);
    const { body: kept } = await draft('2.0.0', three.slice(0, 2));
    const put = (body: object) => server.call('updateBundle', { ...at('small'), params: { id: kept.id }, body });
    expect((await put({ rules: three })).problem.code).toBe('quota_exceeded');
    await server.call('putQuotas', { params: { name: 'small' }, body: { rules_per_bundle: 1 } });
    expect((await put({ notes: 'still mine' })).status).toBe(200);
    expect((await put({ rules: three.slice(0, 1) })).status).toBe(200);
  });

  it('of decisions a second is refilled by the time that passes, and a batch is paid off', async () => {
    let nowMs = Date.now();
    const timed = await startTestServer({ db: database.db, clock: { now: () => new Date(nowMs) } });
    try {
      await timed.call('createWorkspace', { body: { name: 'busy', quotas: { decisions_per_second: 4 } } });
      const ask = () => timed.call('evaluate', { ...at('busy'), body: question });
      const statuses = async (times: number) => {
        const found: number[] = [];
        for (let turn = 0; turn < times; turn += 1) found.push((await ask()).status);
        return found;
      };
      expect(await statuses(6)).toEqual([200, 200, 200, 200, 429, 429]);
      const refused = await ask();
      expect([refused.problem.code, refused.headers.get('retry-after')]).toEqual(['rate_limited', '1']);
      expect(refused.problem.detail).toMatch(/may have 4 decisions a second/);
      nowMs += 500;
      expect(await statuses(3)).toEqual([200, 200, 429]);
      nowMs += 60_000;
      const batch = { requests: Array.from({ length: 12 }, () => question) };
      expect((await timed.call('evaluateBatch', { ...at('busy'), body: batch })).status).toBe(200);
      nowMs += 2_000;
      expect((await ask()).status).toBe(429);
      nowMs += 300;
      expect((await ask()).status).toBe(200);
      // Others have what they had.
      expect((await timed.call('evaluate', { body: question })).status).toBe(200);
    } finally {
      await timed.close();
    }
  });

  it('of decisions kept refuses when the log is full, until there is room', async () => {
    const { noteStorage } = await import('./erase.js');
    await made('full', { quotas: { decisions_kept: 3 } });
    const ask = () => server.call('evaluate', { ...at('full'), body: question });
    for (let turn = 0; turn < 3; turn += 1) expect((await ask()).status).toBe(200);
    await noteStorage(server.services);
    const refused = await ask();
    expect([refused.status, refused.problem.code]).toEqual([429, 'storage_full']);
    expect(refused.problem.detail).toMatch(/keeps 3 decisions, as many as it may; set `retention_days` lower/);
    expect((await server.call('getWorkspace', { params: { name: 'full' } })).body.usage.decisions_kept).toBe(3);
    await eventually(async () => (await other.call('evaluate', { ...at('full'), body: question })).status === 429);
    await server.call('putQuotas', { params: { name: 'full' }, body: { decisions_kept: 10 } });
    expect((await ask()).status).toBe(200);
    await noteStorage(server.services);
    expect((await ask()).status).toBe(200);
  });
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 2_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come about within 2 s');
    await sleep(20);
  }
}
