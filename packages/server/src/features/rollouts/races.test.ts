import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testDatabase } from '../../database/database.testkit.js';
import { severable } from '../../database/severable.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { lockEnforcement } from '../approvals/transaction.js';
import { tickRollouts } from './controller.js';
import { alike, before, hasLooked, hourMs, openYard, strict, type Yard } from './rollouts.testkit.js';

type TestDatabase = Awaited<ReturnType<typeof testDatabase>>;

let database: TestDatabase;
let yard: Yard;
/** Another server on the same database, whose clock stands with the first. */
let replica: TestServer;
beforeAll(async () => {
  database = await testDatabase();
  yard = await openYard({ db: database.db });
  replica = await startTestServer({ db: database.db, catalog: 'strict', clock: { now: yard.now } });
});
afterAll(async () => {
  await Promise.all([yard?.close(), replica?.close()]);
  await database?.close();
});

let stable: number;
beforeEach(async () => {
  stable = (await yard.rollOut(before, 100, { supersede: true })).id;
});

/** Sends requests that all wait for the lock of the workspace before the first of them gets it. */
async function racing<T>(requests: (() => Promise<T>)[], waiters = requests.length): Promise<T[]> {
  const holder = await database.db.pool.connect();
  try {
    await holder.query('begin');
    await lockEnforcement(holder, 1);
    const answers = requests.map((send) => send());
    const waiting = async (): Promise<number> =>
      (
        await holder.query(
          `select count(*) as count from pg_locks where locktype = 'advisory' and not granted
              and database = (select oid from pg_database where datname = current_database())`,
        )
      ).rows[0].count;
    while ((await waiting()) < waiters) await new Promise((resolve) => setTimeout(resolve, 5));
    await holder.query('commit');
    return await Promise.all(answers);
  } finally {
    holder.release();
  }
}

/** A rollout at 10 % that may go on. */
async function ready(): Promise<{ bundle: number; rollout: number }> {
  const { id } = await yard.rollOut(alike, 10);
  await yard.ask(1200, 2);
  yard.advance(24 * hourMs);
  await hasLooked(yard, yard.now());
  return { bundle: id, rollout: (await yard.rolloutOf(id)).id };
}

const promote = (server: Pick<TestServer, 'call'>, rollout: number, body: object = {}) =>
  server.call('promoteRollout', { token: yard.operator, params: { id: rollout }, body });
const rollback = (server: Pick<TestServer, 'call'>, id: number) =>
  server.call('rollbackBundle', { token: yard.operator, params: { id }, body: { reason: 'agents are stuck' } });
const inForce = async () =>
  (
    await database.db.pool.query(
      `select id, status, traffic_pct from bundle where status in ('active', 'canary') or traffic_pct > 0 order by id`,
    )
  ).rows;

