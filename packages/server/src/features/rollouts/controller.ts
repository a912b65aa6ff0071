import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement, tryLockEnforcement } from '../approvals/transaction.js';
import { wasSeenSince } from '../incidents/queries.js';
import { openIncident } from '../incidents/transaction.js';
import { watchDrift } from './drift.js';
import { rollBackForIncidents } from './incident-rollback.js';
import { type Judged, judged, type RolloutRow, runningRollouts, stateOf } from './queries.js';
import { logUntold, metricOf, rollBack } from './rollback.js';
import { reportFailedRollback, watchRollbacks } from './rollback-failure.js';
import { watchTargets } from './target-watch.js';
import { writeRollout } from './transaction.js';
import { type RolloutEvent, transition } from './transition.js';

/** Who acts when no person does. */
export const controller = 'controller';

/** Looks further apart than this leave a gap that counts for nothing. */
const unseenMs = 10 * 60_000;
/** A hold of this length pages somebody, once. */
const longHoldMs = 24 * 3_600_000;
/** What has been activated within this time can be rolled back for an incident. */
const recentMs = 24 * 3_600_000;
/** How long a rollback waits for a lock. */
const urgentLockMs = 3_000;
/** Workspaces that are looked at side by side. */
const lanes = 3;

type Ticking = Pick<Services, 'db' | 'log' | 'enforcement'>;

/**
 * One look at every rollout: holds come and go, steps that are due are taken, what is critical is rolled back. Any server
 * may do so at any time, several at once; each change is one transaction of whoever gets its lock first. `now` is the time
 * of the whole look. What goes wrong with one rollout keeps no other from being looked at. Returns how many rollouts changed.
 */
export async function tickRollouts(services: Ticking, now: Date): Promise<number> {
  const { rows: left } = await services.db.pool.query<{ workspace_id: number; lively: boolean }>(
    `select workspace_id,
            bool_or(phase in ('shadow', 'canary', 'baking') or coalesce(ended_at > $1, false) or created_at > $1 or coalesce(undone_at > $1, false)) as lively
       from rollout group by workspace_id order by lively desc, workspace_id`,
    [new Date(now.getTime() - recentMs)],
  );
  // A workspace whose locks are held makes the others wait only where there are as many such.
  const lane = async (): Promise<number> => {
    let changed = 0;
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { workspace_id: workspaceId, lively } = next;
      changed += await inWorkspace(workspaceId, () => tickWorkspace(services, workspaceId, lively, now));
    }
    return changed;
  };
  const changes = await Promise.all(Array.from({ length: lanes }, lane));
  return changes.reduce((sum, changed) => sum + changed, 0);
}

/** `lively`: something runs, or ended or began within a day; else only what was completed is watched. */
async function tickWorkspace(services: Ticking, workspaceId: number, lively: boolean, now: Date): Promise<number> {
  const { db, log } = services;
  const { pool } = db;
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.error({ err: error, workspace_id: workspaceId }, `${what} could not be looked at`);
    }
  };
  if (!lively) {
    await attempt('what was completed', () => watchDrift(pool, workspaceId, now));
    return 0;
  }
  let changed = 0;
  // What may have to be rolled back first.
  await attempt('the rollouts of a workspace', async () => {
    await noteLook(pool, workspaceId, now);
    for (const row of await runningRollouts(pool, workspaceId)) {
      await attempt(`rollout ${row.id}`, async () => {
        if (await look(services, row, now)) changed += 1;
      });
      await attempt(`the holds of rollout ${row.id}`, () => pageLongHold(pool, row, now));
    }
  });
  await attempt('incidents', async () => {
    changed += await rollBackForIncidents(services, workspaceId, now);
  });
  await attempt('rollbacks', () => watchRollbacks(pool, workspaceId, now));
  await attempt('what was gone back to', () => watchTargets(pool, workspaceId, now));
  await attempt('what was completed', () => watchDrift(pool, workspaceId, now));
  return changed;
}

/**
 * Notes, once a minute, that somebody looks. Where nobody did for long, because no server ran or the database was away, the
 * time between is no healthy time: whatever happened in it, no gate saw it.
 */
async function noteLook(pool: Pool, workspaceId: number, now: Date): Promise<void> {
  const unseen = 'healthy_since is not null and looked_at < $2::timestamptz - make_interval(secs => $3)';
  await pool.query(
    `update rollout set looked_at = $2,
       dwelled_ms = dwelled_ms + case when ${unseen}
         then greatest(0, round(extract(epoch from looked_at - healthy_since) * 1000)) else 0 end,
       healthy_since = case when ${unseen} then $2 else healthy_since end
      where id in (
        select id from rollout where workspace_id = $1 and phase in ('shadow', 'canary', 'baking')
           and coalesce(looked_at < $2::timestamptz - interval '1 minute', true) for update skip locked)`,
    [workspaceId, now, unseenMs / 1000],
  );
}

/** Without a lock first: nearly every look changes nothing. */
async function look(services: Ticking, row: RolloutRow, now: Date): Promise<boolean> {
  const { reading } = await judged(services.db.pool, row, now);
  const outcome = transition(stateOf(row), { kind: 'tick', reading }, now);
  return 'event' in outcome && advance(services, row, outcome.event, now);
}

