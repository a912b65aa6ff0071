import type { ApprovalLoad } from '@policy-studio/contract';
import type { Pool } from 'pg';

const dayMs = 24 * 3600 * 1000;
/** Approvers that are told, those with most votes. */
const told = 100;

/** What approvals asked of people in the last `days` times 24 hours before `now`. */
export async function approvalLoad(db: Pool, workspaceId: number, days: number, now: Date): Promise<ApprovalLoad> {
  const from = new Date(now.getTime() - days * dayMs);
  const within = [workspaceId, from, now];
  const [asked, waiting, waited, voters] = await Promise.all([
    db.query<ApprovalLoad['days'][number]>(
      `select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD') as day, count(*)::integer as requested,
              (count(*) filter (where kind = 'action'))::integer as actions
         from approval where workspace_id = $1 and created_at > $2 and created_at <= $3 group by 1 order by 1`,
      within,
    ),
    db.query<{ pending: number }>(
      `select count(*)::integer as pending from approval
        where workspace_id = $1 and status = 'pending' and expires_at > $2`,
      [workspaceId, now],
    ),
    // What was withdrawn or has expired was decided by nobody; the last vote is what ended the waiting.
    db.query<{ median: number | null }>(
      `select percentile_cont(0.5) within group (order by extract(epoch from a.decided_at - a.created_at)::float8) as median
         from approval a
        where a.workspace_id = $1 and a.decided_at > $2 and a.decided_at <= $3
          and exists (select 1 from approval_vote v where v.approval_id = a.id and v.at = a.decided_at)`,
      within,
    ),
    db.query<ApprovalLoad['approvers'][number]>(
      `select voter as approver, (count(*) filter (where verdict = 'approve'))::integer as approved,
              (count(*) filter (where verdict = 'reject'))::integer as rejected
         from approval_vote where workspace_id = $1 and at > $2 and at <= $3
        group by voter order by count(*) desc, voter collate "C" limit ${told}`,
      within,
    ),
  ]);
  const requested = asked.rows.reduce((sum, day) => sum + day.requested, 0);
  return {
    from: from.toISOString(),
    to: now.toISOString(),
    requested,
    pending: waiting.rows[0]?.pending ?? 0,
    per_day: requested / days,
    median_wait_seconds: waited.rows[0]?.median ?? null,
    days: asked.rows,
    approvers: voters.rows,
  };
}
