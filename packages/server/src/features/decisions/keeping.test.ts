import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/schedule.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId, putInForce, steppingClock } from './in-force.testkit.js';
import { dropPartitionsBefore, ensurePartitions, ensurePartitionsAhead, listPartitions } from './partitions.js';
import { applyRetention, forgetRequestIds } from './retention.js';
import { compactRollups } from './rollups.js';

const dayMs = 24 * 3_600_000;
const clock = steppingClock('2026-03-04T12:00:00Z');
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
  await putInForce(server, {
    rules: [{ id: 'yes', agent: '*', action: '*', effect: 'allow', reason: 'fine', budget: { cost: 1 } }],
  });
});
afterAll(() => server.close());

const pool = () => server.db.pool;
const names = async () => (await listPartitions(pool())).map(({ name }) => name);
const ask = async (more: object = {}) => {
  await server.services.enforcement.poll();
  return (await server.call('evaluate', { body: { agent: 'a', action: 'b', context: {}, ...more } })).body;
};
const count = async (from: string) => (await pool().query(`select count(*) as n from ${from}`)).rows[0].n;

describe('partitions', () => {
  it('are made when a decision needs one, for every server at once', async () => {
    expect(await names()).toEqual([]);
    await Promise.all(Array.from({ length: 10 }, () => ask()));
    expect(await names()).toEqual(['decision_20260304']);
  });

  it('are made ahead, so that midnight finds its own', async () => {
    await Promise.all(Array.from({ length: 4 }, () => ensurePartitionsAhead(pool(), clock.now().getTime(), 3)));
    expect(await names()).toEqual(['decision_20260304', 'decision_20260305', 'decision_20260306']);
    const { rows } = await pool().query(
      `select count(*) as n from pg_index where indrelid = 'decision_20260306'::regclass`,
    );
    expect(rows[0].n).toBe(4);
  });

  it('hold exactly the ids of their day', async () => {
    clock.advance(dayMs / 2 - 1);
    const last = await ask();
    clock.advance(1);
    const first = await ask();
    const { rows } = await pool().query(
      'select id, tableoid::regclass::text as part from decision where id = any ($1::uuid[]) order by id',
      [[last.decision_id, first.decision_id]],
    );
    expect(rows.map(({ part }) => part)).toEqual(['decision_20260304', 'decision_20260305']);
  });
});

describe('roll-ups', () => {
  it('add up to the log before and after they are folded, by many at once', async () => {
    for (let index = 0; index < 20; index += 1) await ask({ agent: index % 2 ? 'x' : 'y' });
    const sums = async () =>
      (
        await pool().query(
          `select sum(decisions) as decisions, sum(cost) as cost from (
             select decisions, cost from decision_rollup union all select decisions, cost from decision_rollup_delta) r`,
        )
      ).rows[0];
    const before = await sums();
    expect(before).toEqual({ decisions: await count('decision'), cost: await count('decision') });
    const early = clock.now().getTime();
    expect(await compactRollups(pool(), early - 60_000)).toBeLessThan(await count('decision_rollup_delta'));
    const taken = await Promise.all(Array.from({ length: 5 }, () => compactRollups(pool(), early + 60_000)));
    expect(taken.reduce((sum, some) => sum + some, 0)).toBeGreaterThan(0);
    expect([await sums(), await count('decision_rollup_delta')]).toEqual([before, 0]);
    await ask({ agent: 'x' });
    await compactRollups(pool(), early + 120_000);
    expect((await sums()).decisions).toBe(before.decisions + 1);
  });
});

describe('request ids', () => {
  it('are kept for 24 hours and forgotten after', async () => {
    const { decision_id: id } = await ask({ request_id: 'kept' });
    await forgetRequestIds(pool(), clock.now().getTime() + dayMs);
    expect((await ask({ request_id: 'kept' })).decision_id).toBe(id);
    expect(await forgetRequestIds(pool(), clock.now().getTime() + dayMs + 1)).toBe(1);
    expect((await ask({ request_id: 'kept' })).decision_id).not.toBe(id);
  });
});

describe('retention', () => {
  it('drops the days nobody keeps and, of the others, what a workspace does not keep', async () => {
    await putInForce(server, { settings: { retention_days: 2 } });
    const { rows } = await pool().query(`insert into workspace (name) values ('long') returning id`);
    await pool().query(
      `insert into setting (workspace_id, "values", updated_by, updated_at) values ($1, '{"retention_days": 4}', 'test', now())`,
      [rows[0].id],
    );
    const kept = await count('decision');
    const config = server.services.config;
    await applyRetention(pool(), config, Date.parse('2026-03-06T12:00:01Z'));
    expect(await count('decision')).toBeLessThan(kept);
    expect(await names()).toContain('decision_20260304');
    await applyRetention(pool(), config, Date.parse('2026-03-09T00:00:00Z'));
    expect(await names()).toEqual(['decision_20260305', 'decision_20260306']);
    await applyRetention(pool(), config, Date.parse('2026-03-19T00:00:00Z'));
    expect([await names(), await count('decision'), await count('decision_rollup')]).toEqual([[], 0, 0]);
    expect(await count('daily_spend')).toBe(0);
  });

  it('waits for nobody: a day in use is left for the next time', async () => {
    await ensurePartitions(pool(), ['019aaaaa-0000-7000-8000-000000000000']);
    const reader = await pool().connect();
    await reader.query('begin; lock table decision in access share mode');
    await expect(dropPartitionsBefore(pool(), clock.now().getTime())).rejects.toMatchObject({ code: '55P03' });
    await reader.query('rollback');
    reader.release();
    expect(await dropPartitionsBefore(pool(), clock.now().getTime())).toHaveLength(1);
  });
});

describe('every job', () => {
  it('runs on an idle server, twice at once', async () => {
    expect(new Set(jobs.map(({ name }) => name)).size).toBe(jobs.length);
    for (const job of jobs) {
      await Promise.all([job.run(server.services, clock.now()), job.run(server.services, clock.now())]);
    }
    expect(await names()).toContain('decision_20260305');
    expect(defaultWorkspaceId).toBe(1);
  });
});
