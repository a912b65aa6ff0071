import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { type SeverableDatabase, severable } from '../../database/severable.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { introduce, putInForce, putRollout, steppingClock } from './in-force.testkit.js';
import { evidenceOf } from './queries.js';

const rules = [
  { id: 'yes', agent: '*', action: 'go', effect: 'allow' as const, reason: 'fine' },
  { id: 'paid', agent: '*', action: 'pay', effect: 'allow' as const, reason: 'paid', budget: { cost: 1 } },
  {
    id: 'few',
    agent: '*',
    action: 'few',
    effect: 'allow' as const,
    reason: 'few',
    conditions: { '<calls_last_hour': 100 },
  },
];
const silent = pino({ level: 'silent' });

let database: TestDatabase;
let link: SeverableDatabase;
let server: TestServer;
let dataDir: string;
const clock = steppingClock('2026-03-04T12:00:00Z');

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ps-away-'));
  link = await severable(database.db);
  server = await startTestServer({ db: link.db, clock, config: { dataDir }, log: silent });
  await introduce(server, ['a'], ['go', 'pay', 'few']);
  await putInForce(server, { rules, settings: { cost_budget_24h: 100, max_stale_minutes: 4 } });
  await ask('go');
});
afterEach(async () => {
  await server.close();
  await link.close();
  await rm(dataDir, { recursive: true, force: true });
});

const ask = async (action: string, more: object = {}) =>
  (await server.call('evaluate', { body: { agent: 'a', action, context: {}, ...more } })).body;
const stored = async (ids: readonly string[]) =>
  (await database.db.pool.query('select id, source from decision where id = any ($1::uuid[])', [ids])).rows;

