import type { Pool } from 'pg';

const batchRows = 20_000;

/**
 * Folds the deltas of past minutes into the roll-up table and returns how many it took, at most 20,000. Safe to run on
 * every server at once: a row is taken by one of them, in the transaction that adds it up.
 */
export async function compactRollups(pool: Pool, nowMs: number): Promise<number> {
  const { rows } = await pool.query<{ taken: number }>(
    `with taken as (
       delete from decision_rollup_delta where ctid = any (array(
         select ctid from decision_rollup_delta where minute < $1 limit ${batchRows} for update skip locked
       )) returning *
     ), folded as (
       insert into decision_rollup as r
       select workspace_id, minute, bundle_id, arm, agent, action, effect, sum(decisions), sum(failed), sum(mismatched),
         sum(unmatched), sum(cost)
       from taken group by 1, 2, 3, 4, 5, 6, 7 order by 1, 5, 2, 3, 4, 6, 7
       on conflict (workspace_id, agent, minute, bundle_id, arm, action, effect) do update set
         decisions = r.decisions + excluded.decisions, failed = r.failed + excluded.failed,
         mismatched = r.mismatched + excluded.mismatched, unmatched = r.unmatched + excluded.unmatched,
         cost = r.cost + excluded.cost
     )
     select count(*) as taken from taken`,
    [new Date(nowMs - (nowMs % 60_000))],
  );
  return rows[0]?.taken ?? 0;
}
