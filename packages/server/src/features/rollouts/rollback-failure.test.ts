import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lockEnforcement } from '../approvals/transaction.js';
import { tickRollouts } from './controller.js';
import { before, openYard, strict, type Yard } from './rollouts.testkit.js';

const log = pino({ level: 'silent' });
let yard: Yard;
let stable: number;
beforeAll(async () => {
  yard = await openYard();
  await yard.db.pool.query(
    `create function break_it() returns trigger language plpgsql as $$ begin raise 'the disk is full'; end $$`,
  );
});
afterAll(() => yard?.close());
beforeEach(async () => {
  await yard.db.pool.query(`update incident set status = 'closed', closed_at = now() where status <> 'closed'`);
  stable = (await yard.rollOut(before, 100, { supersede: true })).id;
});

const tick = () => tickRollouts({ ...yard.services, log }, yard.now());
const incidents = async (kind: string) =>
  (await yard.call('listIncidents', { query: { kind, unresolved_only: true } })).body.incidents;
const failures = async () => {
  // Figures are kept for some seconds.
  yard.advance(5_000);
  const text = await (await fetch(`${yard.url}/metrics`)).text();
  return Number(/^policy_rollback_failures (\d+)$/m.exec(text)?.[1]);
};
const events = async (kind: string, rollout: number) =>
  (
    await yard.db.pool.query<{ data: object }>('select data from event where kind = $1 and subject = $2 order by seq', [
      kind,
      `rollout/${rollout}`,
    ])
  ).rows.map(({ data }) => data);

/** Makes a statement of the database fail until the returned function mends it. */
async function broken(table: string, when: string): Promise<() => Promise<void>> {
  await yard.db.pool.query(`create trigger broken before ${when} on ${table} for each row execute function break_it()`);
  return async () => {
    await yard.db.pool.query(`drop trigger broken on ${table}`);
  };
}