describe('while the database is away', () => {
  it('counts what it decides for a rollout too, once, when the records are drained', async () => {
    const { rolloutId } = await putRollout(server, { rules, sharePct: 50 });
    await ask('go', { session: 'before' });
    await link.sever();
    for (let index = 0; index < 30; index += 1) await ask('go', { session: `s-${index}` });
    await link.restore();
    await Promise.all([server.services.recorder.recover(), server.services.recorder.recover()]);
    await server.services.recorder.recover();
    expect(server.services.recorder.counts.spooled).toBe(0);
    const { stable, canary, shadow } = await evidenceOf(database.db.pool, rolloutId, 1);
    expect(stable.principals + canary.principals).toBe(31);
    expect(stable.cost.count + canary.cost.count).toBe(31);
    expect(shadow.principals).toBe(stable.principals);
    await database.db.pool.query(`update rollout set phase = 'aborted', ended_at = now()`);
  });

  it('goes on deciding by the last known policy, says so, and has every record in the end, once', async () => {
    await link.sever();
    // The first to notice was decided as if the database were there.
    const ids = [(await ask('go')).decision_id];
    const later = await Promise.all(Array.from({ length: 50 }, () => ask('go')));
    for (const decision of later) {
      expect(decision).toMatchObject({ effect: 'allow', matched_rule: 'yes' });
      expect(decision.overlays).toMatchObject([{ kind: 'database_unavailable' }]);
      ids.push(decision.decision_id);
    }
    expect(server.services.recorder.counts).toMatchObject({ spooled: 51, waiting: 0 });
    await server.services.recorder.recover();
    expect(server.services.recorder.counts.spooled).toBe(51);
    await link.restore();
    await Promise.all([server.services.recorder.recover(), server.services.recorder.recover()]);
    expect(server.services.recorder.counts.spooled).toBe(0);
    expect(await stored(ids)).toHaveLength(51);
    expect((await ask('go')).overlays).toEqual([]);
    const { body } = await server.call('replayDecision', { params: { id: ids[9] as string } });
    expect(body.same).toBe(true);
    const { rows } = await database.db.pool.query(
      `select sum(decisions) as counted, (select count(*) from decision where action = 'go') as kept
       from decision_rollup_delta where action = 'go'`,
    );
    expect(rows[0].counted).toBe(rows[0].kept);
  });

  it('denies what needs a reservation and leaves counted facts unknown', async () => {
    await link.sever();
    const paid = await ask('pay');
    expect(paid).toMatchObject({ effect: 'deny', policy_effect: 'allow', matched_rule: 'paid' });
    expect(paid.overlays).toMatchObject([{ kind: 'database_unavailable', policy_reason: 'paid' }]);
    expect(await ask('few')).toMatchObject({ effect: 'deny', matched_rule: null, facts_used: {} });
    await link.restore();
    await server.services.recorder.recover();
    const { body } = await server.call('getDecision', { params: { id: paid.decision_id } });
    expect(body).toMatchObject({ effect: 'deny', policy_effect: 'allow' });
    const { rows } = await database.db.pool.query('select count(*) as n from daily_spend');
    expect(rows[0].n).toBe(0);
  });

  it('denies whatever is under a cap on calls, and leaves what is used of budgets unknown', async () => {
    const caps = [{ scope: 'agent' as const, agent: 'a', calls: 100_000 }];
    const left = { id: 'left', agent: '*', action: 'left', effect: 'allow' as const, reason: 'left' };
    await putInForce(server, {
      rules: [...rules, { ...left, conditions: { budget_exhausted: false } }],
      settings: { caps },
    });
    expect((await ask('left')).facts_used).toEqual({ budget_exhausted: false });
    await link.sever();
    // The first finds the database gone with its reservation, and the next is decided without.
    for (const turn of [1, 2]) {
      const denied = await ask('go');
      expect([turn, denied.effect, denied.policy_effect]).toEqual([turn, 'deny', 'allow']);
      expect(denied.reason).toContain('needs a reservation under a cap');
    }
    expect((await ask('go', { agent: 'b' })).effect).toBe('allow');
    expect(await ask('left')).toMatchObject({ effect: 'deny', matched_rule: null, facts_used: {} });
    await link.restore();
    await server.services.recorder.recover();
    expect((await ask('go')).effect).toBe('allow');
    await putInForce(server, { rules, settings: { caps: [] } });
  });

  it('answers a repeated request_id with the same decision, and claims it when the database is back', async () => {
    await link.sever();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('go', { request_id: 'again' })));
    answers.push(await ask('go', { request_id: 'again' }));
    expect(new Set(answers.map(({ decision_id }) => decision_id)).size).toBe(1);
    const reused = await server.call('evaluate', {
      body: { agent: 'a', action: 'other', context: {}, request_id: 'again' },
    });
    expect(reused.problem.code).toBe('request_id_reused');
    await link.restore();
    await server.services.recorder.recover();
    expect((await ask('go', { request_id: 'again' })).decision_id).toBe(answers[0]?.decision_id);
    const { rows } = await database.db.pool.query(`select id from decision where request_id = 'again'`);
    expect(rows).toEqual([{ id: answers[0]?.decision_id }]);
  });

  it('denies everything once the policy is older than max_stale_minutes', async () => {
    await link.sever();
    expect((await ask('go')).effect).toBe('allow');
    clock.advance(4 * 60_000);
    expect((await ask('go')).effect).toBe('allow');
    clock.advance(1);
    const stale = await ask('go');
    expect(stale).toMatchObject({ effect: 'deny', policy_effect: 'allow' });
    expect(stale.overlays).toMatchObject([
      { kind: 'database_unavailable' },
      { kind: 'stale_policy', policy_reason: 'fine' },
    ]);
    await link.restore();
    await server.services.recorder.recover();
    expect(await ask('go')).toMatchObject({ effect: 'allow', overlays: [] });
  });

  it('keeps the last good policy on disk for nobody else to read, and a server started then decides by it', async () => {
    await server.services.enforcement.stop();
    const [file] = await readdir(join(dataDir, 'in-force'));
    expect((await stat(join(dataDir, 'in-force', file as string))).mode & 0o777).toBe(0o600);
    await link.sever();
    const fresh = await startTestServer({ db: link.db, clock, config: { dataDir }, log: silent, catalog: 'strict' });
    const enforced = await fresh.services.enforcement.inForce(1);
    expect(enforced.bundle?.version).toBe((await ask('go')).bundle?.version);
    expect(fresh.services.enforcement.staleMs(1, clock.now().getTime() + 5_000)).toBe(5_000);
    await fresh.close();
  });

  it('drains what an earlier server left, also when it was killed while it wrote', async () => {
    await link.sever();
    const ids = [(await ask('go')).decision_id, (await ask('go')).decision_id];
    await link.restore();
    const other = await startTestServer({ db: link.db, clock, config: { dataDir }, log: silent });
    expect(other.services.recorder.counts.spooled).toBe(2);
    await other.services.recorder.recover();
    expect(await stored(ids)).toHaveLength(2);
    await other.close();
    // The first server still appends to the segment that was taken from it.
    await link.sever();
    const more = await Promise.all([ask('go'), ask('go')]);
    await link.restore();
    await server.services.recorder.recover();
    expect(await stored(more.map(({ decision_id }) => decision_id))).toHaveLength(2);
    expect(server.services.recorder.counts.spooled).toBe(0);
  });

  it('refuses when the disk has no room for another record', async () => {
    const small = await startTestServer({
      db: link.db,
      clock,
      config: { dataDir: `${dataDir}/small` },
      log: silent,
      spoolBytes: 2_000,
    });
    const call = () =>
      small.call('evaluate', { body: { agent: 'a', action: 'go', context: { pad: 'x'.repeat(200) } } });
    expect((await call()).status).toBe(200);
    await link.sever();
    const answers = await Promise.all(Array.from({ length: 10 }, call));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(5);
    expect(refused.length).toBeLessThan(10);
    expect(refused[0]?.problem.code).toBe('overloaded');
    await link.restore();
    await small.services.recorder.recover();
    expect((await call()).status).toBe(200);
    await small.close();
  });
});
