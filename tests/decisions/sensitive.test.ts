import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { allOperations, type Operation, type OperationId } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../../packages/server/src/features/channels/receiver.testkit.js';
import { putInForce } from '../../packages/server/src/features/decisions/in-force.testkit.js';
import { until } from '../../packages/server/src/features/events/events.testkit.js';
import { type RunningJobs, runJobs } from '../../packages/server/src/jobs/run.js';
import { jobs } from '../../packages/server/src/jobs/schedule.js';
import { createLogger } from '../../packages/server/src/logging.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

/** What no schema, rule or list has, and nobody makes up: where it is found, it came from the context. */
const marker = 'mark9f3ac7e1';
const number = 7351982465;
const found = new RegExp(`${marker}|${number}`);

const schema = {
  type: 'object',
  properties: {
    user: { type: 'string' },
    password: { type: 'string', maxLength: 40, 'x-sensitive': true },
    pin: { type: 'integer', 'x-sensitive': true },
    args: {
      type: 'object',
      properties: {
        to: {
          type: 'array',
          items: { type: 'object', properties: { address: { type: 'string', 'x-sensitive': true } } },
        },
      },
    },
    card: { type: 'object', 'x-sensitive': true },
  },
};
const whole = {
  user: 'ada',
  password: marker,
  pin: number,
  args: { to: [{ address: `${marker}@example.com` }] },
  card: { [marker]: { deep: [marker, number] } },
};
const rules = [
  {
    id: 'ask',
    agent: '*',
    action: 'pay',
    effect: 'needs_approval',
    reason: 'people look at payments',
    conditions: { user: 'ada' },
    budget: { cost: 1 },
  },
  {
    id: 'weak',
    agent: '*',
    action: 'login',
    effect: 'deny',
    reason: 'weak secrets are refused',
    conditions: { 'password contains': 'weak' },
  },
  {
    id: 'odd',
    agent: '*',
    action: 'login',
    effect: 'deny',
    reason: 'odd cards are refused',
    conditions: { any: [{ '>card': 3 }, { '>=password': 5 }, { 'pin starts_with': 'x' }] },
  },
  {
    id: 'fine',
    agent: '*',
    action: 'login',
    effect: 'allow',
    reason: 'all others may log in',
    conditions: { user: 'ada' },
    budget: { cost: 500 },
  },
] as const;

let server: TestServer;
let receiver: Receiver;
let running: RunningJobs;
let bundleId: number;
const lines: string[] = [];
const ids: Partial<Record<string, number | string>> = {};

beforeAll(async () => {
  receiver = await startReceiver();
  server = await startTestServer({
    log: createLogger('trace', { write: (line) => void lines.push(line) }),
    config: { allowPrivateWebhooks: true },
  });
  running = runJobs(jobs, server.services);
  await server.call('createChannel', {
    body: {
      name: 'all',
      kind: 'webhook',
      url: receiver.url,
      topics: ['policy-changes', 'policy-alerts', 'incidents', 'audit'],
    },
  });
  await server.call('putCatalogAgent', { params: { agent: 'shop.bot' } });
  for (const action of ['pay', 'login']) {
    await server.call('putCatalogAction', { params: { action }, body: { context_schema: schema, risk: 'high' } });
  }
  ({ bundleId } = await putInForce(server, { rules, settings: { cost_budget_24h: 600 } }));
});
afterAll(async () => {
  await running?.stop();
  await server?.close();
  await receiver?.close();
});

const ask = async (action: string, context: unknown, more: object = {}) => {
  const { status, body } = await server.call('evaluate', { body: { agent: 'shop.bot', action, context, ...more } });
  expect(status).toBe(200);
  return body;
};

