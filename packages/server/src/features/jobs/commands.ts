import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { type JobRow, jobById, jobColumns } from './queries.js';

/**
 * Stops a job, whether it waits or runs; the server that runs it hears of it with its next heartbeat. One that was
 * canceled before stays as it is; one that has ended otherwise is refused.
 */
export async function cancelJob({ db, clock }: Services, caller: Caller, id: number): Promise<JobRow | Refusal> {
  const now = clock.now();
  const { workspaceId } = caller;
  return withTransaction(db.pool, async (tx) => {
    const job = await jobById(tx, workspaceId, id, 'for update');
    if (!job) return noJob(id);
    if (caller.role !== 'admin' && caller.owner !== job.created_by) {
      return refuse(
        'forbidden',
        `job ${id} was asked for by \`${job.created_by}\`; only they and an admin can stop it`,
      );
    }
    if (job.status === 'canceled') return job;
    if (job.status === 'done' || job.status === 'failed') {
      return refuse('job_ended', `job ${id} is ${job.status}; there is nothing to stop`);
    }
    const { rows } = await tx.query<JobRow>(
      `update job set status = 'canceled', finished_at = $2, runner = null, input = null where id = $1
       returning ${jobColumns}`,
      [id, now],
    );
    return rows[0] as JobRow;
  });
}

export function noJob(id: number): Refusal {
  return refuse('not_found', `there is no job ${id}; jobs go 24 hours after their end, see GET /policy/jobs`);
}
