import { setTimeout as sleep } from 'node:timers/promises';
import type { JobKind } from '@policy-studio/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { withTransaction } from '../../database/connection.js';
import { Refusal } from '../../refusal.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId, steppingClock } from '../decisions/in-force.testkit.js';
import type { JobRow, JobWork } from './queries.js';
import { forgetJobs } from './retention.js';
import { type JobRunOptions, runNextJob } from './run.js';
import { enqueueJob, maxOpen } from './transaction.js';

const clock = steppingClock('2026-05-01T08:00:00Z');
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server?.close());
beforeEach(() => server.db.pool.query('delete from job'));

async function put(options: { actor?: string; workspaceId?: number; input?: string } = {}): Promise<JobRow | Refusal> {
  const { actor = 'Ada', workspaceId = defaultWorkspaceId, input = '{}' } = options;
  const job = { workspaceId, kind: 'simulate', input, total: 100, actor, now: clock.now() } as const;
  return withTransaction(server.db.pool, (tx) => enqueueJob(tx, job));
}
async function queued(options: Parameters<typeof put>[0] = {}): Promise<number> {
  const row = await put(options);
  if (row instanceof Refusal) throw new Error(row.detail);
  return row.id;
}
const read = async (id: number) => (await server.call('getJob', { params: { id } })).body;
const doing = (work: JobWork): Readonly<Record<JobKind, JobWork>> => ({ simulate: work, compare: work, mutate: work });
const quick: JobRunOptions = { heartbeatMs: 20, lostMs: 300 };
const work = (does: JobWork, options: JobRunOptions = quick) => runNextJob(server.services, doing(does), options);
const result = (value: unknown) => ({ result: new TextEncoder().encode(JSON.stringify(value)) });
/** The result as it comes; those of these tests are no simulations, so `call` would find that they break the contract. */
const download = (id: number, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/policy/jobs/${id}/result`, {
    headers: { authorization: `Bearer ${server.adminToken}`, ...headers },
  });
/** Work that goes on until it is told to stop. */
const endless: JobWork = async (_services, _job, { signal }) => {
  await sleep(60_000, undefined, { signal });
  return result('never');
};

describe('a job', () => {
  test('is worked off by whoever asks for work, in order, and its result can be downloaded', async () => {
    const [first, second] = [await queued({ input: '{"n":1}' }), await queued({ input: '{"n":2}' })];
    expect(await read(first)).toMatchObject({
      status: 'queued',
      progress: { done: 0, total: 100 },
      created_by: 'Ada',
      started_at: null,
      expires_at: null,
    });
    expect(await work(async (_services, { input }) => result({ did: JSON.parse(input).n }))).toBe(true);
    const done = await read(first);
    expect(done).toMatchObject({
      status: 'done',
      progress: { done: 100, total: 100 },
      started_at: '2026-05-01T08:00:00.000Z',
      finished_at: '2026-05-01T08:00:00.000Z',
      expires_at: '2026-05-02T08:00:00.000Z',
      error: null,
    });
    expect((await read(second)).status).toBe('queued');
    for (const encoding of ['gzip', 'identity', 'gzip;q=0']) {
      const answer = await download(first, { 'accept-encoding': encoding });
      expect(answer.headers.get('content-encoding')).toBe(encoding === 'gzip' ? 'gzip' : null);
      expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="policy-simulate-${first}.json"`);
      expect(await answer.json()).toEqual({ did: 1 });
    }
    expect(done.result_bytes).toBe('{"did":1}'.length);
    expect(await work(async () => result(0))).toBe(true);
    expect(await work(async () => result(0))).toBe(false);
  });

  test('tells how far it is while it runs', async () => {
    const id = await queued();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const running = work(async (_services, _job, { progress }) => {
      progress(37, 80);
      await ended;
      return result(1);
    });
    await expect.poll(() => read(id)).toMatchObject({ status: 'running', progress: { done: 37, total: 80 } });
    const early = await server.call('getJobResult', { params: { id } });
    expect(early.problem).toMatchObject({ code: 'job_not_done', detail: `job ${id} is running` });
    end();
    await running;
    expect((await read(id)).progress).toEqual({ done: 80, total: 80 });
  });

  test('stops when it is canceled, waiting or running, and frees its server', async () => {
    const [waiting, running] = [await queued(), await queued()];
    expect((await server.call('cancelJob', { params: { id: waiting } })).body.status).toBe('canceled');
    const worked = work(endless);
    await expect.poll(async () => (await read(running)).status).toBe('running');
    expect((await server.call('cancelJob', { params: { id: running } })).body.status).toBe('canceled');
    expect(await worked).toBe(true);
    expect(await read(running)).toMatchObject({ status: 'canceled', error: null, result_bytes: null });
    // Again: nothing changes.
    clock.advance(1_000);
    const again = await server.call('cancelJob', { params: { id: running } });
    expect([again.status, again.body]).toEqual([200, await read(running)]);
    const { problem } = await server.call('getJobResult', { params: { id: running } });
    expect(problem.code).toBe('job_not_done');
  });

  test('that has ended cannot be canceled, and only by its own person or an admin', async () => {
    const author = await server.createKey('author', { owner: 'Ben' });
    const [done, others, own] = [await queued(), await queued(), await queued({ actor: 'Ben' })];
    await work(async () => result(1));
    const { problem: late } = await server.call('cancelJob', { params: { id: done } });
    expect(late).toMatchObject({ code: 'job_ended', status: 409 });
    const { problem: foreign } = await server.call('cancelJob', { params: { id: others }, token: author });
    expect(foreign).toMatchObject({ code: 'forbidden' });
    expect((await server.call('cancelJob', { params: { id: own }, token: author })).body.status).toBe('canceled');
  });

  test('that fails says why; one that breaks says only that it is our fault', async () => {
    const quiet = server.services.log.level;
    server.services.log.level = 'silent';
    const [failed, broken] = [await queued(), await queued()];
    await work(async () => ({ failed: 'there is no list `vips`' }));
    await work(async () => {
      throw new Error('the secret of the stack');
    });
    server.services.log.level = quiet;
    expect(await read(failed)).toMatchObject({ status: 'failed', error: 'there is no list `vips`' });
    const { error, status } = await read(broken);
    expect([status, error]).toEqual(['failed', 'something broke on our side; the server log names the job']);
    const { problem } = await server.call('getJobResult', { params: { id: failed } });
    expect(problem.detail).toContain('there is no list `vips`');
  });

  test('that takes too long fails, so that others get their turn', async () => {
    const id = await queued();
    expect(await work(endless, { ...quick, maxRunMs: 60 })).toBe(true);
    expect(await read(id)).toMatchObject({
      status: 'failed',
      error: 'it took longer than 0.001 minutes; take fewer cases',
      progress: { done: 0, total: 100 },
    });
  });

  test('of a server that has gone is taken over, and what the lost one writes counts for nothing', async () => {
    const id = await queued();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    // Says nothing while it works, as a server whose network is cut.
    const cut = work(
      async () => {
        await ended;
        return result('lost');
      },
      { ...quick, heartbeatMs: 60_000 },
    );
    await expect.poll(async () => (await read(id)).status).toBe('running');
    expect(await work(async () => result('too early'))).toBe(false);
    await sleep(350);
    let runs = 0;
    const over = work(async () => {
      runs += 1;
      end();
      await cut;
      return result('taken over');
    });
    expect(await over).toBe(true);
    expect(runs).toBe(1);
    expect(await (await download(id)).json()).toBe('taken over');
  });

  test('that loses its server again and again is given up with a reason', async () => {
    const id = await queued();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      // A server that was killed: it claims the job and is never heard of again.
      await server.db.pool.query(
        `update job set status = 'running', runner = gen_random_uuid(), attempts = attempts + 1, heartbeat_at = 'epoch'
          where id = $1`,
        [id],
      );
    }
    let runs = 0;
    expect(
      await work(async () => {
        runs += 1;
        return result(1);
      }),
    ).toBe(false);
    expect(runs).toBe(0);
    const { status, error } = await read(id);
    expect([status, error]).toEqual(['failed', 'the server doing it was lost 3 times; make it smaller']);
  });

  test('goes back in line when its server stops, for another to begin it anew', async () => {
    const id = await queued();
    const stopping = new AbortController();
    const leaving = runNextJob({ ...server.services, stopping: stopping.signal }, doing(endless), quick);
    await expect.poll(async () => (await read(id)).status).toBe('running');
    stopping.abort();
    await leaving;
    expect((await read(id)).status).toBe('queued');
    expect(await runNextJob({ ...server.services, stopping: stopping.signal }, doing(endless), quick)).toBe(false);
    // Leaving in order is no attempt that failed.
    const { rows } = await server.db.pool.query('select attempts from job where id = $1', [id]);
    expect(rows[0].attempts).toBe(0);
    await work(async () => result('whole'));
    expect(await (await download(id)).json()).toBe('whole');
  });
});

