import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import type { Services } from '../../services.js';
import { announceEnd, nameOfWorkspace } from '../access/transaction.js';
import { currentCheckpoint } from '../events/queries.js';
import { workspaceChannel } from './standing.js';

/** Rows of one step, and steps of one run: a large workspace takes several runs and holds up nobody. */
const stepRows = 5_000;
const stepsAtOnce = 200;
/** Lets one server erase at a time. Arbitrary, but fixed for ever. */
const eraseLock = 7_082_011_848;

interface Due {
  readonly id: number;
  readonly name: string;
}

/**
 * Closes the workspaces whose grace period is over and deletes what is in them, in bounded steps, each a transaction;
 * the last one leaves the signed stub. A server that dies meanwhile is followed by another. Returns how many are gone.
 */
export async function eraseWorkspaces(services: Services, now: Date): Promise<number> {
  const { db, log } = services;
  await close(services, now);
  const { rows } = await db.pool.query<Due>('select id, name from workspace where archived_at is not null order by id');
  let gone = 0;
  for (const due of rows) {
    if (!(await inWorkspace(due.id, () => erase(db.pool, due.id)))) continue;
    // The stub is of the installation, the row of the workspace is its own.
    const left = await inWorkspace(due.id, () =>
      withTransaction(db.pool, (tx) => leaveStub(tx, services, due.id, now)),
    );
    if (!left) continue;
    gone += 1;
    log.info({ workspace: due.name, checkpoint: left.checkpoint, rows: left.rows }, 'a workspace was deleted');
  }
  return gone;
}

/** From now on nobody gets in: on this server at once, on all others within a second. */
async function close({ db, keys }: Services, now: Date): Promise<void> {
  const closed = await withTransaction(db.pool, async (tx) => {
    const { rows } = await tx.query<{ id: number }>(
      'update workspace set archived_at = $1 where delete_at <= $1 and archived_at is null returning id',
      [now],
    );
    for (const { id } of rows) {
      await announceEnd(tx, nameOfWorkspace(id));
      await tx.query('select pg_notify($1, $2)', [workspaceChannel, String(id)]);
    }
    return rows;
  });
  for (const { id } of closed) keys.forget(nameOfWorkspace(id));
}

/** Whether everything but the row of the workspace, its trail and its last step is deleted. */
async function erase(pool: Pool, workspaceId: number): Promise<boolean> {
  let steps = 0;
  for (const { name, partitioned } of await tablesToErase(pool)) {
    // The trail goes with the workspace, in one transaction: until then its end can still be signed.
    if (name === 'event') continue;
    for (let full = true; full; steps += 1) {
      if (steps >= stepsAtOnce) return false;
      full = (await eraseStep(pool, { name, partitioned, workspaceId })) === stepRows;
    }
  }
  return true;
}

interface Table {
  readonly name: string;
  readonly partitioned: boolean;
}

/** Every table of workspaces, those that refer to others before them. */
async function tablesToErase(pool: Pool | PoolClient): Promise<Table[]> {
  const { rows } = await pool.query<Table & { refers: string[] }>(
    `select c.relname::text as name, c.relkind = 'p' as partitioned,
            array(select distinct confrelid::regclass::text from pg_constraint
                   where conrelid = c.oid and contype = 'f' and confrelid <> c.oid) as refers
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
      where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by c.relname`,
  );
  const ordered: Table[] = [];
  let left = rows;
  while (left.length > 0) {
    const referred = new Set(left.flatMap(({ refers }) => refers));
    const free = left.filter(({ name }) => !referred.has(name));
    if (free.length === 0) throw new Error('tables of workspaces refer to each other in a circle');
    ordered.push(...free);
    left = left.filter((table) => !free.includes(table));
  }
  return ordered;
}

async function eraseStep(
  pool: Pool,
  { name, partitioned, workspaceId }: Table & { workspaceId: number },
): Promise<number> {
  // Rows of a partitioned table have places of their own in each part.
  const place = partitioned ? 'id' : 'ctid';
  return withTransaction(pool, async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [eraseLock]);
    const { rowCount } = await tx.query(
      `delete from ${name} where workspace_id = $1 and ${place} = any (array(
         select ${place} from ${name} where workspace_id = $1 limit ${stepRows}))`,
      [workspaceId],
    );
    const deleted = rowCount ?? 0;
    if (deleted > 0) {
      await tx.query('update workspace set rows_deleted = rows_deleted + $2 where id = $1', [workspaceId, deleted]);
    }
    return deleted;
  });
}

/** Deletes the trail and the workspace itself, and leaves who, why, when and the signed end of the trail. */
async function leaveStub(
  tx: PoolClient,
  { secrets }: Services,
  workspaceId: number,
  now: Date,
): Promise<{ readonly checkpoint: unknown; readonly rows: number } | null> {
  const { rowCount } = await tx.query('select 1 from workspace where id = $1 for update', [workspaceId]);
  // Another server was first.
  if (rowCount === 0) return null;
  const checkpoint = await currentCheckpoint(tx, secrets.signingKey, workspaceId, now);
  // What came in while the rest was deleted, such as a decision kept on disk by a server that lost its connection.
  let late = 0;
  for (const { name } of await tablesToErase(tx)) {
    late += (await tx.query(`delete from ${name} where workspace_id = $1`, [workspaceId])).rowCount ?? 0;
  }
  const { rows } = await tx.query<{ rows: number }>(
    `insert into deleted_workspace (id, name, created_at, asked_by, asked_at, reason, deleted_at, rows, checkpoint)
     select id, name, created_at, deletion_asked_by, deletion_asked_at, deletion_reason, $2, rows_deleted + $3 + 1, $4
       from workspace where id = $1 returning rows`,
    [workspaceId, now, late, checkpoint === null ? null : JSON.stringify(checkpoint)],
  );
  await tx.query('delete from workspace where id = $1', [workspaceId]);
  return { checkpoint, rows: rows[0]?.rows ?? 0 };
}

/** Notes which workspaces keep as many decisions as they may; counts no further than their quota. */
export async function noteStorage({ db, standings }: Services): Promise<void> {
  const { rowCount } = await db.pool.query(
    `update workspace w set storage_full = each.is_full
       from (select id, (select count(*) from (
                     select 1 from decision where workspace_id = held.id limit (quotas->>'decisions_kept')::bigint) kept
                 ) >= (quotas->>'decisions_kept')::bigint as is_full
               from workspace held where quotas->>'decisions_kept' is not null) each
      where w.id = each.id and w.storage_full <> each.is_full`,
  );
  if ((rowCount ?? 0) === 0) return;
  await db.pool.query('select pg_notify($1, $2)', [workspaceChannel, 'storage']);
  await standings.refresh();
}
