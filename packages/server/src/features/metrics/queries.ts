import type { Pool } from 'pg';

/** What the records of the last minutes and the tables say of a workspace. */
export interface WorkspaceFigures {
  /** Of the last five minutes. */
  readonly decisions: number;
  readonly failed: number;
  readonly denied: number;
  /** USD of the last 24 hours. */
  readonly cost: number;
  /** Rollouts that were ever rolled back. */
  readonly rollbacks: number;
  /** Rollouts that are to be rolled back and have no bundle to go back to. */
  readonly stranded: number;
  /** Incidents, not yet resolved, that tell of a bundle gone back to which fails as well. */
  readonly unhealthyTargets: number;
  /** Rollbacks that did not go through, or not on every server, by their unresolved incidents. */
  readonly failedRollbacks: number;
  readonly approvalsPending: number;
}

/** The figures at `now`; minutes count as a whole. */
export async function workspaceFigures(pool: Pool, workspaceId: number, now: Date): Promise<WorkspaceFigures> {
  const { rows } = await pool.query<WorkspaceFigures>(
    `select r.*, (
         select count(*) from rollout where workspace_id = $1 and phase = 'rolled_back'
       ) as rollbacks, (
         select count(*) from rollout
         where workspace_id = $1 and phase in ('canary', 'baking') and 'no-target' = any (holds)
       ) as stranded, (
         select count(*) from incident
         where workspace_id = $1 and kind = 'rollback_target_unhealthy' and source = 'system'
           and status in ('open', 'acknowledged', 'mitigated')
       ) as "unhealthyTargets", (
         select count(*) from incident
         where workspace_id = $1 and kind = 'rollback_failed' and source = 'system'
           and status in ('open', 'acknowledged', 'mitigated')
       ) as "failedRollbacks", (
         select count(*) from approval where workspace_id = $1 and status = 'pending' and expires_at > $2
       ) as "approvalsPending"
     from (
       select coalesce(sum(decisions) filter (where recent), 0)::float8 as decisions,
         coalesce(sum(failed) filter (where recent), 0)::float8 as failed,
         coalesce(sum(decisions) filter (where recent and effect = 'deny'), 0)::float8 as denied,
         coalesce(sum(cost), 0)::float8 as cost
       from (
         select minute, effect, decisions, failed, cost from decision_rollup
           where workspace_id = $1 and minute > $2::timestamptz - interval '24 hours' and minute <= $2
         union all
         select minute, effect, decisions, failed, cost from decision_rollup_delta
           where workspace_id = $1 and minute > $2::timestamptz - interval '24 hours' and minute <= $2
       ) both_tables, lateral (select minute > $2::timestamptz - interval '5 minutes' as recent) as age
     ) r`,
    [workspaceId, now],
  );
  const [row] = rows;
  if (!row) throw new Error('a query of sums has one row');
  return row;
}
