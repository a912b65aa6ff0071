import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { startTestServer, type TestServer, type TestServerOptions } from '../../server.testkit.js';
import { introduce, putInForce } from './in-force.testkit.js';

const silent = pino({ level: 'silent' });
let database: TestDatabase;
const servers: TestServer[] = [];
beforeAll(async () => {
  database = await testDatabase();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => database.close());

async function start(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startTestServer({ db: database.db, log: silent, ...options });
  servers.push(server);
  await introduce(server, ['a'], ['b']);
  await putInForce(server, { rules: [{ id: 'yes', agent: '*', action: '*', effect: 'allow', reason: 'fine' }] });
  await ask(server);
  return server;
}
const ask = (server: TestServer, more: object = {}) =>
  server.call('evaluate', { body: { agent: 'a', action: 'b', context: {}, ...more } });
const kept = async (id: string): Promise<number> =>
  (await database.db.pool.query('select count(*) as n from decision where id = $1', [id])).rows[0].n;

/** Nothing can be written to the log until the returned function is called. */
async function blockLog(): Promise<() => Promise<void>> {
  const client = await database.db.pool.connect();
  await client.query('begin; lock table decision in exclusive mode');
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

async function until(true_: () => boolean): Promise<void> {
  for (let wait = 0; !true_(); wait += 1) {
    if (wait > 1_000) throw new Error('it never came about');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the recorder', () => {
  it('answers after the commit, not before', async () => {
    const server = await start();
    const unblock = await blockLog();
    let answered = false;
    const answer = ask(server).finally(() => {
      answered = true;
    });
    await until(() => server.services.recorder.counts.waiting === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(answered).toBe(false);
    await unblock();
    expect(await kept((await answer).body.decision_id)).toBe(1);
  });

  it('answers before the commit when the log is async, but not what claims a request id', async () => {
    const server = await start({ config: { decisionLog: 'async' } });
    await server.services.recorder.settled();
    const unblock = await blockLog();
    const { status, body } = await ask(server);
    expect([status, await kept(body.decision_id)]).toEqual([200, 0]);
    let answered = false;
    const claiming = ask(server, { request_id: 'wait' }).finally(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(answered).toBe(false);
    await unblock();
    await claiming;
    await server.services.recorder.settled();
    expect(await kept(body.decision_id)).toBe(1);
    expect(server.services.recorder.counts).toEqual({ waiting: 0, spooled: 0, lost: 0 });
    // An outcome may come before the decision is written.
    const { decision_id: id } = (await ask(server)).body;
    expect((await server.call('reportOutcome', { params: { id }, body: { status: 'success' } })).status).toBe(200);
  });

  it('makes answers of an async log wait for their commit once many decisions wait', async () => {
    const server = await start({ config: { decisionLog: 'async' }, recorderLimits: { answeredRows: 3 } });
    await server.services.recorder.settled();
    const unblock = await blockLog();
    for (let before = 0; before < 3; before += 1) expect((await ask(server)).status).toBe(200);
    let answered = false;
    const fourth = ask(server).finally(() => {
      answered = true;
    });
    await until(() => server.services.recorder.counts.waiting === 4);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(answered).toBe(false);
    await unblock();
    expect(await kept((await fourth).body.decision_id)).toBe(1);
  });

  it('loses nothing of an async log when it is stopped in order', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'ps-async-'));
    const server = await start({ config: { decisionLog: 'async', dataDir } });
    const answers = await Promise.all(Array.from({ length: 300 }, () => ask(server)));
    await servers.pop()?.close();
    // Had the database been too slow, they would be on disk, for the next server.
    await (await start({ config: { dataDir } })).services.recorder.recover();
    const { rows } = await database.db.pool.query('select count(*) as n from decision where id = any ($1::uuid[])', [
      answers.map(({ body }) => body.decision_id),
    ]);
    expect(rows[0].n).toBe(300);
    await rm(dataDir, { recursive: true, force: true });
  });

  it.each(['durable', 'async'] as const)('refuses when too much waits to be recorded (%s)', async (decisionLog) => {
    const server = await start({ config: { decisionLog }, recorderLimits: { waitingRows: 5 } });
    await server.services.recorder.settled();
    const unblock = await blockLog();
    let refusals = 0;
    const asked = Array.from({ length: 12 }, async () => {
      const answer = await ask(server);
      if (answer.status === 503) refusals += 1;
      return answer;
    });
    await until(() => refusals === 7);
    expect(server.services.recorder.counts.waiting).toBe(5);
    const whole = await server.call('evaluateBatch', {
      body: { requests: [{ agent: 'a', action: 'b', context: {} }, 'not a request'] },
    });
    expect([whole.status, whole.problem.code]).toEqual([503, 'overloaded']);
    await unblock();
    const answers = await Promise.all(asked);
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.map(({ problem }) => problem.code)).toEqual(Array.from({ length: 7 }, () => 'overloaded'));
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    await server.services.recorder.settled();
    expect((await ask(server)).status).toBe(200);
  });

  it('keeps one decision that cannot be written from taking its group with it', async () => {
    const server = await start();
    await database.db.pool.query(`
      create function refuse_poison() returns trigger language plpgsql as $$
        begin if new.agent = 'poison' then raise exception 'poison'; end if; return new; end $$;
      create trigger refuse_poison before insert on decision for each row execute function refuse_poison()`);
    const unblock = await blockLog();
    const first = ask(server);
    await until(() => server.services.recorder.counts.waiting === 1);
    const asked = Array.from({ length: 9 }, (_, index) => ask(server, index === 4 ? { agent: 'poison' } : {}));
    await until(() => server.services.recorder.counts.waiting === 10);
    await unblock();
    const answers = await Promise.all([first, ...asked]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 500, 200, 200, 200, 200]);
    for (const { status, body } of answers) if (status === 200) expect(await kept(body.decision_id)).toBe(1);
    await database.db.pool.query('drop trigger refuse_poison on decision; drop function refuse_poison()');
  });

  it('has a decision once when the connection broke and nobody knows whether it was committed', async () => {
    const server = await start();
    const unblock = await blockLog();
    const asked = [ask(server), ask(server, { request_id: 'broken' })];
    await until(() => server.services.recorder.counts.waiting > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await database.db.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'policy-studio recorder' and state = 'active'`,
    );
    const answers = await Promise.all(asked);
    await unblock();
    await server.services.recorder.recover();
    expect(server.services.recorder.databaseAway).toBe(false);
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(await kept(body.decision_id)).toBe(1);
    }
    expect((await ask(server, { request_id: 'broken' })).body.decision_id).toBe(answers[1]?.body.decision_id);
  });

  it('treats a database that does not answer in time as one that is away', async () => {
    const server = await start({ recorderLimits: { answerMs: 700 } });
    const unblock = await blockLog();
    const { status, body } = await ask(server);
    expect(status).toBe(200);
    expect(server.services.recorder.counts.spooled).toBe(1);
    expect((await ask(server)).body.overlays).toMatchObject([{ kind: 'database_unavailable' }]);
    await unblock();
    await server.services.recorder.recover();
    expect([await kept(body.decision_id), server.services.recorder.counts.spooled]).toEqual([1, 0]);
  });
});
