import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEntry, auditEntryHash } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../packages/server/src/database/database.testkit.js';
import { adminToken, freePort, type PolicyServer, startPolicyServer } from '../decisions/policy-server.testkit.js';

let database: TestDatabase;
let folder: string;
const servers: PolicyServer[] = [];
beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'policy-studio-rollout-kill-'));
  const settings = { four_eyes: false, catalog: 'open', dwell_hours: 0, steps: [20, 40, 60, 80, 100] };
  await query(`insert into setting select id, $1, 'test', now() from workspace where name = 'default'`, [
    JSON.stringify(settings),
  ]);
});
afterEach(async () => {
  for (const server of servers) server.signal('SIGKILL');
  await Promise.all(servers.map(({ exited }) => exited));
  servers.length = 0;
});
afterAll(async () => {
  await database?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const query = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  (await database.db.pool.query<T>(text, values)).rows;

/** One more server of the same installation, as a process of its own, with timers of its own. */
async function replica(name: string): Promise<PolicyServer> {
  const server = await startPolicyServer(join(folder, name), await freePort(), {
    DATABASE_URL: database.url,
    CREATE_TABLES_ON_STARTUP: 'true',
    HMAC_SECRET: 'rollout-kill-test-hmac-secret-0123456789',
  });
  servers.push(server);
  return server;
}

async function ask<T>(server: PolicyServer, path: string, body: object): Promise<T> {
  const response = await fetch(`${server.url}/policy${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
}

let versions = 0;
/** Approves and activates a fresh bundle with one rule; its id. */
async function activate(server: PolicyServer, effect: 'allow' | 'deny', share: number): Promise<number> {
  const version = `1.${versions++}.0`;
  const rules = [{ id: 'only', agent: 'mailer', action: 'send', effect, reason: `what version ${version} says` }];
  const { id } = await ask<{ id: number }>(server, '/bundles', { version, rules });
  const approval = await ask<{ id: number }>(server, '/approvals', {
    kind: 'activation',
    bundle_id: id,
    initial_pct: share,
    justification: 'a bundle of a test',
    risk: 'low',
  });
  await ask(server, `/approvals/${approval.id}/approve`, {});
  await ask(server, `/bundles/${id}/activate`, { approval_id: approval.id, canary_pct: share, supersede: true });
  return id;
}

const traffic = (server: PolicyServer, count: number) =>
  ask(server, '/evaluate/batch', {
    requests: Array.from({ length: count }, (_, index) => ({
      agent: 'mailer',
      action: 'send',
      context: {},
      session: `session-${index}`,
    })),
  });

/** Half a tick: holds the lock that every change of a workspace takes last, until `let go`. */
async function heldWorkspace(): Promise<PoolClient> {
  const holder = await database.db.pool.connect();
  await holder.query('begin');
  // Decisions go on: only those who record a change wait.
  await holder.query('select 1 from workspace where id = 1 for no key update');
  return holder;
}

async function letGo(holder: PoolClient): Promise<void> {
  await holder.query('commit');
  holder.release();
}

const waiting = async () =>
  (
    await query<{ n: number }>(
      `select count(*) as n from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%from workspace%'`,
    )
  )[0]?.n ?? 0;

interface Stand {
  readonly phase: string;
  readonly share: number;
  readonly places: readonly string[];
}

/** Where a rollout and its two bundles stand, read at once. */
async function standOf(bundle: number): Promise<Stand> {
  const [row] = await query<Stand>(
    `select r.phase, r.share_pct as share,
            array(select b.status || ' ' || b.traffic_pct from bundle b
                   where b.id in (r.bundle_id, r.previous_bundle_id) order by b.id = r.bundle_id desc) as places
       from rollout r where r.bundle_id = $1`,
    [bundle],
  );
  if (!row) throw new Error('there is no such rollout');
  return row;
}

/** That the record of the workspace has no gap and no forged link, whoever was killed while writing it. */
async function chainHolds(): Promise<void> {
  const events = await query<Omit<AuditEntry, 'at'> & { at: Date }>(
    'select seq, at, actor, kind, subject, data, hash from event where workspace_id = 1 order by seq',
  );
  let before = '';
  for (const [index, event] of events.entries()) {
    expect(event.seq).toBe(index + 1);
    before = auditEntryHash(before, { ...event, at: event.at.toISOString() });
    expect(event.hash).toBe(before);
  }
}

describe('a server that is killed while it moves a rollout', { timeout: 120_000 }, () => {
  it('leaves a rollback undone, and the next one makes it once', async () => {
    const survivor = await replica('survivor');
    const stable = await activate(survivor, 'allow', 100);
    const victim = await replica('victim');
    const bad = await activate(survivor, 'deny', 20);
    // The survivor must not be the one that is in the middle of it.
    survivor.signal('SIGSTOP');
    const holder = await heldWorkspace();
    try {
      await traffic(victim, 400);
      await expect.poll(waiting, { timeout: 20_000, interval: 20 }).toBeGreaterThan(0);
      victim.signal('SIGKILL');
      await victim.exited;
      expect(await standOf(bad)).toEqual({ phase: 'canary', share: 20, places: ['canary 20', 'active 80'] });
    } finally {
      await letGo(holder);
    }
    expect(await standOf(bad)).toMatchObject({ phase: 'canary', share: 20 });
    survivor.signal('SIGCONT');
    await expect.poll(async () => (await standOf(bad)).phase, { timeout: 30_000, interval: 50 }).toBe('rolled_back');
    expect(await standOf(bad)).toEqual({ phase: 'rolled_back', share: 0, places: ['rolled_back 0', 'active 100'] });
    const events = await query<{ kind: string }>(
      `select kind from event where kind in ('rollout.rolled_back', 'rollout.rollback_failed')`,
    );
    expect(events).toEqual([{ kind: 'rollout.rolled_back' }]);
    expect(await query(`select severity, occurrences from incident where kind = 'rollback'`)).toEqual([
      { severity: 'high', occurrences: 1 },
    ]);
    expect(await query('select id from bundle where active')).toEqual([{ id: stable }]);
    await chainHolds();
  });

  it('wherever it is killed, the rollout stands on a step and the others go on to the end', async () => {
    const survivor = await replica('first');
    await activate(survivor, 'allow', 100);
    const good = await activate(survivor, 'allow', 20);
    const legal = new Set(['canary 20', 'canary 40', 'canary 60', 'canary 80', 'baking 100', 'completed 100']);
    const check = async (): Promise<string> => {
      const { phase, share, places } = await standOf(good);
      const stand = `${phase} ${share}`;
      expect(legal).toContain(stand);
      expect(places).toEqual(
        phase === 'canary' ? [`canary ${share}`, `active ${100 - share}`] : ['active 100', 'superseded 0'],
      );
      return stand;
    };
    for (let round = 0; round < 3; round++) {
      const victim = await replica(`victim-${round}`);
      for (let slice = 0; slice < 3; slice++) await traffic(victim, 1000);
      // Its first look is at its start, the next after five seconds.
      await sleep(1_000 * round + 137 * round);
      victim.signal('SIGKILL');
      await victim.exited;
      await check();
    }
    const end = async () => {
      await traffic(survivor, 1000);
      return check();
    };
    await expect.poll(end, { timeout: 60_000, interval: 500 }).toMatch(/baking|completed/);
    const steps = await query<{ share: number }>(
      `select (data->'to'->>'share_pct')::integer as share from event
        where kind = 'rollout.promoted' and (data->>'bundle_id')::integer = $1 order by seq`,
      [good],
    );
    expect(steps.map(({ share }) => share)).toEqual([40, 60, 80, 100]);
    await chainHolds();
  });
});
