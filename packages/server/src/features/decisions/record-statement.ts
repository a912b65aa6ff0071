import type { Pool, PoolClient } from 'pg';
import { inWorkspace } from '../../database/scope.js';
import { databaseFailure } from '../../database-failure.js';
import type { CapRefusal } from './caps.js';
import type { RecordRow } from './draft.js';
import { ensurePartitions } from './partitions.js';

/** What became of a row. Rows not named were recorded as sent. */
export interface Verdict {
  readonly at_position: number;
  readonly verdict: 'exhausted' | 'repeated' | 'reused' | 'superseded';
  readonly stored_id: string | null;
  /** Of what is exhausted: the cap. */
  readonly cap: CapRefusal | null;
}

const statement = {
  name: 'record_decisions',
  text: 'select at_position, verdict, stored_id, cap from record_decisions($1, $2, $3, $4, $5, $6, $7)',
};
const attempts = 5;

/**
 * Records a group of one workspace in one transaction of one statement; `position` of each row is set to its index.
 * With `given`, rows are recorded as they were answered, and those that are there already are left alone.
 * Makes missing partitions and tries again after a deadlock.
 */
export async function recordRows(
  pool: Pool,
  workspaceId: number,
  rows: readonly RecordRow[],
  given: boolean,
  timeoutMs: number,
): Promise<Verdict[]> {
  // A group is flushed while the request of one of its decisions goes on, which may be that of another workspace.
  return inWorkspace(workspaceId, () =>
    persistently(pool, rows, () => writeRows(pool, workspaceId, rows, given, timeoutMs)),
  );
}

/** One attempt of `recordRows`, in the transaction of whoever calls it if it has one. */
export async function writeRows(
  db: Pool | PoolClient,
  workspaceId: number,
  rows: readonly RecordRow[],
  given: boolean,
  timeoutMs: number,
): Promise<Verdict[]> {
  let claims = false;
  let costs = false;
  let evidence = false;
  let caps = false;
  rows.forEach((row, index) => {
    row.position = index;
    claims ||= row.request_id !== null;
    costs ||= row.cost !== null;
    evidence ||= row.evidence !== undefined;
    caps ||= row.caps !== undefined;
  });
  const query = {
    ...statement,
    values: [workspaceId, JSON.stringify(rows), claims, costs, given, evidence, caps],
    query_timeout: timeoutMs,
  };
  return (await db.query<Verdict>(query)).rows;
}

/** Runs `write`, a whole transaction, again after a deadlock, or with the partitions that `rows` lacked. */
export async function persistently<T>(
  pool: Pool,
  rows: readonly { readonly id: string }[],
  write: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      if (attempt === attempts) throw error;
      if (lacksPartition(error)) {
        await ensurePartitions(
          pool,
          rows.map(({ id }) => id),
        );
      } else if (databaseFailure(error) !== 'conflict') throw error;
    }
  }
}

function lacksPartition(error: unknown): boolean {
  const { code, routine } = (error ?? {}) as { code?: unknown; routine?: unknown };
  return code === '23514' && routine === 'ExecFindPartition';
}
