import type { Pool } from 'pg';
import { inWorkspace } from '../../database/scope.js';
import type { Config } from '../../services.js';
import { settingsOf } from '../settings/queries.js';
import { idBound } from './decision-id.js';
import { dropPartitionsBefore } from './partitions.js';

const dayMs = 24 * 3_600_000;
const batchRows = 5_000;
const maxBatches = 100;
/** Idempotency is promised for 24 hours; the ids go within another 24. */
const claimHours = 24;

/**
 * Forgets what is older than each workspace's `retention_days`: whole days by dropping their partitions as soon as no
 * workspace keeps them, the rest row by row, in batches.
 */
export async function applyRetention(
  pool: Pool,
  config: Pick<Config, 'fourEyesDefault'>,
  nowMs: number,
): Promise<void> {
  const { rows: workspaces } = await pool.query<{ id: number }>('select id from workspace order by id');
  let keptDays = 0;
  for (const { id } of workspaces) {
    const days = await inWorkspace(id, async () => {
      const { retention_days: kept } = await settingsOf(pool, config, id);
      await forgetBefore(pool, id, nowMs - kept * dayMs);
      return kept;
    });
    keptDays = Math.max(keptDays, days);
  }
  if (workspaces.length > 0) await dropPartitionsBefore(pool, nowMs - keptDays * dayMs);
}

async function forgetBefore(pool: Pool, workspaceId: number, beforeMs: number): Promise<void> {
  const before = new Date(beforeMs);
  await inBatches(
    pool,
    [workspaceId, idBound(beforeMs)],
    (limit) => `
    delete from decision where workspace_id = $1 and id in (
      select id from decision where workspace_id = $1 and id < $2 order by id limit ${limit}
    )`,
  );
  // Of rollouts that are over the principals go; what they add up to stays.
  await inBatches(
    pool,
    [workspaceId, before],
    (limit) => `
    delete from rollout_evidence where ctid = any (array(
      select e.ctid from rollout r join rollout_evidence e on e.rollout_id = r.id
      where r.workspace_id = $1 and r.ended_at < $2 limit ${limit}
    ))`,
  );
  await pool.query('delete from decision_rollup where workspace_id = $1 and minute < $2', [workspaceId, before]);
  await pool.query('delete from cap_breach where workspace_id = $1 and at < $2', [workspaceId, before]);
  await pool.query('delete from session_spend where workspace_id = $1 and updated_at < $2', [workspaceId, before]);
  await pool.query('delete from daily_spend where workspace_id = $1 and day < $2::timestamptz::date - 1', [
    workspaceId,
    before,
  ]);
}

/** Forgets request ids older than 24 hours, in batches; returns how many. */
export function forgetRequestIds(pool: Pool, nowMs: number): Promise<number> {
  return inBatches(
    pool,
    [idBound(nowMs - claimHours * 3_600_000)],
    (limit) => `
    delete from request_claim where ctid = any (array(
      select ctid from request_claim where decision_id < $1 order by decision_id limit ${limit} for update skip locked
    ))`,
  );
}

/** Deletes until a batch is not full, or for 100 batches; the rest is left for the next run. Returns the rows deleted. */
async function inBatches(pool: Pool, values: readonly unknown[], deletion: (limit: number) => string): Promise<number> {
  let deleted = 0;
  for (let batch = 0; batch < maxBatches; batch += 1) {
    const { rowCount } = await pool.query(deletion(batchRows), [...values]);
    deleted += rowCount ?? 0;
    if ((rowCount ?? 0) < batchRows) break;
  }
  return deleted;
}
