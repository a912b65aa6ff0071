import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId, introduce, putInForce, steppingClock } from './in-force.testkit.js';

const clock = steppingClock('2026-03-04T22:30:00Z');
const costing = (id: string, action: string, cost: number) => ({
  id,
  agent: '*',
  action,
  effect: 'allow' as const,
  reason: 'within the budget',
  budget: { cost },
});
const rules = [
  costing('tenth', 'tenth', 0.1),
  costing('five', 'five', 5),
  costing('two', 'two', 2),
  costing('free', 'free', 0),
];

let database: TestDatabase;
let servers: TestServer[];
beforeAll(async () => {
  database = await testDatabase();
  servers = await Promise.all([
    startTestServer({ db: database.db, clock }),
    startTestServer({ db: database.db, clock }),
  ]);
  await introduce(first(), ['a', 'a0', 'a1', 'a2'], ['tenth', 'five', 'two', 'free']);
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await database.close();
});
const first = (): TestServer => servers[0] as TestServer;

/** Every test begins a new day, in every time zone. */
beforeEach(() => clock.advance(48 * 3_600_000));
const capAt = (cost_budget_24h: number | null) =>
  Promise.all([putInForce(first(), { rules, settings: { cost_budget_24h, time_zone: 'UTC' } })]).then(
    ([{ generation }]) =>
      Promise.all(
        servers.map(({ services }) =>
          services.enforcement
            .inForce(defaultWorkspaceId)
            .then(() => services.enforcement.reach(defaultWorkspaceId, generation)),
        ),
      ),
  );
const ask = async (action: string, more: object = {}, server = first()) =>
  (await server.call('evaluate', { body: { agent: 'a', action, context: {}, ...more } })).body;
const spent = async (agent = '*'): Promise<number> =>
  (
    await database.db.pool.query('select amount from daily_spend where agent = $1 and day = $2', [
      agent,
      clock.now().toISOString().slice(0, 10),
    ])
  ).rows[0]?.amount ?? 0;

describe('the daily budget', () => {
  it('denies what does not fit, and says what the policy said', async () => {
    await capAt(6);
    expect((await ask('five')).effect).toBe('allow');
    const denied = await ask('five');
    expect(denied).toMatchObject({ effect: 'deny', policy_effect: 'allow', matched_rule: 'five' });
    expect(denied.reason).toContain('6 USD');
    expect(denied.overlays).toMatchObject([{ kind: 'budget_exhausted', policy_reason: 'within the budget' }]);
    const { body: record } = await first().call('getDecision', { params: { id: denied.decision_id } });
    expect(record).toMatchObject(denied);
    expect((await ask('free')).effect).toBe('allow');
    expect(await spent()).toBe(5);
  });

  it('goes to those that fit, in order, within one batch', async () => {
    await capAt(8);
    const requests = ['five', 'five', 'two', 'two', 'tenth'].map((action) => ({ agent: 'a', action, context: {} }));
    const { body } = await first().call('evaluateBatch', { body: { requests } });
    expect(body.decisions.map((item) => ('effect' in item ? item.effect : 'error'))).toEqual([
      'allow',
      'deny',
      'allow',
      'deny',
      'allow',
    ]);
    expect(await spent()).toBe(7.1);
  });

  it('is used up exactly and never overshot when two servers are asked at once', async () => {
    await capAt(8);
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => ask('tenth', { agent: `a${index % 3}` }, servers[(index >> 2) % 2])),
    );
    expect(answers.filter(({ effect }) => effect === 'allow')).toHaveLength(80);
    expect(answers.filter(({ overlays }) => overlays[0]?.kind === 'budget_exhausted')).toHaveLength(220);
    expect(await spent()).toBe(8);
    expect((await Promise.all(['a0', 'a1', 'a2'].map(spent))).reduce((sum, amount) => sum + amount, 0)).toBeCloseTo(
      8,
      9,
    );
  });

  it('counts a repeated request once', async () => {
    await capAt(10);
    await Promise.all(Array.from({ length: 40 }, (_, index) => ask('two', { request_id: 'once' }, servers[index % 2])));
    expect(await spent()).toBe(2);
  });

  it('begins anew at midnight of the workspace', async () => {
    await putInForce(first(), { rules, settings: { cost_budget_24h: 5, time_zone: 'Europe/Berlin' } });
    expect((await ask('five')).effect).toBe('allow');
    clock.advance(20 * 60_000);
    expect((await ask('five')).effect).toBe('deny');
    clock.advance(10 * 60_000);
    await first().services.enforcement.poll();
    expect((await ask('five')).effect).toBe('allow');
    clock.advance(-30 * 60_000);
  });

  it('counts before a cap is set, and has none when it is null', async () => {
    await capAt(null);
    for (let index = 0; index < 3; index += 1) expect((await ask('five')).effect).toBe('allow');
    expect(await spent()).toBe(15);
    await capAt(16);
    expect((await ask('two')).effect).toBe('deny');
    expect((await ask('tenth')).effect).toBe('allow');
  });

  it('takes the reported cost in place of the reserved one', async () => {
    await capAt(6);
    const { decision_id: id } = await ask('five', { session: 's-cost' });
    expect((await ask('two')).effect).toBe('deny');
    const { body } = await first().call('reportOutcome', { params: { id }, body: { status: 'success', cost: 1.25 } });
    expect(body.outcome).toMatchObject({ status: 'success', cost: 1.25 });
    expect([await spent(), await spent('a')]).toEqual([1.25, 1.25]);
    expect((await ask('two')).effect).toBe('allow');
    const session = await database.db.pool.query(`select amount from session_spend where session = 's-cost'`);
    expect(session.rows[0].amount).toBe(1.25);
  });
});
