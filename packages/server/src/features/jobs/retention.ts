import type { Pool } from 'pg';
import { keptMs } from './queries.js';

/** Ended jobs of one workspace that are kept, the newest, and what their results may weigh, gzipped. */
const keptJobs = 100;
const keptBytes = 256 * 1024 * 1024;

/** Forgets jobs that ended more than 24 hours ago, and older ones where a workspace has many; how many. */
export async function forgetJobs(pool: Pool, nowMs: number): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from job where id in (
       select id from (
         select id, finished_at, row_number() over newest as place, sum(length(result)) over newest as bytes
           from job where finished_at is not null
         window newest as (partition by workspace_id order by finished_at desc, id desc)) ended
        where finished_at <= $1 or place > $2 or bytes > $3)`,
    [new Date(nowMs - keptMs), keptJobs, keptBytes],
  );
  return rowCount ?? 0;
}
