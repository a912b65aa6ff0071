import { allOperations, type Operation, type OperationId } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallInput, startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

/** What a path names of another workspace roles.test.ts tries; this is what bodies and queries name. */
let server: TestServer;
/** An admin of another workspace, and a bundle there. */
let foreigner: string;
let own: number;
/** Of the default workspace. */
let bundle: number;
let approval: number;

const rules = [{ id: 'allow-all', agent: '*', action: '*', effect: 'allow', reason: 'only-of-the-other' }];

beforeAll(async () => {
  server = await startTestServer();
  await server.call('createWorkspace', { body: { name: 'other' } });
  const headers = { 'x-workspace': 'other' };
  foreigner = (await server.call('createApiKey', { headers, body: { name: 'foreigner', role: 'admin' } })).body.key;
  await server.call('putSettings', { token: foreigner, body: { catalog: 'open' } });
  const ownRules = [{ ...rules[0], effect: 'deny', reason: 'of its own' }];
  own = (await server.call('createBundle', { token: foreigner, body: { version: '1.0.0', rules: ownRules } })).body.id;
  bundle = (await server.call('createBundle', { body: { version: '9.8.7', rules } })).body.id;
  const asked = { kind: 'activation', bundle_id: bundle, initial_pct: 100, justification: 'only-of-the-other' };
  approval = (await server.call('createApproval', { body: asked })).body.id;
  await server.call('approve', { params: { id: approval }, body: {} });
});
afterAll(() => server?.close());

type Tries = readonly CallInput<Operation>[];

/** Every operation whose body can name a bundle or an approval by its id, and how it does. */
const inBodies: Partial<Record<OperationId, () => Tries>> = {
  activateBundle: () => [{ params: { id: own } as never, body: { approval_id: approval, canary_pct: 100 } }],
  createApproval: () => [{ body: { kind: 'activation', bundle_id: bundle, justification: 'to see it' } }],
  simulate: () => [{ body: { bundle_id: bundle } }, { body: { bundle_id: bundle, background: true } }],
  compareSimulations: () => [
    { body: { bundle_a: bundle, bundle_b: own } },
    { body: { bundle_a: own, bundle_b: bundle } },
    { body: { bundle_a: own, bundle_b: bundle, background: true } },
  ],
  measureCases: () => [{ body: { bundle_id: bundle } }],
  pinBundle: () => [{ body: { bundle_id: bundle, reason: 'to decide by it', ttl_minutes: 5 } }],
};

/** Where an approval only helps: an answer without it says the same. */
const helped: Partial<Record<OperationId, () => CallInput<Operation>>> = {
  evaluate: () => ({ body: { agent: 'inbox.triage', action: 'quarantine', context: {} } }),
  putList: () => ({ params: { name: 'senders' } as never, body: { values: ['a'] } }),
  putSettings: () => ({ body: { max_stale_minutes: 20 } }),
};

function ask(id: string, input: CallInput<Operation>) {
  return server.call(id as OperationId, { token: foreigner, ...input } as never);
}

function namesById(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  const { properties } = schema as { properties?: object };
  return (
    Object.keys(properties ?? {}).some((name) => /^(bundle|approval)_(id|a|b)$/.test(name)) ||
    Object.values(schema).some(namesById)
  );
}

async function theirs(): Promise<unknown> {
  const tables = ['bundle', 'approval', 'approval_entry', 'rollout', 'emergency_pin', 'bundle_pin', 'event', 'job'];
  const sql = tables.map(
    (table) => `select '${table}' as name, to_jsonb(t) as row from ${table} t where workspace_id = 1`,
  );
  return (await server.db.pool.query(`${sql.join(' union all ')} order by name, row`)).rows;
}

it('every operation whose body names something by its id is tried', () => {
  const naming = allOperations.filter(({ id, body }) => namesById(body) && id !== 'importBundle');
  expect([...Object.keys(inBodies), ...Object.keys(helped)].sort()).toEqual(naming.map(({ id }) => id).sort());
});

describe('what is of another workspace', () => {
  it.each(Object.keys(inBodies))('is not there for %s', async (id) => {
    const before = await theirs();
    for (const input of inBodies[id as OperationId]?.() ?? []) {
      const answer = await ask(id, input);
      expect([answer.status, answer.problem.code]).toEqual([404, 'not_found']);
      expect(JSON.stringify(answer.body)).not.toContain('only-of-the-other');
    }
    expect(await theirs()).toEqual(before);
  });

  it.each(Object.keys(helped))('is of no help to %s', async (id) => {
    const input = helped[id as OperationId]?.() ?? {};
    const before = await theirs();
    const plain = await ask(id, input);
    const answer = await ask(id, { ...input, body: { ...(input.body as object), approval_id: approval } });
    const said = (body: unknown) => (body as { effect?: string }).effect;
    expect(said(answer.body)).toBe(said(plain.body));
    if (id === 'evaluate') expect(said(answer.body)).toBe('deny');
    else expect([plain.status, 404]).toContain(answer.status);
    expect(JSON.stringify(answer.body)).not.toContain('only-of-the-other');
    expect(await theirs()).toEqual(before);
  });

  const filtered = allOperations.filter(({ method, query }) => method === 'GET' && namesById(query));
  it.each(filtered.map(({ id }) => id))('is found by no filter of %s', async (id) => {
    const answer = await ask(id, { query: { bundle_id: bundle } as never });
    expect([200, 404]).toContain(answer.status);
    const text = JSON.stringify(answer.body);
    for (const trace of ['only-of-the-other', '9.8.7', `"id":${approval},`]) expect(text).not.toContain(trace);
    const { total = 0 } = answer.body as unknown as { total?: number };
    expect(total).toBe(0);
  });
});
