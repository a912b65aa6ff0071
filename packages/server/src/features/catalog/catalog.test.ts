import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { putInForce } from '../decisions/in-force.testkit.js';
import { catalogOf } from './queries.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict' });
});
afterAll(() => server?.close());

const catalog = async () => (await server.call('getCatalog')).body;
const putAction = (action: string, body: unknown = {}) => server.call('putCatalogAction', { params: { action }, body });
const putAgent = (agent: string, body: unknown = {}) => server.call('putCatalogAgent', { params: { agent }, body });
const deleteAgent = (agent: string) => server.call('deleteCatalogAgent', { params: { agent } });
const generation = async () => (await server.call('getSystem')).body.generation;
const lastEvent = async () => (await server.call('listAudit', { query: { limit: 1 } })).body.entries[0];
const refund = {
  type: 'object',
  properties: { amount: { type: 'number', minimum: 0 }, note: { type: 'string', maxLength: 20 } },
  required: ['amount'],
};

describe('the catalog of a new workspace', () => {
  test('is the default one, with all its actions uncovered', async () => {
    const { revision, agents, actions, coverage } = await catalog();
    expect(revision).toBe(0);
    expect(agents.map(({ agent }) => agent)).toEqual(['inbox.triage', 'knowledge.search', 'planner.deploy']);
    expect(actions.map(({ action }) => action)).toEqual(
      ['allow', 'quarantine', 'escalate', 'apply', 'update', 'delete', 'reindex', 'deploy', 'rollback'].sort(),
    );
    expect(coverage).toMatchObject({ actions: 9, covered: 0, covered_rate: 0 });
    expect(coverage.uncovered).toHaveLength(9);
  });

  test('is written down whole by its first change', async () => {
    const before = await catalog();
    expect((await putAgent('billing.bot', { description: 'Answers about invoices' })).body).toEqual({
      agent: 'billing.bot',
      description: 'Answers about invoices',
      mode: 'enforce',
    });
    const after = await catalog();
    expect(after.revision).toBe(1);
    expect(after.actions).toEqual(before.actions);
    expect(after.agents).toEqual([
      { agent: 'billing.bot', description: 'Answers about invoices', mode: 'enforce' },
      ...before.agents,
    ]);
  });

  test('is not that of another workspace', async () => {
    await server.db.pool.query("insert into workspace (name) values ('quiet')");
    const { body } = await server.call('getCatalog', { headers: { 'x-workspace': 'quiet' } });
    expect([body.revision, body.agents.length]).toEqual([0, 3]);
  });
});

describe('an action', () => {
  test('is added with defaults and read back', async () => {
    const { status, body } = await putAction('refund', { agents: ['billing.*'], context_schema: refund });
    expect(status).toBe(200);
    expect(body).toEqual({
      action: 'refund',
      agents: ['billing.*'],
      context_schema: refund,
      risk: null,
      cost: null,
      description: '',
      annotations: {},
    });
    expect((await server.call('getCatalogAction', { params: { action: 'refund' } })).body).toEqual(body);
    expect((await catalog()).actions.find(({ action }) => action === 'refund')).toEqual(body);
    expect(await lastEvent()).toMatchObject({
      kind: 'catalog.action_added',
      subject: 'catalog/actions/refund',
      data: {
        before: null,
        after: { agents: ['billing.*'], context_schema_digest: expect.stringMatching(/^\w{64}$/) },
      },
    });
  });

  test('keeps what a change leaves out, and loses what it sets to null', async () => {
    const { body } = await putAction('refund', { risk: 'high', cost: 0.25, description: 'Pays money back' });
    expect(body).toMatchObject({ agents: ['billing.*'], context_schema: refund, risk: 'high', cost: 0.25 });
    expect((await putAction('refund', { cost: null })).body).toMatchObject({ cost: null, risk: 'high' });
    expect((await lastEvent())?.data).toMatchObject({ before: { cost: 0.25 }, after: { cost: null } });
  });

  test('that does not change is not recorded', async () => {
    const [event, { revision }] = [await lastEvent(), await catalog()];
    await putAction('refund', { risk: 'high', context_schema: structuredClone(refund) });
    await putAction('refund');
    await putAgent('billing.bot');
    expect(await lastEvent()).toEqual(event);
    expect((await catalog()).revision).toBe(revision);
  });

  test('takes the next generation only when decisions may come out differently', async () => {
    const before = await generation();
    await putAction('refund', { description: 'Pays back', risk: 'critical' });
    await putAgent('billing.bot', { description: 'Invoices' });
    expect(await generation()).toBe(before);
    await putAction('refund', { cost: 1 });
    expect(await generation()).toBe(before + 1);
    await putAction('refund', { context_schema: { ...refund, required: [] } });
    expect(await generation()).toBe(before + 2);
    await putAction('refund', { agents: null });
    expect(await generation()).toBe(before + 3);
    await putAgent('billing.clerk');
    expect(await generation()).toBe(before + 4);
  });

  test.each([
    [{ agents: ['biling.bot'] }, '/agents/0', /did you mean `billing\.bot`/],
    [{ agents: ['nobody.at-all'] }, '/agents/0', /matches no agent.*add the agent first/],
    [{ agents: [] }, '/agents', /at least 1/],
    [{ cost: -1 }, '/cost', /0 or more/],
    [{ risk: 'huge' }, '/risk', /one of `low`/],
    [{ context_schema: { type: 'strin' } }, '/context_schema/type', /string/],
    [{ context_schema: { properties: { a: { pattern: '(?=x)' } } } }, '/context_schema/properties/a/pattern', /linear/],
    [{ context_schema: { $ref: 'https://example.com/schema.json' } }, '/context_schema/$ref', /./],
    [{ context_shema: {} }, '/context_shema', /did you mean `context_schema`/],
  ])('refuses %o', async (body, path, message) => {
    const { status, problem } = await putAction('bad', body);
    expect([status, problem.code]).toEqual([422, 'validation_failed']);
    expect(problem.errors[0]).toEqual({ path, message: expect.stringMatching(message) });
    expect((await server.call('getCatalogAction', { params: { action: 'bad' } })).status).toBe(404);
  });

  test('of a name that is none is refused', async () => {
    for (const action of ['a b', 'github.*', '*', 'ü', '.a']) expect((await putAction(action)).status).toBe(422);
    expect((await putAction('tools/call:v1.x')).status).toBe(200);
  });

  test('is deleted once', async () => {
    const gone = () => server.call('deleteCatalogAction', { params: { action: 'tools/call:v1.x' } });
    expect((await gone()).status).toBe(204);
    expect((await gone()).status).toBe(404);
    expect((await lastEvent())?.kind).toBe('catalog.action_removed');
  });
});

