import type { Pool } from 'pg';
import type { Config } from '../../services.js';
import { settingsOf } from '../settings/queries.js';
import { idBound } from './decision-id.js';
import { dropPartitionsBefore } from './partitions.js';

const dayMs = 24 * 3_600_000;
const batchRows = 10_000;
/** Idempotency is promised for 24 hours; the ids go within another 24. */
const claimHours = 24;

/**
 * Forgets what is older than each workspace's `retention_days`: whole days by dropping their partitions as soon as no
 * workspace keeps them, the rest row by row, at most 10,000 a workspace and call.
 */
export async function applyRetention(
  pool: Pool,
  config: Pick<Config, 'fourEyesDefault'>,
  nowMs: number,
): Promise<void> {
  const { rows: workspaces } = await pool.query<{ id: number }>('select id from workspace order by id');
  let keptDays = 0;
  for (const { id } of workspaces) {
    const { retention_days: days } = await settingsOf(pool, config, id);
    keptDays = Math.max(keptDays, days);
    await forgetBefore(pool, id, nowMs - days * dayMs);
  }
  if (workspaces.length > 0) await dropPartitionsBefore(pool, nowMs - keptDays * dayMs);
}

async function forgetBefore(pool: Pool, workspaceId: number, beforeMs: number): Promise<void> {
  const before = new Date(beforeMs);
  await pool.query(
    `delete from decision where workspace_id = $1 and id in (
       select id from decision where workspace_id = $1 and id < $2 order by id limit ${batchRows}
     )`,
    [workspaceId, idBound(beforeMs)],
  );
  await pool.query('delete from decision_rollup where workspace_id = $1 and minute < $2', [workspaceId, before]);
  await pool.query('delete from session_spend where workspace_id = $1 and updated_at < $2', [workspaceId, before]);
  await pool.query('delete from daily_spend where workspace_id = $1 and day < $2::timestamptz::date - 1', [
    workspaceId,
    before,
  ]);
}

/** Forgets request ids older than 24 hours, at most 10,000 a call; returns how many. */
export async function forgetRequestIds(pool: Pool, nowMs: number): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from request_claim where ctid = any (array(
       select ctid from request_claim where decision_id < $1 order by decision_id limit ${batchRows} for update skip locked
     ))`,
    [idBound(nowMs - claimHours * 3_600_000)],
  );
  return rowCount ?? 0;
}