/** Takes the locks, looks again and does what is due. False when somebody else is at it, or was. */
async function advance(services: Ticking, row: RolloutRow, due: RolloutEvent, now: Date): Promise<boolean> {
  const { db, enforcement, log } = services;
  const { workspace_id: workspaceId, id } = row;
  const urgent = due === 'rolled_back';
  const work = (tx: PoolClient): Promise<number | null | undefined> => advanced(tx, row, { urgent, log, now });
  const generation = await withTransaction(db.pool, work).catch(async (error: unknown) => {
    if (urgent) await reportFailedRollback(db.pool, row, error, now);
    throw error;
  });
  if (generation === undefined) return false;
  if (generation === null) return true;
  // It is done and other servers hear of it; whether all have come to it is watched.
  await enforcement.reach(workspaceId, generation).catch((error: unknown) => {
    log.error(
      { err: error, workspace_id: workspaceId, rollout_id: id },
      'what a rollout changed is not in force here yet',
    );
  });
  return true;
}

interface Step {
  /** A rollback is due. */
  readonly urgent: boolean;
  readonly log: Services['log'];
  readonly now: Date;
}

/** The same in a transaction: the generation to reach, null when servers enforce as before, undefined when nothing is due. */
async function advanced(
  tx: PoolClient,
  { id, workspace_id: workspaceId }: RolloutRow,
  { urgent, log, now }: Step,
): Promise<number | null | undefined> {
  if (urgent) {
    // A rollback waits for whoever is at it, but not for one who hangs: then people are told, and it is tried again.
    await tx.query(`select set_config('lock_timeout', '${urgentLockMs}ms', true)`);
    await lockEnforcement(tx, workspaceId);
  } else if (!(await tryLockEnforcement(tx, workspaceId))) {
    return undefined;
  }
  await tx.query(
    `select id from bundle where workspace_id = $1 and status in ('active', 'canary', 'shadow', 'superseded')
        and id in (select unnest(array[bundle_id, previous_bundle_id]) from rollout where id = $2)
      order by id for update`,
    [workspaceId, id],
  );
  const locked = await tx.query(`select id from rollout where id = $1 for update ${urgent ? '' : 'skip locked'}`, [id]);
  const row = (await runningRollouts(tx, workspaceId)).find((one) => one.id === id);
  if (locked.rowCount === 0 || !row) return undefined;
  return step(tx, await judged(tx, row, now), { log, now });
}

async function step(
  tx: PoolClient,
  seen: Judged,
  { log, now }: Omit<Step, 'urgent'>,
): Promise<number | null | undefined> {
  const { row, reading, gates } = seen;
  const outcome = transition(stateOf(row), { kind: 'tick', reading }, now);
  if (!('event' in outcome)) return undefined;
  const { to, event } = outcome;
  if (event === 'rolled_back') {
    const critical = gates.find(({ verdict, environmental }) => verdict === 'critical' && !environmental);
    const done = await rollBack(tx, {
      workspaceId: row.workspace_id,
      bundleId: row.bundle_id,
      actor: controller,
      reason: critical?.sentence ?? 'a gate is beyond its critical limit',
      createIncident: true,
      now,
    });
    if (done instanceof Refusal) throw new Error(`rollout ${row.id} cannot be rolled back: ${done.detail}`);
    logUntold(log, row.workspace_id, done);
    return done.generation;
  }
  const reasons = gates.filter(({ verdict }) => verdict !== 'pass').map(({ sentence }) => sentence);
  const { generation } = await writeRollout(tx, { row, to, event, actor: controller, now, data: { reasons } });
  if (reading.verdict === 'critical' && !row.holds.includes('failing')) await pageBreach(tx, seen, now);
  return generation;
}

/** A breach that is not rolled back by itself: nothing to go back to, a security fix, or a bundle that only watches. */
async function pageBreach(tx: PoolClient, seen: Judged, now: Date): Promise<void> {
  const { row, gates } = seen;
  if (row.phase === 'shadow') return;
  const why = !row.target_usable ? 'there is no bundle to go back to' : 'it is to be held, not rolled back';
  await openIncident(tx, {
    workspaceId: row.workspace_id,
    kind: 'rollout_held',
    key: `rollout/${row.id}/breach`,
    severity: row.target_usable ? 'high' : 'critical',
    summary: `bundle ${row.version ?? row.bundle_id} is beyond a critical limit and stays in force: ${why}`,
    details: {
      rollout_id: row.id,
      metric: metricOf(seen),
      gates: gates.filter(({ verdict }) => verdict !== 'pass').map(({ sentence }) => sentence),
      recommended_actions: [`roll back: policy-studio rollouts rollback ${row.id} --reason TEXT`],
    },
    at: now,
    actor: controller,
  });
}

async function pageLongHold(pool: Pool, row: RolloutRow, now: Date): Promise<void> {
  const { held_since: since } = row;
  if (since === null || now.getTime() - since.getTime() < longHoldMs) return;
  const key = `rollout/${row.id}/held`;
  if (await wasSeenSince(pool, row.workspace_id, key, since)) return;
  await withTransaction(pool, (tx) =>
    openIncident(tx, {
      workspaceId: row.workspace_id,
      kind: 'rollout_held',
      key,
      severity: 'medium',
      summary: `the rollout of bundle ${row.version ?? row.bundle_id} has been held for a day: ${row.holds.join(', ')}`,
      details: { rollout_id: row.id, holds: row.holds, share_pct: row.share_pct },
      at: now,
      actor: controller,
    }),
  );
}
