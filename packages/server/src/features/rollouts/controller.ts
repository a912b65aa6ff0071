import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { tryLockEnforcement } from '../approvals/transaction.js';
import { incidentOfKey } from '../incidents/queries.js';
import { openIncident } from '../incidents/transaction.js';
import { rollBackForIncidents } from './incident-rollback.js';
import { type Judged, judged, type RolloutRow, runningRollouts, stateOf } from './queries.js';
import { metricOf, rollBack } from './rollback.js';
import { watchTargets } from './target-watch.js';
import { writeRollout } from './transaction.js';
import { transition } from './transition.js';

/** Who acts when no person does. */
export const controller = 'controller';

/** A hold of this length pages somebody; once, within the hour after. */
const longHoldMs = 24 * 3_600_000;
const pageWithinMs = 3_600_000;
/** What has been activated within this time can be rolled back for an incident. */
const recentMs = 24 * 3_600_000;

type Ticking = Pick<Services, 'db' | 'log' | 'enforcement'>;

/**
 * One look at every rollout: holds come and go, steps that are due are taken, what is critical is rolled back. Any server
 * may do so at any time, several at once; each change is one transaction of whoever gets its lock first. `now` is the time
 * of the whole look. Returns how many rollouts changed.
 */
export async function tickRollouts(services: Ticking, now: Date): Promise<number> {
  const { rows } = await services.db.pool.query<{ workspace_id: number }>(
    `select distinct workspace_id from rollout
      where phase in ('shadow', 'canary', 'baking') or ended_at > $1 or created_at > $1 order by workspace_id`,
    [new Date(now.getTime() - recentMs)],
  );
  let changed = 0;
  for (const { workspace_id: workspaceId } of rows) {
    try {
      changed += await tickWorkspace(services, workspaceId, now);
    } catch (error) {
      services.log.error(
        { err: error, workspace_id: workspaceId },
        'the rollouts of a workspace could not be looked at',
      );
    }
  }
  return changed;
}

async function tickWorkspace(services: Ticking, workspaceId: number, now: Date): Promise<number> {
  const { pool } = services.db;
  let changed = await rollBackForIncidents(services, workspaceId, now);
  for (const row of await runningRollouts(pool, workspaceId)) {
    // Without a lock first: nearly every look changes nothing.
    if (isDue(await judged(pool, row, now), now) && (await advance(services, row, now))) changed += 1;
    await pageLongHold(pool, row, now);
  }
  await watchTargets(pool, workspaceId, now);
  return changed;
}

function isDue({ row, reading }: Judged, now: Date): boolean {
  return 'event' in transition(stateOf(row), { kind: 'tick', reading }, now);
}

/** Takes the locks, looks again and does what is due. False when somebody else is at it, or was. */
async function advance(
  { db, enforcement }: Ticking,
  { id, workspace_id: workspaceId }: RolloutRow,
  now: Date,
): Promise<boolean> {
  const generation = await withTransaction(db.pool, async (tx) => {
    if (!(await tryLockEnforcement(tx, workspaceId))) return undefined;
    await tx.query(
      `select id from bundle where workspace_id = $1 and status in ('active', 'canary', 'shadow', 'superseded')
          and id in (select unnest(array[bundle_id, previous_bundle_id]) from rollout where id = $2)
        order by id for update`,
      [workspaceId, id],
    );
    const locked = await tx.query('select id from rollout where id = $1 for update skip locked', [id]);
    const row = (await runningRollouts(tx, workspaceId)).find((one) => one.id === id);
    if (locked.rowCount === 0 || !row) return undefined;
    return step(tx, await judged(tx, row, now), now);
  });
  if (generation === undefined) return false;
  if (generation !== null) await enforcement.reach(workspaceId, generation);
  return true;
}

/** What is due, done in the transaction: the generation to reach, null when servers enforce as before, undefined when nothing is. */
async function step(tx: PoolClient, seen: Judged, now: Date): Promise<number | null | undefined> {
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
  const heldMs = now.getTime() - row.updated_at.getTime();
  if (row.holds.length === 0 || heldMs < longHoldMs || heldMs > longHoldMs + pageWithinMs) return;
  const key = `rollout/${row.id}/held`;
  if (await incidentOfKey(pool, row.workspace_id, 'system', key)) return;
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
