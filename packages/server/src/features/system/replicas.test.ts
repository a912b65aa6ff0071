import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';

let database: TestDatabase;
let one: TestServer;
let two: TestServer;
beforeAll(async () => {
  database = await testDatabase();
  const log = pino({ level: 'silent' });
  [one, two] = await Promise.all([
    startTestServer({ db: database.db, log }),
    startTestServer({ db: database.db, log }),
  ]);
});
afterAll(async () => {
  await Promise.all([one?.close(), two?.close()]);
  await database?.close();
});

const seen = async (server = one) => (await server.call('getSystem')).body;
const other = async () => (await seen()).replicas.find(({ answers }) => !answers);
const disable = () =>
  one.call('disablePolicy', { body: { effect: 'deny', reason: 'to have a generation', ttl_minutes: 5 } });

const effect = async () => (await two.call('evaluate', { body: { agent: 'a', action: 'b', context: {} } })).body.effect;

// One story, told in order.
it('lists a server that nobody has asked as idle, and one that decides by what is in force as current', async () => {
  await two.services.presence.acknowledge();
  const { replicas, latest_generation: latest } = await seen();
  expect(replicas).toHaveLength(2);
  expect(replicas.find(({ answers }) => answers)).toMatchObject({ state: 'current', generation: latest });
  expect(await other()).toMatchObject({ state: 'idle', generation: null, answers: false });
  await two.call('evaluate', { body: { agent: 'a', action: 'b', context: {} } });
  await two.services.presence.acknowledge();
  expect(await other()).toMatchObject({ state: 'current', generation: latest });
});

it('has an emergency switch in force on the other server within a second', async () => {
  const body = { effect: 'allow', reason: 'to see it everywhere', ttl_minutes: 5 };
  await one.call('disablePolicy', { body });
  const start = performance.now();
  while ((await effect()) !== 'allow') {
    if (performance.now() - start > 5_000) throw new Error('the other server never switched');
  }
  expect(performance.now() - start).toBeLessThan(1_000);
});

it('has a pinned bundle in force on the other server within a second', async () => {
  await one.call('enablePolicy', { body: {} });
  const activated = async (version: string, effect: string) => {
    const rules = [{ id: 'only', agent: '*', action: '*', effect, reason: 'as this test says' }];
    const { id } = (await one.call('createBundle', { body: { version, rules } })).body;
    const asked = { kind: 'activation', bundle_id: id, initial_pct: 100, justification: 'tested', risk: 'low' };
    const { body: approval } = await one.call('createApproval', { body: asked });
    await one.call('approve', { params: { id: approval.id }, body: {} });
    const body = { approval_id: approval.id, canary_pct: 100 };
    expect((await one.call('activateBundle', { params: { id }, body })).status).toBe(200);
    return id;
  };
  const older = await activated('1.0.0', 'allow');
  await activated('2.0.0', 'deny');
  await expect.poll(effect, { timeout: 5_000, interval: 5 }).toBe('deny');
  await one.call('pinBundle', { body: { bundle_id: older, reason: 'to see it everywhere' } });
  const start = performance.now();
  await expect.poll(effect, { timeout: 5_000, interval: 5 }).toBe('allow');
  expect(performance.now() - start).toBeLessThan(1_000);
  await one.call('unpinBundle', { body: {} });
  await expect.poll(effect, { timeout: 5_000, interval: 5 }).toBe('deny');
});

it('tells which server does not decide by the newest yet', async () => {
  await two.services.listener.stop();
  const { body } = await disable();
  expect(body.generation).toBe((await seen()).latest_generation);
  await two.services.presence.acknowledge();
  expect(await other()).toMatchObject({ state: 'behind', generation: body.generation - 1 });
  await two.services.enforcement.poll();
  // Nothing has to pass before a new generation is told.
  await two.services.presence.acknowledge();
  expect(await other()).toMatchObject({ state: 'current', generation: body.generation });
});

it('tells which server is not heard of, forgets it after an hour, and knows it again', async () => {
  const { pool } = database.db;
  const { id } = two.services.presence;
  const age = (interval: string) =>
    pool.query('update replica set seen_at = now() - $2::interval where id = $1', [id, interval]);
  await age('16 seconds');
  expect(await other()).toMatchObject({ state: 'silent', seen_seconds: 16 });
  await age('61 minutes');
  expect(await other()).toBeUndefined();
  await one.call('enablePolicy', { body: {} });
  await one.services.presence.acknowledge();
  expect((await pool.query('select 1 from replica where id = $1', [id])).rows).toEqual([]);
  await two.services.enforcement.poll();
  await two.services.presence.acknowledge();
  expect(await other()).toMatchObject({ state: 'current' });
});

it('lists no server that has stopped', async () => {
  await two.services.presence.leave();
  expect(await other()).toBeUndefined();
  await two.services.presence.acknowledge();
  expect(await other()).toBeUndefined();
});