describe('a rollback that the database refuses', () => {
  it('is an incident, one event and a metric, is tried at every look, and ends the incident when it goes through', async () => {
    const { id, version } = await yard.rollOut(strict, 50);
    const rollout = await yard.rolloutOf(id);
    await yard.ask(200);
    const mend = await broken('bundle', 'update of status');
    try {
      expect(await tick()).toBe(0);
      expect(await tick()).toBe(0);
      yard.advance(5_000);
      expect(await tick()).toBe(0);
      expect(await yard.rolloutOf(id)).toMatchObject({ phase: 'canary', share_pct: 50 });
      expect(await incidents('rollback_failed')).toMatchObject([
        {
          severity: 'critical',
          key: `rollout/${rollout.id}/rollback`,
          occurrences: 3,
          summary: `bundle ${version} is to be rolled back and could not be: the disk is full`,
          details: { rollout_id: rollout.id, cause: 'the disk is full' },
        },
      ]);
      expect(await events('rollout.rollback_failed', rollout.id)).toMatchObject([{ bundle_id: id, version }]);
      expect(await failures()).toBe(1);
    } finally {
      await mend();
    }
    expect(await tick()).toBe(1);
    expect((await yard.rolloutOf(id)).phase).toBe('rolled_back');
    expect((await yard.bundle(stable)).traffic_pct).toBe(100);
    expect(await incidents('rollback_failed')).toEqual([]);
    expect(await failures()).toBe(0);
    expect(await incidents('rollback')).toMatchObject([{ severity: 'high' }]);
  });

  it('keeps no other workspace from being rolled back', async () => {
    await yard.db.pool.query(
      `with made as (insert into workspace (name) values ('other') returning id)
       insert into setting select id, '{"four_eyes": false}', 'test', now() from made`,
    );
    const other = { headers: { 'x-workspace': 'other' } };
    const inForce = async (rules: readonly unknown[], version: string, share: number) => {
      const { body } = await yard.call('createBundle', { ...other, body: { version, rules } });
      const approval = await yard.call('createApproval', {
        ...other,
        body: { kind: 'activation', bundle_id: body.id, initial_pct: share, justification: 'a test', risk: 'low' },
      });
      await yard.call('approve', { ...other, params: { id: approval.body.id }, body: {} });
      const done = await yard.call('activateBundle', {
        ...other,
        params: { id: body.id },
        body: { approval_id: approval.body.id, canary_pct: share },
      });
      expect(done.status, JSON.stringify(done.body)).toBe(200);
      return body.id;
    };
    await inForce(before, '1.0.0', 100);
    const bad = await inForce(strict, '2.0.0', 50);
    const requests = Array.from({ length: 200 }, (_, index) => ({
      agent: 'inbox.triage',
      action: 'escalate',
      context: {},
      session: `other-${index}`,
    }));
    await yard.call('evaluateBatch', { ...other, body: { requests } });

    const { id } = await yard.rollOut(strict, 50);
    await yard.ask(200);
    const holder = await yard.db.pool.connect();
    try {
      // Somebody hangs with the locks of the first workspace.
      await holder.query('begin');
      await lockEnforcement(holder, 1);
      const begun = performance.now();
      expect(await tick()).toBe(1);
      expect(performance.now() - begun).toBeLessThan(8_000);
      expect((await yard.call('getBundle', { ...other, params: { id: bad } })).body.status).toBe('rolled_back');
      expect((await yard.bundle(id)).status).toBe('canary');
      expect(await incidents('rollback_failed')).toMatchObject([
        { details: { cause: expect.stringContaining('lock') } },
      ]);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    expect(await tick()).toBe(1);
    expect((await yard.bundle(id)).status).toBe('rolled_back');
  }, 20_000);
});

describe('what is only told about a rollback', () => {
  it.each([
    ['its incident', 'incident', 'insert'],
    ['the note at the bundle before', 'bundle', 'update of metadata'],
  ])('does not keep it from happening: %s', async (_, table, when) => {
    const { id } = await yard.rollOut(strict, 50);
    await yard.ask(200);
    const mend = await broken(table, when);
    try {
      expect(await tick()).toBe(1);
    } finally {
      await mend();
    }
    expect((await yard.rolloutOf(id)).phase).toBe('rolled_back');
    expect((await yard.bundle(stable)).traffic_pct).toBe(100);
  });

  it('is logged by whoever rolled back', async () => {
    const lines: string[] = [];
    const loud = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
    await yard.rollOut(strict, 50);
    await yard.ask(200);
    const mend = await broken('incident', 'insert');
    try {
      await tickRollouts({ ...yard.services, log: loud }, yard.now());
    } finally {
      await mend();
    }
    expect(lines.some((line) => line.includes('not all of it could be told'))).toBe(true);
  });
});

describe('a server that does not come to a rollback', () => {
  it('is named in an incident, live or silent, until it decides by it or is gone', async () => {
    const { pool } = yard.db;
    const { id } = await yard.rollOut(strict, 50);
    const rollout = await yard.rolloutOf(id);
    await pool.query(
      `insert into replica (id, host, version, started_at, seen_at) values
         ('well', 'host-a', '1', now(), now()), ('stuck', 'host-b', '1', now(), now()),
         ('cut-off', 'host-c', '1', now(), now()), ('long-gone', 'host-d', '1', now(), now() - interval '20 minutes')`,
    );
    await pool.query(
      `insert into replica_generation select 1, id, (select generation from workspace where id = 1), now() from replica`,
    );
    await yard.ask(200);
    await tick();
    const reached = (server: string) =>
      pool.query(
        `update replica_generation set generation = (select undone_generation from rollout where id = $2) where replica_id = $1`,
        [server, rollout.id],
      );
    await reached('well');
    await tick();
    expect(await incidents('rollback_failed')).toEqual([]);

    // Twenty seconds later, by the clock of the database.
    await pool.query(`update rollout set undone_at = undone_at - interval '20 seconds' where id = $1`, [rollout.id]);
    await pool.query(`update replica set seen_at = seen_at - interval '20 seconds' where id = 'cut-off'`);
    await tick();
    expect(await incidents('rollback_failed')).toMatchObject([
      {
        severity: 'critical',
        summary: expect.stringMatching(/host-c \(cut-off, silent\), host-b \(stuck\)$/),
        details: { servers: [{ id: 'cut-off' }, { id: 'stuck' }] },
      },
    ]);
    expect(await failures()).toBe(1);
    await reached('stuck');
    await pool.query(`delete from replica where id = 'cut-off'`);
    await tick();
    expect([await incidents('rollback_failed'), await failures()]).toEqual([[], 0]);
    expect(await events('rollout.rollback_failed', rollout.id)).toHaveLength(1);
    await pool.query('delete from replica');
  });
});
