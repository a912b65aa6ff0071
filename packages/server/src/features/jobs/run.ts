import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { JobKind } from '@policy-studio/contract';
import type { Pool } from 'pg';
import { inWorkspace } from '../../database/scope.js';
import { databaseFailure } from '../../database-failure.js';
import type { Services } from '../../services.js';
import type { JobControl, JobWork } from './queries.js';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

const defaults = {
  /** How often a server says that it is still at it, and learns that it need not be. */
  heartbeatMs: 1_000,
  /** A job whose server has said nothing for so long is taken over. */
  lostMs: 5_000,
  /** A job that loses its server so often is given up: it may be what ends them. */
  maxAttempts: 3,
  /** A job that takes longer fails: it would keep its server from those of others. */
  maxRunMs: 15 * 60_000,
} as const;
export type JobRunOptions = Partial<Record<keyof typeof defaults, number>>;

/** Bytes of a result as JSON. */
const maxResultBytes = 64 * 1024 * 1024;

/**
 * Does the next job that waits or has lost its server, whole; false when there is none. Workspaces take turns. When the
 * server stops meanwhile, the job goes back in line for another.
 */
export async function runNextJob(
  services: Services,
  work: Readonly<Record<JobKind, JobWork>>,
  options: JobRunOptions = {},
): Promise<boolean> {
  const { heartbeatMs, lostMs, maxAttempts, maxRunMs } = { ...defaults, ...options };
  const { db, clock, stopping } = services;
  if (stopping.aborted) return false;
  await giveUpLost(db.pool, { lostMs, maxAttempts, now: clock.now() });
  const runner = crypto.randomUUID();
  const job = await claim(db.pool, { runner, lostMs, maxAttempts, now: clock.now() });
  if (!job) return false;
  const late = AbortSignal.timeout(maxRunMs);
  const held = hold(services, { id: job.id, runner, heartbeatMs, late });
  try {
    const input = (await decompress(job.input)).toString('utf8');
    const outcome = await inWorkspace(job.workspaceId, () => work[job.kind](services, { ...job, input }, held));
    await finish(db.pool, { id: job.id, runner, now: clock.now(), total: held.told.total, ...(await ended(outcome)) });
  } catch (error) {
    if (stopping.aborted) await release(db.pool, job.id, runner);
    else if (!held.signal.aborted) await fail(services, job.id, runner, error);
    else if (late.aborted) {
      const said = `it took longer than ${maxRunMs / 60_000} minutes; take fewer cases`;
      await finish(db.pool, { id: job.id, runner, now: clock.now(), total: null, status: 'failed', error: said });
    }
  } finally {
    held.end();
  }
  return true;
}

interface Claim {
  readonly id: number;
  readonly workspaceId: number;
  readonly kind: JobKind;
  readonly input: Buffer;
}

async function claim(
  pool: Pool,
  { runner, lostMs, maxAttempts, now }: { runner: string; lostMs: number; maxAttempts: number; now: Date },
): Promise<Claim | null> {
  const { rows } = await pool.query<Claim>(
    `update job set status = 'running', runner = $1, attempts = attempts + 1, started_at = $2, done = 0,
                    heartbeat_at = clock_timestamp()
      where id = (
        select id from job waiting
         where status = 'queued'
            or (status = 'running' and attempts < $4 and heartbeat_at < clock_timestamp() - $3 * interval '1 ms')
         order by (select max(started_at) from job served where served.workspace_id = waiting.workspace_id) nulls first, id
         limit 1 for update skip locked)
      returning id, workspace_id as "workspaceId", kind, input`,
    [runner, now, lostMs, maxAttempts],
  );
  return rows[0] ?? null;
}

interface Held extends JobControl {
  readonly told: { readonly done: number; readonly total: number | null };
  end(): void;
}

