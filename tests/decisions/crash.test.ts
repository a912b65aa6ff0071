import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleDigest, type RuleInput } from '@policy-studio/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../packages/server/src/database/connection.js';
import { asSystem } from '../../packages/server/src/database/scope.js';
import { type Load, startLoad } from './load.testkit.js';
import { adminToken, freePort, type PolicyServer, startPolicyServer } from './policy-server.testkit.js';

const full = process.env.FULL === '1';
const nodeKills = full ? 20 : 2;
const databaseKills = full ? 5 : 1;
const quiet = { info: () => undefined, warn: () => undefined };

let folder: string;
let dataDir: string;
let port: number;
let server: PolicyServer | null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policy-studio-crash-'));
  dataDir = join(folder, 'data');
  port = await freePort();
  server = await startPolicyServer(dataDir, port);
  await rollOut();
});
afterEach(async () => {
  server?.signal('SIGTERM');
  await server?.exited;
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** Has half of the sessions decided by a bundle on its way, so that evidence is recorded along with decisions. */
const rollOut = (): Promise<void> => asSystem(makeRollout);

async function makeRollout(): Promise<void> {
  const rules = [{ id: 'next', agent: '*', action: '*', effect: 'allow', reason: 'for half of them' }];
  const digest = bundleDigest(rules as RuleInput[]);
  const db = await openDatabase({ dataDir, log: quiet });
  try {
    await db.pool.query(
      `with made as (
         insert into bundle (workspace_id, version, rules, status, digest, lint, created_by, created_at, updated_at)
         values (1, '1.0.0', $1, 'canary', $2, '{}', 'test', now(), now()) returning id
       )
       insert into rollout (workspace_id, bundle_id, digest, phase, share_pct, step, step_entered_at, plan, created_by,
         created_at, updated_at)
       select 1, id, $2, 'canary', 50, 1, now(), '{}', 'test', now(), now() from made`,
      [JSON.stringify(rules), digest],
    );
    await db.pool.query(`update workspace set generation = generation + 1 where id = 1`);
    await db.pool.query(`select pg_notify('policy_generation', '1:' || generation) from workspace where id = 1`);
  } finally {
    await db.close();
  }
}

/** Everything acknowledged is in the log exactly once, as it was answered, and counted. */
const expectOnRecord = (load: Load): Promise<void> => asSystem(() => compareWithLog(load));

async function compareWithLog({ acknowledged, byRequestId, strange }: Load): Promise<void> {
  expect(strange.slice(0, 3)).toEqual([]);
  const db = await openDatabase({ dataDir, log: quiet });
  try {
    const { rows } = await db.pool.query<{ id: string; effect: string; agent: string; name: number; turn: number }>(
      `select id, effect, agent, (context->>'name')::int as name, (context->>'turn')::int as turn from decision
       where id = any ($1::uuid[])`,
      [[...acknowledged.keys()]],
    );
    const stored = new Map(rows.map((row) => [row.id, row]));
    expect(rows).toHaveLength(stored.size);
    const missing = [...acknowledged.keys()].filter((id) => !stored.has(id));
    expect(missing).toEqual([]);
    for (const [id, { effect, agent }] of acknowledged) expect(stored.get(id)).toMatchObject({ effect, agent });
    // While the database was away a server answers for itself only: the answer says so.
    const apart = [...acknowledged.values()]
      .filter(({ overlays }) => overlays.some(({ kind }) => kind === 'database_unavailable'))
      .map((one) => one.decision_id);
    for (const ids of byRequestId.values()) {
      expect(new Set(ids.filter((id) => !apart.includes(id))).size).toBeLessThanOrEqual(1);
    }
    const sums = await db.pool.query(
      `select (select count(*) from decision) as kept, (select sum(decisions) from (
         select decisions from decision_rollup union all select decisions from decision_rollup_delta) r) as counted`,
    );
    expect(sums.rows[0].counted).toBe(sums.rows[0].kept);
    const evidence = await db.pool.query(
      `select (select count(*) from decision where detail::json->'rollout'->>'counted' is not null) as kept,
         (select sum(decisions) from (
           select arm, decisions from rollout_evidence_sum union all select arm, decisions from rollout_evidence_delta
         ) r where arm <> 'shadow') as counted`,
    );
    expect(evidence.rows[0].kept).toBeGreaterThan(0);
    expect(evidence.rows[0].counted).toBe(evidence.rows[0].kept);
  } finally {
    await db.close();
  }
}

/** Waits until the database is there and nothing is left in the spool. */
async function drained(): Promise<void> {
  for (let wait = 0; ; wait += 1) {
    const { database, spooled_records: spooled } = await readSystem().catch(() => ({
      database: 'away',
      spooled_records: 1,
    }));
    if (database === 'ok' && spooled === 0) return;
    if (wait > 300) throw new Error(`the spool is not drained: ${spooled} records, database ${database}`);
    await sleep(100);
  }
}

async function readSystem(): Promise<{ database: string; spooled_records: number }> {
  const response = await fetch(`http://127.0.0.1:${port}/policy/system`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  return (await response.json()) as { database: string; spooled_records: number };
}

async function acknowledgesMore(load: Load, decisions: number): Promise<void> {
  const wanted = load.acknowledged.size + decisions;
  for (let wait = 0; load.acknowledged.size < wanted; wait += 1) {
    if (wait > 4_000) throw new Error(`stuck at ${load.acknowledged.size} decisions`);
    await sleep(10);
  }
}

describe('what was acknowledged', { timeout: full ? 600_000 : 90_000 }, () => {
  it('is on record exactly once after the server was killed again and again, and then told to stop under load', async () => {
    const load = startLoad(`http://127.0.0.1:${port}`, 20);
    for (let kill = 0; kill < nodeKills; kill += 1) {
      await acknowledgesMore(load, 200 + 97 * (kill % 5));
      server?.signal('SIGKILL');
      await server?.exited;
      server = await startPolicyServer(dataDir, port);
    }
    await acknowledgesMore(load, 200);
    const started = performance.now();
    server?.signal('SIGTERM');
    // In order: nobody gets a broken answer, and nothing that was answered is left unwritten.
    expect(await server?.exited).toBe(0);
    expect(performance.now() - started).toBeLessThan(8_000);
    await load.stop();
    server = null;
    expect(load.acknowledged.size).toBeGreaterThan(200 * nodeKills);
    await expectOnRecord(load);
  });

  it('is on record exactly once after the database was killed, while decisions went on', async () => {
    const load = startLoad(`http://127.0.0.1:${port}`, 20);
    for (let kill = 0; kill < databaseKills; kill += 1) {
      await acknowledgesMore(load, 200);
      const file = join(dataDir, 'postgres', 'cluster', 'postmaster.pid');
      process.kill(Number((await readFile(file, 'utf8')).split('\n')[0]), 'SIGKILL');
      await acknowledgesMore(load, 400);
      await drained();
    }
    await load.stop();
    const spooled = [...load.acknowledged.values()].filter(({ overlays }) =>
      overlays.some(({ kind }) => kind === 'database_unavailable'),
    );
    expect(spooled.length).toBeGreaterThan(0);
    await expectOnRecord(load);
  });
});
