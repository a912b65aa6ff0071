import { allOperations, type Operation, type OperationId, type Role, roles } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { studioPages } from '../../packages/server/src/http/studio.js';
import { type CallInput, startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { roleMatrix } from './role-matrix.js';

let server: TestServer;
const keys = new Map<Role, string>();
/** What a browser sends that signed in with the key of the role. */
const sessions = new Map<Role, Record<string, string>>();
let foreignKey: string;
/** Things of the default workspace, by the name of the path parameter and the first part of the path behind `/policy/`. */
let things: Record<string, Record<string, string | number>>;

beforeAll(async () => {
  server = await startTestServer();
  for (const role of roles) keys.set(role, await server.createKey(role));
  for (const role of roles) if (role !== 'agent') sessions.set(role, await sessionOf(role));
  await server.db.pool.query("insert into workspace (name) values ('other')");
  const made = await server.call('createApiKey', {
    body: { name: 'foreigner', role: 'admin' },
    headers: { 'x-workspace': 'other' },
  });
  foreignKey = made.body.key;
  things = await seed();
});
afterAll(() => server?.close());

async function sessionOf(role: Role): Promise<Record<string, string>> {
  const { body, headers } = await server.call('signIn', { token: null, body: { token: keys.get(role) as string } });
  const [cookie = ''] = (headers.get('set-cookie') ?? '').split(';');
  return { cookie, 'x-csrf-token': body.csrf_token };
}

async function seed(): Promise<typeof things> {
  const rules = [{ id: 'allow-all', agent: '*', action: '*', effect: 'allow', reason: 'for this test only' }];
  const bundle = await server.call('createBundle', { body: { version: '9.8.7', rules } });
  const approval = await server.call('createApproval', {
    body: { kind: 'activation', bundle_id: bundle.body.id, justification: 'to have one' },
  });
  const followed = await server.call('createBundle', { body: { version: '9.8.6', rules } });
  const yes = await server.call('createApproval', {
    body: { kind: 'activation', bundle_id: followed.body.id, initial_pct: 100, justification: 'to have a rollout' },
  });
  await server.call('approve', { params: { id: yes.body.id }, body: {} });
  await server.call('activateBundle', {
    params: { id: followed.body.id },
    body: { approval_id: yes.body.id, canary_pct: 100 },
  });
  const { rollouts } = (await server.call('listRollouts')).body;
  const incident = await server.call('createIncident', { body: { severity: 'low', summary: 'seeded' } });
  await server.call('putList', { params: { name: 'seeded' }, body: { values: ['a'] } });
  await server.call('putApproverGroup', { params: { name: 'seeded' }, body: { members: ['Ann'] } });
  await server.call('putCatalogAgent', { params: { agent: 'seeded' }, body: {} });
  await server.call('putCatalogAction', { params: { action: 'seeded' }, body: {} });
  const freeze = await server.call('createFreezeWindow', {
    body: { name: 'seeded', rule: { type: 'daily', days: ['monday'], from: '00:00', to: '00:01' }, enabled: false },
  });
  const decision = await server.call('evaluate', { body: { agent: 'a.b', action: 'c', context: {} } });
  const job = await server.call('simulate', { body: { rules, background: true } });
  const channel = await server.call('createChannel', {
    body: { name: 'seeded', kind: 'webhook', url: 'https://hooks.example/x', topics: ['audit'] },
  });
  const member = await server.call('createMember', { body: { name: 'seeded', role: 'viewer' } });
  const session = await server.call('signIn', { token: null, body: { token: server.adminToken } });
  const apiKey = await server.call('createApiKey', { body: { name: 'seeded', role: 'viewer' } });
  const trusted = await server.call('addTrustedKey', {
    body: { name: 'seeded', public_key: Buffer.alloc(32, 7).toString('base64') },
  });
  return {
    bundles: { id: bundle.body.id, version: '9.8.7' },
    approvals: { id: approval.body.id },
    rollouts: { id: rollouts[0]!.id },
    incidents: { id: incident.body.id },
    'freeze-windows': { id: freeze.body.id },
    'approver-groups': { name: 'seeded' },
    lists: { name: 'seeded' },
    decisions: { id: decision.body.decision_id },
    catalog: { agent: 'seeded', action: 'seeded' },
    jobs: { id: 'progress' in job.body ? job.body.id : 0 },
    channels: { id: channel.body.id },
    'api-keys': { id: apiKey.body.id },
    workspaces: { name: 'default' },
    members: { id: member.body.id },
    sessions: { id: session.body.id },
    'trusted-keys': { id: trusted.body.id },
  };
}

function params(operation: Operation, values: Record<string, string | number>): Record<string, string | number> {
  const all = { ...values, compare_id: values.id };
  return Object.fromEntries(
    [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, all[name as keyof typeof all]!]),
  );
}

/** Parameters that are valid and name nothing. */
function nothing(operation: Operation): Record<string, string | number> {
  const id = operation.path.includes('/decisions/') ? '0193e5a0-0000-7000-8000-000000000000' : 2_000_000_000;
  return params(operation, { id, version: '0.0.999', name: 'absent', agent: 'absent', action: 'absent' });
}

function ask(operation: Operation, input: CallInput<Operation>) {
  return server.call(operation.id as OperationId, input as never);
}