/** Keeps the job while it is worked on: one statement a beat tells the progress and asks whether it is still ours. */
function hold(
  { db, log, stopping }: Services,
  { id, runner, heartbeatMs, late }: { id: number; runner: string; heartbeatMs: number; late: AbortSignal },
): Held {
  const lost = new AbortController();
  let told = { done: 0, total: null as number | null };
  let beating = false;
  const beat = async (): Promise<void> => {
    if (beating) return;
    beating = true;
    try {
      const { rowCount } = await db.pool.query(
        `update job set heartbeat_at = clock_timestamp(), done = $3, total = coalesce($4, total)
          where id = $1 and runner = $2`,
        [id, runner, told.done, told.total],
      );
      if (rowCount === 0) lost.abort(new Error(`job ${id} was canceled or taken over`));
    } catch (error) {
      // Whether the job is still ours then shows with a later beat, at the latest when its result is written.
      if (databaseFailure(error) === null) log.error({ err: error, job: id }, 'the heartbeat of a job failed');
    } finally {
      beating = false;
    }
  };
  const timer = setInterval(() => void beat(), heartbeatMs);
  return {
    signal: AbortSignal.any([lost.signal, stopping, late]),
    progress: (done, total) => {
      told = { done, total };
    },
    get told() {
      return told;
    },
    end: () => clearInterval(timer),
  };
}

type Ended =
  | { readonly status: 'done'; readonly result: Buffer; readonly bytes: number }
  | { readonly status: 'failed'; readonly error: string };

async function ended(outcome: Awaited<ReturnType<JobWork>>): Promise<Ended> {
  // PostgreSQL keeps no U+0000 in text, and what is quoted may hold one.
  if ('failed' in outcome) return { status: 'failed', error: outcome.failed.replaceAll('\u0000', '\ufffd') };
  const bytes = outcome.result.byteLength;
  if (bytes > maxResultBytes) {
    return {
      status: 'failed',
      error: `the result is larger than ${maxResultBytes / 1024 / 1024} MiB; take fewer cases`,
    };
  }
  return { status: 'done', result: await compress(outcome.result), bytes };
}

/** Writes the end of a job that is still this runner's. */
async function finish(
  pool: Pool,
  end: { id: number; runner: string; now: Date; total: number | null } & Ended,
): Promise<void> {
  const [result, bytes, error] = end.status === 'done' ? [end.result, end.bytes, null] : [null, null, end.error];
  await pool.query(
    `update job set status = $3, finished_at = $4, result = $5, result_bytes = $6, error = $7, runner = null, input = null,
                    total = coalesce($8, total), done = case when $3 = 'done' then coalesce($8, total, done) else done end
      where id = $1 and runner = $2`,
    [end.id, end.runner, end.status, end.now, result, bytes, error, end.total],
  );
}

/** A bug, or the database has gone: then the job is left to whoever finds it lost. */
async function fail({ db, clock, log }: Services, id: number, runner: string, error: unknown): Promise<void> {
  if (databaseFailure(error) !== null) throw error;
  log.error({ err: error, job: id }, 'a job broke');
  const said = 'something broke on our side; the server log names the job';
  await finish(db.pool, { id, runner, now: clock.now(), total: null, status: 'failed', error: said });
}

async function release(pool: Pool, id: number, runner: string): Promise<void> {
  await pool.query(
    `update job set status = 'queued', runner = null, attempts = attempts - 1, done = 0 where id = $1 and runner = $2`,
    [id, runner],
  );
}

/** Ends jobs that have lost their server too often. */
async function giveUpLost(
  pool: Pool,
  { lostMs, maxAttempts, now }: { lostMs: number; maxAttempts: number; now: Date },
): Promise<void> {
  await pool.query(
    `update job set status = 'failed', finished_at = $3, runner = null, input = null,
                    error = 'the server doing it was lost ' || attempts || ' times; make it smaller'
      where status = 'running' and attempts >= $2 and heartbeat_at < clock_timestamp() - $1 * interval '1 ms'`,
    [lostMs, maxAttempts, now],
  );
}
