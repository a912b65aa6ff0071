import type { Job, JobKind, JobPage, JobStatus } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import type { Services } from '../../services.js';

/** How long an ended job and its result are kept. */
export const keptMs = 24 * 3_600_000;

/** A job without its input and result, which may be large. */
export interface JobRow {
  readonly id: number;
  readonly workspace_id: number;
  readonly kind: JobKind;
  readonly status: JobStatus;
  readonly done: number;
  readonly total: number | null;
  readonly error: string | null;
  readonly result_bytes: number | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

/** The columns of a `JobRow`. */
export const jobColumns = `id, workspace_id, kind, status, done, total, error, result_bytes, created_by, created_at,
  started_at, finished_at`;

export async function jobById(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
  lock: '' | 'for update' = '',
): Promise<JobRow | null> {
  const { rows } = await db.query<JobRow>(`select ${jobColumns} from job where workspace_id = $1 and id = $2 ${lock}`, [
    workspaceId,
    id,
  ]);
  return rows[0] ?? null;
}

/** The gzipped JSON that a job came to; null when it has come to nothing (yet). */
export async function jobResult(db: Pool, workspaceId: number, id: number): Promise<Buffer | null> {
  const { rows } = await db.query<{ result: Buffer | null }>(
    'select result from job where workspace_id = $1 and id = $2',
    [workspaceId, id],
  );
  return rows[0]?.result ?? null;
}

/** Jobs, newest first. */
export async function jobPage(
  db: Pool,
  workspaceId: number,
  { limit, offset }: { limit: number; offset: number },
): Promise<JobPage> {
  const { rows } = await db.query<JobRow>(
    `select ${jobColumns} from job where workspace_id = $1 order by id desc limit $2 offset $3`,
    [workspaceId, limit, offset],
  );
  const count = await db.query<{ total: number }>('select count(*) as total from job where workspace_id = $1', [
    workspaceId,
  ]);
  return { jobs: rows.map(jobDocument), total: count.rows[0]?.total ?? 0, limit, offset };
}

/** The job as clients see it. */
export function jobDocument(row: JobRow): Job {
  const { finished_at: finished } = row;
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    progress: { done: row.done, total: row.total },
    error: row.error,
    result_bytes: row.result_bytes,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: finished?.toISOString() ?? null,
    expires_at: finished ? new Date(finished.getTime() + keptMs).toISOString() : null,
  };
}

/** A job to be done. */
export interface ClaimedJob {
  readonly id: number;
  readonly workspaceId: number;
  readonly kind: JobKind;
  /** As it was put in line. */
  readonly input: string;
}

export interface JobControl {
  /** Aborted when the job was canceled, was taken over, or the server stops. */
  readonly signal: AbortSignal;
  /** Told to clients with the next heartbeat. */
  progress(done: number, total: number): void;
}

/** How jobs of a kind are done: the result as JSON, or why there is none, for whoever asked. What it throws is a bug. */
export type JobWork = (
  services: Services,
  job: ClaimedJob,
  control: JobControl,
) => Promise<{ readonly result: Uint8Array } | { readonly failed: string }>;