it('contexts with a marker in every sensitive place are decided, asked about, replayed, simulated and failed', async () => {
  const asked = await ask('pay', whole, { session: 's1', request_id: 'r1' });
  expect(asked.effect).toBe('needs_approval');
  ids.approvals = asked.approval?.id as number;
  expect((await ask('login', whole, { request_id: 'r2' })).effect).toBe('allow');
  // Over its cap, which opens an incident.
  expect((await ask('login', whole)).overlays.map(({ kind }) => kind)).toContain('budget_exhausted');
  // Of the wrong type, of the wrong shape, too long: the context violates the schema by what is sensitive.
  for (const wrong of [
    { ...whole, password: { was: marker } },
    { ...whole, password: marker.repeat(20) },
    { ...whole, pin: marker },
    { ...whole, card: marker },
    { ...whole, args: { to: marker } },
    { ...whole, args: { to: [[marker]] } },
  ]) {
    expect((await ask('login', wrong)).effect).toBe('deny');
  }
  const batch = await server.call('evaluateBatch', {
    body: {
      requests: [
        { agent: 'a', action: 'login', context: whole },
        { agent: 'a', action: 'login', context: whole, session: 7 },
      ],
    },
  });
  expect(JSON.stringify(batch.body)).not.toMatch(found);
  const { decisions } = (await server.call('listDecisions')).body;
  ids.decisions = decisions.at(-1)?.decision_id as string;
  for (const { decision_id: id } of decisions) {
    await server.call('replayDecision', { params: { id } });
    await server.call('getDecision', { params: { id }, query: { explain: true } });
    await server.call('reportOutcome', { params: { id }, body: { status: 'error', message: 'it failed' } });
  }
  // As an agent that guesses: another context for the same request, and for the same approval.
  const reused = await server.call('evaluate', {
    body: { agent: 'shop.bot', action: 'login', context: { ...whole, user: 'eve' }, request_id: 'r2' },
  });
  expect(reused.status).toBe(409);
  await ask('pay', { ...whole, user: 'eve' }, { approval_id: ids.approvals });
  const link = await server.call('createApprovalLink', {
    params: { id: ids.approvals as number },
    body: { approver: 'Ann' },
  });
  const page = await fetch(link.body.url.replace(/^https?:\/\/[^/]+/, server.url));
  expect(page.status).toBe(200);
  expect(await page.text()).not.toMatch(found);
  const simulated = await server.call('simulate', { body: { bundle_id: bundleId, dataset: 'replay' } });
  expect(simulated.status).toBe(200);
  expect(JSON.stringify(simulated.body)).not.toMatch(found);
  const compared = await server.call('compareSimulations', {
    body: { bundle_a: bundleId, rules_b: rules.slice(0, 2) as never, dataset: 'replay' },
  });
  expect(compared.status).toBe(200);
  expect(JSON.stringify(compared.body)).not.toMatch(found);
  const background = await server.call('simulate', {
    body: { bundle_id: bundleId, dataset: 'replay', background: true },
  });
  ids.jobs = 'progress' in background.body ? background.body.id : 0;
  await server.call('approve', { params: { id: ids.approvals as number }, body: { comment: 'looked at' } });
  expect((await ask('pay', whole, { session: 's1', approval_id: ids.approvals })).effect).toBe('allow');
  await until(async () => (await server.call('listIncidents')).body.total > 0);
  ids.incidents = (await server.call('listIncidents')).body.incidents[0]?.id as number;
  await server.call('commentIncident', { params: { id: ids.incidents as number }, body: { comment: 'seen' } });
  await until(async () => receiver.received.length >= 3);
});

it('a body that cannot be taken is refused without repeating it', async () => {
  const refused = [
    { agent: 'a', action: 'login', context: whole, session: 7 },
    { agent: 'a', action: 'login', context: [whole] },
    { agent: 7, action: 'login', context: whole },
  ];
  for (const body of refused) {
    const { status, problem } = await server.call('evaluate', { body });
    expect([status, JSON.stringify(problem)]).toEqual([422, expect.not.stringMatching(found)]);
  }
  const text = JSON.stringify({ agent: 'a', action: 'login', context: whole });
  for (const broken of [
    text.slice(0, -3),
    text.replace('{', '{,'),
    `${text}${text}`,
    text.replace(`"${marker}"`, `"${marker}`),
  ]) {
    const { status, problem } = await server.call('evaluate', { body: broken });
    expect([status, JSON.stringify(problem)]).toEqual([400, expect.not.stringMatching(found)]);
  }
});

describe('the marker is nowhere:', () => {
  const readers = allOperations.filter(({ method, id }) => method === 'GET' && id !== 'readEvents');

  it.each(readers.map((operation) => [operation.id, operation] as const))('not in %s', async (id, operation) => {
    const { status, body } = await server.call(id as OperationId, { params: params(operation) } as never);
    expect([200, 404, 409]).toContain(status);
    expect(JSON.stringify(body) ?? '').not.toMatch(found);
  });

  it('not in the events, as JSON or as a stream', async () => {
    const { body } = await server.call('readEvents', { query: { limit: 100 } });
    expect(body.events.length).toBeGreaterThan(5);
    expect(JSON.stringify(body)).not.toMatch(found);
  });

  it('not in any column of any table', async () => {
    const { rows: tables } = await server.db.pool.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by 1",
    );
    expect(tables.length).toBeGreaterThan(30);
    const holding: string[] = [];
    for (const { name } of tables) {
      const { rows } = await server.db.pool.query(
        `select to_jsonb(t)::text as text from "${name}" t where to_jsonb(t)::text ~ '${marker}|${number}' limit 1`,
      );
      if (rows.length > 0) holding.push(`${name}: ${rows[0].text.slice(0, 400)}`);
    }
    expect(holding).toEqual([]);
  });

  it('not in any line of the log at its loudest, nor in a message, nor in a metric', async () => {
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.filter((line) => found.test(line))).toEqual([]);
    expect(receiver.received.filter(({ text }) => found.test(text))).toEqual([]);
    const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.adminToken}` } });
    expect(await metrics.text()).not.toMatch(found);
  });

  it('not in a file of the data folder', async () => {
    const { dataDir } = server.services.config;
    const holding: string[] = [];
    for (const name of await readdir(dataDir, { recursive: true })) {
      const path = join(dataDir, name);
      if ((await stat(path)).isFile() && found.test(await readFile(path, 'latin1'))) holding.push(name);
    }
    expect(holding).toEqual([]);
  });
});

function params(operation: Operation): Record<string, unknown> {
  const kind = operation.path.split('/')[2] ?? '';
  const all: Record<string, unknown> = {
    id: kind === 'bundles' ? bundleId : (ids[kind] ?? 1),
    compare_id: bundleId,
    name: 'default',
    agent: 'shop.bot',
    action: 'login',
    version: '1.0.0',
  };
  return Object.fromEntries([...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, all[name]]));
}