describe('at the same time', () => {
  it('of many promotions on two servers one wins, and the others are told the state', async () => {
    const { rollout } = await ready();
    const answers = await racing(
      Array.from({ length: 6 }, (_, index) => () => promote(index % 2 === 0 ? yard : replica, rollout)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
    for (const { status, problem } of answers.filter((answer) => answer.status === 409).map((answer) => answer)) {
      expect([status, problem.code]).toEqual([409, 'conflict']);
      expect(problem).toMatchObject({ rollout: { phase: 'canary', share_pct: 50 } });
    }
    const { rows } = await database.db.pool.query(
      `select count(*) as n from event where subject = $1 and kind = 'rollout.promoted'`,
      [`rollout/${rollout}`],
    );
    expect(rows[0].n).toBe(1);
  });

  it('a rollback wins over a promotion, whichever comes first', async () => {
    for (let round = 0; round < 4; round++) {
      const { bundle, rollout } = await ready();
      const requests = [() => promote(yard, rollout), () => rollback(replica, bundle)];
      const answers = await racing<{ status: number }>(round % 2 === 0 ? requests : requests.reverse());
      const back = answers[round % 2 === 0 ? 1 : 0];
      expect(back?.status).toBe(200);
      expect(await inForce()).toEqual([{ id: stable, status: 'active', traffic_pct: 100 }]);
      expect((await yard.rolloutOf(bundle)).phase).toBe('rolled_back');
    }
  });

  it('many rollbacks are one, with one incident', async () => {
    const { id } = await yard.rollOut(alike, 10);
    const answers = await racing(Array.from({ length: 5 }, (_, i) => () => rollback(i % 2 === 0 ? yard : replica, id)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers.filter(({ body }) => body.incident_created).length).toBe(1);
    expect(await inForce()).toEqual([{ id: stable, status: 'active', traffic_pct: 100 }]);
  });

  it('two servers that look at a bad bundle roll it back once', async () => {
    const { id } = await yard.rollOut(strict, 50);
    await yard.ask(200);
    const looks = await Promise.all(
      Array.from({ length: 8 }, (_, i) => tickRollouts(i % 2 === 0 ? yard.services : replica.services, yard.now())),
    );
    expect(looks.reduce((sum, changed) => sum + changed, 0)).toBe(1);
    expect((await yard.rolloutOf(id)).phase).toBe('rolled_back');
    for (const server of [yard, replica]) {
      const { body } = await server.call('evaluate', {
        body: { agent: 'inbox.triage', action: 'escalate', context: {} },
        token: yard.adminToken,
      });
      expect(body.effect).toBe('allow');
    }
  });

  it('a key that is used many times changes once and answers the same', async () => {
    const { bundle, rollout } = await ready();
    const headers = { 'idempotency-key': `race-${rollout}` };
    const send = () =>
      yard.call('promoteRollout', { token: yard.operator, params: { id: rollout }, body: {}, headers });
    const answers = await Promise.all(Array.from({ length: 6 }, send));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    for (const { body } of answers) expect(body).toEqual(answers[0]?.body);
    expect((await yard.rolloutOf(bundle)).share_pct).toBe(50);
  });

  it('a key that is used on two servers at once changes once, and both are answered the same', async () => {
    for (let round = 0; round < 5; round++) {
      const { bundle, rollout } = await ready();
      const headers = { 'idempotency-key': `servers-${rollout}` };
      const answers = await Promise.all(
        [yard, replica, yard, replica].map((server) =>
          server.call('promoteRollout', { token: yard.operator, params: { id: rollout }, body: {}, headers }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      for (const { body } of answers) expect(body).toEqual(answers[0]?.body);
      expect((await yard.rolloutOf(bundle)).share_pct).toBe(50);
      stable = (await yard.rollOut(before, 100, { supersede: true })).id;
    }
  }, 30_000);

  it('a key whose command was refused, or died, may be tried again', async () => {
    const { id } = await yard.rollOut(alike, 10);
    const { id: rollout } = await yard.rolloutOf(id);
    const headers = { 'idempotency-key': `again-${rollout}` };
    const send = () =>
      replica.call('promoteRollout', { token: yard.operator, params: { id: rollout }, body: {}, headers });
    expect((await send()).problem.code).toBe('gates_not_passed');
    await yard.ask(1200, 2);
    yard.advance(24 * hourMs);
    expect((await send()).body.share_pct).toBe(50);

    const dead = { 'idempotency-key': `dead-${rollout}` };
    const pause = () =>
      yard.call('pauseRollout', { token: yard.operator, params: { id: rollout }, body: {}, headers: dead });
    await pause();
    await database.db.pool.query(`update command_answer set status = 102, body = 'null' where idempotency_key = $1`, [
      `dead-${rollout}`,
    ]);
    yard.advance(61_000);
    expect((await pause()).body.holds).toEqual(['operator']);
  });

  it('everything: what is in force stays one thing, and the record has no gap', async () => {
    for (let round = 0; round < 5; round++) {
      const { bundle, rollout } = await ready();
      const skip = { target_pct: 100, reason: 'all at once, please' };
      const answers = await Promise.all([
        promote(yard, rollout),
        promote(replica, rollout),
        yard.call('pauseRollout', { token: yard.operator, params: { id: rollout } }),
        replica.call('resumeRollout', { token: yard.operator, params: { id: rollout } }),
        yard.call('skipGate', { token: yard.operator, params: { id: rollout }, body: skip }),
        replica.call('skipGate', { token: yard.otherOperator, params: { id: rollout }, body: skip }),
        ...(round % 2 === 0 ? [rollback(yard, bundle)] : []),
        yard.call('archiveBundle', { params: { id: stable } }),
        tickRollouts(yard.services, yard.now()),
        tickRollouts(replica.services, yard.now()),
      ]);
      for (const answer of answers) if (typeof answer === 'object') expect([200, 409]).toContain(answer.status);
      const placed = await inForce();
      expect(placed.reduce((sum, { traffic_pct: share }) => sum + share, 0)).toBe(100);
      expect(placed.filter(({ status }) => status === 'active').length).toBe(1);
      if (round % 2 === 0) expect(placed).toEqual([{ id: stable, status: 'active', traffic_pct: 100 }]);
      stable = (await yard.rollOut(before, 100, { supersede: true })).id;
    }
    const { rows } = await database.db.pool.query('select count(*) as count, max(seq) as last from event');
    expect(rows[0].count).toBe(rows[0].last);
  }, 60_000);
});

describe('a server that dies in the middle of a look', () => {
  it('leaves nothing half done, and another takes the step', async () => {
    const { bundle, rollout } = await ready();
    const link = await severable(database.db);
    const dying = await startTestServer({ db: link.db, catalog: 'strict', clock: { now: yard.now } });
    const holder = await database.db.pool.connect();
    try {
      // The last lock of the transaction: everything else is written when it waits for this one.
      await holder.query('begin');
      await holder.query('select 1 from workspace where id = 1 for update');
      const look = tickRollouts({ ...dying.services, log: silentOf(dying) }, yard.now());
      const waits = async (): Promise<boolean> =>
        (
          await database.db.pool.query(
            `select count(*) > 0 as waits from pg_stat_activity
              where datname = current_database() and wait_event_type = 'Lock' and query like '%from workspace%'`,
          )
        ).rows[0].waits;
      while (!(await waits())) await new Promise((resolve) => setTimeout(resolve, 5));
      await link.sever();
      await holder.query('commit');
      expect(await look).toBe(0);
    } finally {
      holder.release();
    }
    expect(await yard.rolloutOf(bundle)).toMatchObject({ phase: 'canary', share_pct: 10 });
    expect((await yard.bundle(bundle)).traffic_pct).toBe(10);
    // The other server may have to wait until PostgreSQL has seen the end of the connection.
    while ((await yard.tick()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await yard.rolloutOf(bundle)).toMatchObject({ id: rollout, phase: 'canary', share_pct: 50 });
    await link.restore();
    await dying.close();
    await link.close();
  }, 30_000);
});

function silentOf(server: TestServer): TestServer['services']['log'] {
  return server.services.log.child({}, { level: 'silent' });
}