describe('an agent', () => {
  test('is not deleted while an action is for no other', async () => {
    await putAgent('robot.one');
    await putAgent('robot.two');
    await putAction('weld', { agents: ['robot.*'] });
    expect((await deleteAgent('robot.one')).status).toBe(204);
    const { status, problem } = await deleteAgent('robot.two');
    expect([status, problem.code]).toEqual([409, 'agent_in_use']);
    expect(problem.detail).toContain('`weld`');
    await server.call('deleteCatalogAction', { params: { action: 'weld' } });
    expect((await deleteAgent('robot.two')).status).toBe(204);
    expect((await deleteAgent('robot.two')).status).toBe(404);
  });
});

describe('limits', () => {
  test('refuse one agent too many and take nothing of it', async () => {
    const agents = Array.from({ length: 1000 }, (_, n) => `crowd.agent-${n}`);
    const room = agents.slice(0, 1000 - (await catalog()).agents.length);
    await server.db.pool.query(
      `insert into catalog_agent (workspace_id, agent, description) select 1, unnest($1::text[]), ''`,
      [room],
    );
    await server.db.pool.query('update catalog set revision = revision + 1, stamp = gen_random_uuid()');
    const { status, problem } = await putAgent('one.more');
    expect([status, problem.code]).toEqual([409, 'catalog_full']);
    expect((await catalog()).agents).toHaveLength(1000);
    await server.db.pool.query("delete from catalog_agent where agent like 'crowd.%'");
    await server.db.pool.query('update catalog set revision = revision + 1, stamp = gen_random_uuid()');
  });

  test('refuse more than 8 MiB in all', async () => {
    const filler = (n: number) => ({ description: `${n} ${'x'.repeat(60_000)}` });
    const rows = Array.from({ length: 150 }, (_, n) => [
      `fill-${n}`,
      JSON.stringify({
        action: `fill-${n}`,
        agents: null,
        context_schema: filler(n),
        risk: null,
        cost: null,
        description: '',
        annotations: {},
      }),
    ]);
    await server.db.pool.query(
      'insert into catalog_action (workspace_id, action, document) select 1, unnest($1::text[]), unnest($2::text[])::json',
      [rows.map(([name]) => name), rows.map(([, text]) => text)],
    );
    await server.db.pool.query('update catalog set revision = revision + 1, stamp = gen_random_uuid()');
    const { status, problem } = await putAction('another', { context_schema: filler(0) });
    expect([status, problem.code]).toEqual([409, 'catalog_full']);
    await server.db.pool.query("delete from catalog_action where action like 'fill-%'");
    await server.db.pool.query('update catalog set revision = revision + 1, stamp = gen_random_uuid()');
  });
});

test('changes made at once are all kept', async () => {
  const { revision } = await catalog();
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => putAction(`raced-${n}`)));
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
  const after = await catalog();
  expect(after.revision).toBe(revision + 8);
  expect(after.actions.filter(({ action }) => action.startsWith('raced-'))).toHaveLength(8);
});

test('coverage counts what the bundle in force decides, for agents that may use the action', async () => {
  await putAction('for-planner', { agents: ['planner.deploy'] });
  await putInForce(server, {
    rules: [
      { id: 'one', agent: 'inbox.*', action: 'quarantine', effect: 'deny', reason: 'not without a person' },
      { id: 'two', agent: 'inbox.triage', action: 'for-planner', effect: 'deny', reason: 'not without a person' },
      { id: 'off', agent: '*', action: 'deploy', effect: 'deny', reason: 'not without a person', enabled: false },
    ],
  });
  const { coverage, actions } = await catalog();
  expect(coverage.covered).toBe(1);
  expect(coverage.actions).toBe(actions.length);
  expect(coverage.covered_rate).toBeCloseTo(1 / actions.length);
  expect(coverage.uncovered).toEqual(actions.map(({ action }) => action).filter((name) => name !== 'quarantine'));
});

test('a compiled catalog is the same object until it changes', async () => {
  const { pool } = server.db;
  const first = await catalogOf(pool, 1);
  expect((await catalogOf(pool, 1)).compiled).toBe(first.compiled);
  await putAction('refund', { cost: 3 });
  const second = await catalogOf(pool, 1);
  expect(second.compiled).not.toBe(first.compiled);
  expect(second.revision).toBe(first.revision + 1);
  expect(second.compiled.actionOf('billing.bot', 'refund')?.cost).toBe(3);
});
