import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { JobKind } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { type Refusal, refuse } from '../../refusal.js';
import { type JobRow, jobColumns } from './queries.js';

const compress = promisify(gzip);

/** Jobs of one workspace that may wait or run at a time. */
export const maxOpen = 5;
/** With the workspace's id the key of the lock that makes the count above hold. Arbitrary, but fixed for ever. */
const enqueueLock = 703_114;

export interface NewJob {
  readonly workspaceId: number;
  readonly kind: JobKind;
  /** Everything that is needed to do it, as JSON. */
  readonly input: string;
  /** Cases in all, when that is known. */
  readonly total: number | null;
  readonly actor: string;
  readonly now: Date;
}

/** Puts a job in line. It is done soon after the commit, by any server; refused when too many of the workspace wait. */
export async function enqueueJob(tx: PoolClient, job: NewJob): Promise<JobRow | Refusal> {
  const input = await compress(job.input);
  await tx.query('select pg_advisory_xact_lock($1, $2)', [enqueueLock, job.workspaceId]);
  const open = await tx.query<{ count: number }>(
    `select count(*) from job where workspace_id = $1 and status in ('queued', 'running')`,
    [job.workspaceId],
  );
  if ((open.rows[0]?.count ?? 0) >= maxOpen) {
    return refuse('too_many_jobs', `${maxOpen} jobs of this workspace are not done yet; wait for one or cancel it`);
  }
  const { rows } = await tx.query<JobRow>(
    `insert into job (workspace_id, kind, input, total, created_by, created_at) values ($1, $2, $3, $4, $5, $6)
     returning ${jobColumns}`,
    [job.workspaceId, job.kind, input, job.total, job.actor, job.now],
  );
  return rows[0] as JobRow;
}