describe('jobs', () => {
  test('are done once each, however many servers look for work', async () => {
    const ids = await Promise.all(Array.from({ length: maxOpen }, () => queued()));
    const did: number[] = [];
    const server2: JobWork = async (_services, { id }) => {
      did.push(id);
      await sleep(5);
      return result(id);
    };
    const worked = await Promise.all(Array.from({ length: 12 }, () => work(server2)));
    expect(worked.filter(Boolean)).toHaveLength(maxOpen);
    expect(did.sort((a, b) => a - b)).toEqual(ids.sort((a, b) => a - b));
  });

  test('of one workspace do not hold up those of another', async () => {
    const { rows } = await server.db.pool.query<{ id: number }>(
      `insert into workspace (name) values ('jobs-beside') returning id`,
    );
    const other = rows[0]?.id as number;
    for (let count = 0; count < 3; count += 1) await queued();
    await queued({ workspaceId: other });
    await queued({ workspaceId: other });
    const order: number[] = [];
    while (
      await work(async (_services, { workspaceId }) => {
        clock.advance(1_000);
        order.push(workspaceId);
        return result(1);
      })
    );
    expect(order.map((id) => id === other)).toEqual([false, true, false, true, false]);
  });

  test('are at most five at a time in a workspace', async () => {
    const answers = await Promise.all(Array.from({ length: maxOpen + 3 }, () => put()));
    const refused = answers.filter((answer) => answer instanceof Refusal);
    expect(refused.map(({ code }) => code)).toEqual(['too_many_jobs', 'too_many_jobs', 'too_many_jobs']);
    await work(async () => result(1));
    expect(await put()).not.toBeInstanceOf(Refusal);
  });

  test('are listed newest first, and only those of the workspace', async () => {
    const ids = [await queued(), await queued(), await queued()];
    const { body } = await server.call('listJobs', { query: { limit: 2 } });
    expect(body).toMatchObject({ total: 3, limit: 2, offset: 0 });
    expect(body.jobs.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    const beside = { 'x-workspace': 'jobs-beside' };
    expect((await server.call('listJobs', { headers: beside })).body.total).toBe(0);
    for (const operation of ['getJob', 'cancelJob', 'getJobResult'] as const) {
      const { status } = await server.call(operation, { params: { id: ids[0] as number }, headers: beside });
      expect(status).toBe(404);
    }
  });

  test('go 24 hours after their end, and earlier where there are more than a hundred', async () => {
    const old = await queued();
    await work(async () => result(1));
    const open = await queued();
    clock.advance(24 * 3_600_000 - 1);
    expect(await forgetJobs(server.db.pool, clock.now().getTime())).toBe(0);
    clock.advance(1);
    expect(await forgetJobs(server.db.pool, clock.now().getTime())).toBe(1);
    expect((await server.call('getJob', { params: { id: old } })).problem.code).toBe('not_found');
    expect((await read(open)).status).toBe('queued');
    await server.db.pool.query(
      `insert into job (workspace_id, kind, status, result, created_by, created_at, finished_at)
       select 1, 'simulate', 'done', '', 'Ada', $1, $1::timestamptz + n * interval '1 ms' from generate_series(1, 103) n`,
      [clock.now()],
    );
    expect(await forgetJobs(server.db.pool, clock.now().getTime())).toBe(3);
    const { rows } = await server.db.pool.query('select min(finished_at) as oldest from job');
    expect(rows[0].oldest).toEqual(new Date(clock.now().getTime() + 4));
  });
});