describe('the routes', () => {
  it('are the operations of the contract and a few pages', () => {
    const served = server.app.servedRoutes.flatMap(({ methods, url }) =>
      methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`),
    );
    const pages = [
      'GET /',
      'GET /approval-link',
      'GET /docs',
      'GET /docs/page.css',
      'GET /docs/problems',
      'GET /docs/reference.js',
      'GET /docs/start.js',
      'GET /metrics',
      'GET /openapi.json',
      'GET /schema/rule.schema.json',
      'GET /sign-in',
      'POST /sign-in',
      'POST /sign-out',
      'POST /approval-link',
      'GET /assets/{file}',
      'GET /color-scheme.js',
      'GET /icon.svg',
      ...studioPages.flatMap((name) => [`GET /${name}`, `GET /${name}/*`]),
    ];
    const contract = allOperations.map(({ method, path }) => `${method} ${path}`);
    expect(served.sort()).toEqual([...contract, ...pages].sort());
  });
});

it('the matrix has a line for every operation, and none for another', () => {
  expect(Object.keys(roleMatrix).sort()).toEqual(allOperations.map(({ id }) => id).sort());
});

describe.each(allOperations.map((operation) => [operation.id, operation] as const))('%s', (id, operation) => {
  const body = operation.body ? {} : undefined;
  const send = (input: CallInput<Operation>) => ask(operation, { params: nothing(operation) as never, body, ...input });
  const permitted = roleMatrix[id as OperationId] ?? '';

  it(`${permitted === 'public' ? 'is open to everybody' : 'asks who is there'}`, async () => {
    const { status } = await send({ token: null });
    if (permitted !== 'public') expect(status).toBe(401);
    // An empty body may not do.
    else expect([operation.status, 422]).toContain(status);
  });

  it.each(roles)('%s, by key and by browser', async (role) => {
    const inputs: CallInput<Operation>[] = [{ token: keys.get(role) as string }];
    // Signing out ends the session that asks.
    const session = id === 'signOut' && role !== 'agent' ? await sessionOf(role) : sessions.get(role);
    if (session) inputs.push({ token: null, headers: session });
    for (const input of inputs) {
      const answer = await send(input);
      if (permitted === 'public' || permitted.split(' ').includes(role)) {
        // What comes after the role: done, nothing there, or an empty body that will not do.
        expect([operation.status, 404, 422]).toContain(answer.status);
        if (answer.status === 404) expect(answer.problem.code).toBe('not_found');
      } else {
        expect([answer.status, answer.problem.code]).toEqual([403, 'forbidden']);
      }
    }
  });

  it('shows and does nothing of another workspace', async () => {
    const names = Object.keys(nothing(operation));
    const kind = operation.path.split('/')[2] ?? '';
    if (names.length === 0) {
      if (operation.method !== 'GET') return;
      const { status, body: page } = await ask(operation, { token: foreignKey });
      expect(operation.access === 'instance' ? [403] : [operation.status, 404]).toContain(status);
      for (const value of ['9.8.7', 'seeded', 'a.b']) expect(JSON.stringify(page)).not.toContain(`"${value}"`);
      return;
    }
    const valid: Partial<Record<OperationId, unknown>> = {
      activateBundle: { approval_id: things.approvals!.id, canary_pct: 100 },
      reject: { comment: 'no' },
      commentApproval: { comment: 'no' },
      createApprovalLink: { approver: 'Ann' },
      putApproverGroup: { members: ['Bob'] },
      rollbackBundle: { reason: 'to try it out' },
      rollbackRollout: { reason: 'to try it out' },
      skipGate: { target_pct: 100, reason: 'to try it out' },
      commentIncident: { comment: 'mine' },
      assignIncident: { assigned_to: 'me' },
      reportOutcome: { status: 'success' },
      putList: { values: ['b'] },
      putMember: { role: 'admin' },
    };
    const before = await snapshot();
    const { status } = await ask(operation, {
      params: params(operation, things[kind]!) as never,
      body: operation.body ? (valid[operation.id as OperationId] ?? {}) : undefined,
      token: foreignKey,
    });
    // A list, an agent, an action of the same name is another one.
    const undo = undoing[operation.id as OperationId];
    expect(status).toBe(operation.access === 'instance' ? 403 : undo ? 200 : 404);
    expect(await snapshot()).toEqual(before);
    if (undo) await server.call(undo, { params: params(operation, things[kind]!) as never, token: foreignKey });
  });
});

/** What takes away again that which a PUT made in the other workspace. */
const undoing: Partial<Record<OperationId, OperationId>> = {
  putList: 'deleteList',
  putApproverGroup: 'deleteApproverGroup',
  putCatalogAgent: 'deleteCatalogAgent',
  putCatalogAction: 'deleteCatalogAction',
};

/** All of the default workspace that the operations above could have changed. */
async function snapshot(): Promise<unknown> {
  const tables = [
    'bundle',
    'named_list',
    'named_list_version',
    'approval',
    'approval_asked',
    'approval_entry',
    'approval_link',
    'approver_group',
    'rollout',
    'incident',
    'incident_entry',
    'api_key',
    'member',
    'browser_session',
    'sign_in_link',
    'setting',
    'event',
    'channel',
    'delivery',
    'catalog',
    'catalog_agent',
    'catalog_action',
    'job',
    'freeze_window',
    'emergency_pin',
    'bundle_pin',
    'second_person_request',
    'trusted_key',
    'bundle_evidence',
  ];
  const rows = await Promise.all(
    tables.map((table) =>
      server.db.pool.query(
        `select coalesce(json_agg(to_jsonb(t) - 'last_used_at'), '[]') as rows from ${table} t
          where workspace_id = (select id from workspace where name = 'default')`,
      ),
    ),
  );
  return rows.map(({ rows: [row] }) => row);
}
