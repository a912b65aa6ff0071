import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { putInForce, steppingClock } from './in-force.testkit.js';
import { compactRollups } from './rollups.js';

const clock = steppingClock('2026-03-01T10:00:00Z');
let server: TestServer;
let key: string;
beforeAll(async () => {
  server = await startTestServer({ clock });
  key = await server.createKey('agent');
  await putInForce(server, {
    rules: [
      { id: 'yes', agent: '*', action: 'go', effect: 'allow', reason: 'fine' },
      {
        id: 'rate',
        agent: '*',
        action: 'rate',
        effect: 'deny',
        conditions: { '>=error_rate_5min': 2 },
        reason: 'never met',
      },
      {
        id: 'open',
        agent: '*',
        action: 'rate',
        effect: 'deny',
        conditions: { circuit_open: true },
        reason: 'the circuit is open',
      },
      {
        id: 'spent',
        agent: '*',
        action: 'buy',
        effect: 'deny',
        conditions: { any: [{ '>=session_spend': 100 }, { '>=daily_spend': 100 }] },
        reason: 'enough',
      },
      {
        id: 'calls',
        agent: '*',
        action: 'calls',
        effect: 'deny',
        conditions: { '>=calls_last_hour': 3 },
        reason: 'too many',
      },
    ],
  });
});
afterAll(() => server.close());

const ask = async (body: object, token = key) =>
  (await server.call('evaluate', { token, body: { agent: 'a', action: 'go', context: {}, ...body } })).body;
const report = (id: string, body: object = { status: 'success' }, token = key) =>
  server.call('reportOutcome', { params: { id }, body, token });
const later = async (ms: number): Promise<void> => {
  clock.advance(ms);
  await server.services.enforcement.poll();
};

describe('costs beyond what a number holds', () => {
  it.each(['daily_spend', 'session_spend'])('read as very much in %s, and fail nobody', async (table) => {
    const { decision_id: id } = await ask({ agent: 'lavish', session: 'lavish' });
    expect((await report(id, { status: 'success', cost: 1e12 })).status).toBe(200);
    // What ten thousand more such reports make of it.
    await server.db.pool.query(`update ${table} set amount = amount * 10000`);
    const { effect, facts_used: facts } = await ask({ agent: 'lavish', session: 'lavish', action: 'buy' });
    expect([effect, facts[table]]).toEqual(['deny', Number.MAX_SAFE_INTEGER]);
    await server.db.pool.query(`delete from ${table}`);
  });
});

describe('an outcome', () => {
  it('of a denied action is kept, and its cost is not counted as spent', async () => {
    const refused = await ask({ agent: 'refused', session: 'refused', action: 'unheard-of' });
    expect(refused.effect).toBe('deny');
    const { status, body } = await report(refused.decision_id, { status: 'error', cost: 1e12 });
    expect([status, body.outcome?.cost]).toEqual([200, 1e12]);
    const { effect, facts_used: facts } = await ask({ agent: 'refused', session: 'refused', action: 'buy' });
    expect([effect, facts]).toEqual(['deny', { daily_spend: 0, session_spend: 0 }]);
  });

  it('is kept with its decision, once', async () => {
    const { decision_id: id } = await ask({});
    const { status, body } = await report(id, { status: 'error', cost: 2.5, compute: 3, message: 'no\nluck' });
    expect(status).toBe(200);
    expect(body.outcome).toEqual({
      status: 'error',
      cost: 2.5,
      compute: 3,
      message: 'no\nluck',
      reported_at: '2026-03-01T10:00:00.000Z',
    });
    const again = await report(id);
    expect([again.status, again.problem.code]).toEqual([409, 'outcome_reported']);
    expect((await server.call('getDecision', { params: { id } })).body.outcome).toEqual(body.outcome);
  });

  it('is taken once when reported many times at once', async () => {
    const { decision_id: id } = await ask({});
    const answers = await Promise.all(Array.from({ length: 20 }, () => report(id, { status: 'success', cost: 1 })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 19 }, () => 409)]);
  });

  it('comes only from the key that asked', async () => {
    const { decision_id: id } = await ask({});
    const other = await report(id, undefined, await server.createKey('agent'));
    expect([other.status, other.problem.code]).toEqual([404, 'not_found']);
    const admin = await report(id, undefined, server.adminToken);
    expect([admin.status, admin.problem.code]).toEqual([403, 'forbidden']);
    expect((await report('0190aaaa-0000-7000-8000-000000000000')).status).toBe(404);
  });

  it('is taken for 24 hours', async () => {
    const [{ decision_id: early }, { decision_id: late }] = [await ask({}), await ask({})];
    await later(24 * 3_600_000);
    expect((await report(early)).status).toBe(200);
    await later(1);
    const { status, problem } = await report(late);
    expect([status, problem.code]).toEqual([409, 'outcome_too_late']);
  });

  it.each([
    { status: 'maybe' },
    { status: 'success', cost: -1 },
    { status: 'success', cost: '1' },
    {},
    { status: 'success', message: '\u0000' },
  ])('is refused as %o', async (body) => {
    const { decision_id: id } = await ask({});
    expect((await report(id, body)).status).toBe(422);
  });
});

describe('facts that are counted', () => {
  it('follow outcomes: the circuit opens at 10 % of 20 decisions and closes 15 minutes after', async () => {
    const asked = (agent: string) => ask({ agent, action: 'rate' });
    for (let index = 0; index < 19; index += 1) {
      const { decision_id: id } = await asked('flaky');
      if (index < 2) await report(id, { status: 'error' });
    }
    expect((await asked('flaky')).facts_used).toEqual({ error_rate_5min: 2 / 19, circuit_open: false });
    expect(await asked('flaky')).toMatchObject({
      effect: 'deny',
      matched_rule: 'open',
      facts_used: { error_rate_5min: 0.1, circuit_open: true },
    });
    expect((await asked('steady')).facts_used).toEqual({ error_rate_5min: 0, circuit_open: false });
    // What the open circuit denies thins the rate out, and does not close it.
    await later(60_000);
    await compactRollups(server.db.pool, clock.now().getTime());
    expect((await asked('flaky')).facts_used).toEqual({ error_rate_5min: 2 / 21, circuit_open: true });
    await later(13 * 60_000);
    expect((await asked('flaky')).facts_used).toEqual({ error_rate_5min: 0, circuit_open: true });
    await later(60_000);
    expect((await asked('flaky')).facts_used).toEqual({ error_rate_5min: 0, circuit_open: false });
  });

  it('count calls of the last hour, in the session when there is one', async () => {
    for (let index = 0; index < 3; index += 1) await ask({ agent: 'busy', action: 'calls', session: 's1' });
    expect(await ask({ agent: 'busy', action: 'calls', session: 's1' })).toMatchObject({
      matched_rule: 'calls',
      facts_used: { calls_last_hour: 3 },
    });
    expect((await ask({ agent: 'busy', action: 'calls', session: 's2' })).facts_used).toEqual({ calls_last_hour: 0 });
    expect((await ask({ agent: 'busy', action: 'calls' })).facts_used).toEqual({ calls_last_hour: 5 });
    await later(61 * 60_000);
    expect((await ask({ agent: 'busy', action: 'calls', session: 's1' })).facts_used).toEqual({ calls_last_hour: 0 });
  });
});
