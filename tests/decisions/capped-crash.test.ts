import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Decision } from '@policy-studio/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDatabase } from '../../packages/server/src/database/connection.js';
import { asSystem } from '../../packages/server/src/database/scope.js';
import { type Load, startLoad } from './load.testkit.js';
import { adminToken, freePort, type PolicyServer, startPolicyServer } from './policy-server.testkit.js';

const full = process.env.FULL === '1';
const kills = full ? 20 : 2;
/** Reached by agent-0 to agent-2 together, and by none of them alone. */
const limits = { workspace: full ? 9_000 : 900, agent: full ? 6_000 : 600 };
const cost = 0.1;
const quiet = { info: () => undefined, warn: () => undefined };

let folder: string;
let dataDir: string;
let port: number;
let server: PolicyServer | null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policy-studio-capped-'));
  dataDir = join(folder, 'data');
  port = await freePort();
  server = await startPolicyServer(dataDir, port);
  await call('PUT', 'settings', {
    catalog: 'open',
    caps: [
      { scope: 'workspace', calls: limits.workspace },
      { scope: 'agent', spend: limits.agent * cost },
    ],
  });
  const rules = [
    { id: 'act', agent: '*', action: 'act', effect: 'allow', reason: 'within the caps', budget: { cost } },
  ];
  const bundle = await call('POST', 'bundles', { version: '1.0.0', rules });
  const approval = await call('POST', 'approvals', {
    kind: 'activation',
    bundle_id: bundle.id,
    initial_pct: 100,
    justification: 'to be killed with',
  });
  await call('POST', `approvals/${approval.id}/approve`, {});
  await call('POST', `bundles/${bundle.id}/activate`, { approval_id: approval.id, canary_pct: 100 });
}, 60_000);
afterEach(async () => {
  server?.signal('SIGTERM');
  await server?.exited;
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

async function call(method: string, path: string, body: object): Promise<{ id: number }> {
  const response = await fetch(`http://127.0.0.1:${port}/policy/${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  return (await response.json()) as { id: number };
}

const refusedByCap = ({ overlays }: Decision): boolean => overlays.some(({ kind }) => kind === 'budget_exhausted');

async function until(load: Load, reached: (decisions: readonly Decision[]) => boolean): Promise<void> {
  for (let wait = 0; !reached([...load.acknowledged.values()]); wait += 1) {
    if (wait > 3_000) throw new Error(`stuck at ${load.acknowledged.size} decisions`);
    await sleep(10);
  }
}

it('caps hold and count what is on record, though the server is killed again and again', {
  timeout: full ? 600_000 : 90_000,
}, async () => {
  const load = startLoad(`http://127.0.0.1:${port}`, 12);
  for (let kill = 1; kill <= kills; kill += 1) {
    const wanted = Math.floor((limits.workspace * 0.8 * kill) / kills);
    await until(load, (all) => all.length >= wanted);
    server?.signal('SIGKILL');
    await server?.exited;
    server = await startPolicyServer(dataDir, port);
  }
  await until(load, (all) => all.filter(refusedByCap).length > 100);
  await load.stop();
  server?.signal('SIGTERM');
  expect(await server?.exited).toBe(0);
  server = null;
  expect(load.strange.slice(0, 3)).toEqual([]);
  await asSystem(() => compareWithLog([...load.acknowledged.values()]));
});

async function compareWithLog(acknowledged: readonly Decision[]): Promise<void> {
  const db = await openDatabase({ dataDir, log: quiet });
  try {
    const { rows: kept } = await db.pool.query<{ id: string; effect: string }>(
      'select id, effect from decision where id = any ($1::uuid[])',
      [acknowledged.map(({ decision_id }) => decision_id)],
    );
    const effects = new Map(kept.map(({ id, effect }) => [id, effect]));
    const otherwise = acknowledged.filter(({ decision_id, effect }) => effects.get(decision_id) !== effect);
    expect(otherwise).toEqual([]);
    const { rows } = await db.pool.query<{
      agent: string;
      amount: number;
      reserved: number;
      calls: number;
      day: string;
    }>(
      `select s.agent, s.day::text as day, s.amount::float8 as amount, s.reserved::float8 as reserved,
         (select count(*) from decision d
           where d.day = s.day and d.effect = 'allow' and (s.agent = '*' or d.agent = s.agent)) as calls
         from daily_spend s`,
    );
    for (const { amount, reserved, calls } of rows) {
      expect([amount, reserved]).toEqual([expect.closeTo(calls * cost, 6), expect.closeTo(calls * cost, 6)]);
    }
    const counted = await db.pool.query<{ calls: number; day: string }>(
      `select calls, day::text as day from daily_spend where agent = '*' order by day`,
    );
    for (const { calls, day } of counted.rows) {
      expect(calls).toBe(rows.find((row) => row.agent === '*' && row.day === day)?.calls);
      expect(calls).toBeLessThanOrEqual(limits.workspace);
    }
    // Midnight may have come in between.
    expect(counted.rows.some(({ calls }) => calls === limits.workspace)).toBe(true);
    // Whichever server was killed, the first refusal is kept for those that tell of it.
    const breaches = await db.pool.query<{ scope: string }>('select scope from cap_breach');
    expect(breaches.rows.map(({ scope }) => scope)).toContain('workspace');
  } finally {
    await db.close();
  }
}
