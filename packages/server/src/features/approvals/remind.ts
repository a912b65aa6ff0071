import type { PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { type ApprovalRow, type AskedRow, approvalById } from './queries.js';
import { askedGroup } from './status.js';
import { addEntry } from './timeline.js';
import { isHeard, statusAt } from './transition.js';

const batch = 100;

/**
 * Reminds groups of what they are asked, and escalates what they leave waiting, as far as that is due at `now`; how often.
 * Any number of servers may do so at once: each reminder and escalation happens once.
 */
export async function remindApprovers({ db }: Pick<Services, 'db'>, now: Date): Promise<number> {
  const { rows } = await db.pool.query<{ workspace_id: number; approval_id: number }>(
    `select distinct workspace_id, approval_id from approval_asked
      where (remind_at is not null or escalate_at is not null) and least(remind_at, escalate_at) <= $1
      order by workspace_id, approval_id limit $2`,
    [now, batch],
  );
  let done = 0;
  for (const { workspace_id: workspaceId, approval_id: approvalId } of rows) {
    done += await inWorkspace(workspaceId, () =>
      withTransaction(db.pool, (tx) => remindOf(tx, workspaceId, approvalId, now)),
    );
  }
  return done;
}

interface Due {
  readonly group_id: number;
  readonly remind: boolean;
  readonly escalate: boolean;
}

async function remindOf(tx: PoolClient, workspaceId: number, approvalId: number, now: Date): Promise<number> {
  // Somebody who decides it at this moment is not to be waited for: the next run looks again.
  const held = await tx.query('select 1 from approval where workspace_id = $1 and id = $2 for update skip locked', [
    workspaceId,
    approvalId,
  ]);
  const row = held.rowCount === 0 ? null : await approvalById(tx, workspaceId, approvalId);
  if (!row) return 0;
  const { rows: due } = await tx.query<Due>(
    `select group_id, coalesce(remind_at <= $3, false) as remind, coalesce(escalate_at <= $3, false) as escalate
       from approval_asked where workspace_id = $1 and approval_id = $2 order by group_id`,
    [workspaceId, approvalId, now],
  );
  const isPending = statusAt({ status: row.status, expiresAt: row.expires_at }, now) === 'pending';
  let done = 0;
  for (const { group_id: id, remind, escalate } of due) {
    const asked = row.asked.find((each) => each.group_id === id) as AskedRow;
    // A group that has said its part is left alone.
    const waits = isPending && !isHeard(askedGroup(asked), row.votes);
    if (remind || escalate) await settle(tx, { workspaceId, approvalId, id, remind, escalate, waits, now });
    if (!waits) continue;
    // Both at once after a pause of the servers: the escalation says it all.
    if (escalate) await tell(tx, { workspaceId, row, asked, type: 'escalated', now });
    else if (remind) await tell(tx, { workspaceId, row, asked, type: 'reminded', now });
    if (remind || escalate) done += 1;
  }
  return done;
}

interface Settled extends Omit<Due, 'group_id'> {
  readonly workspaceId: number;
  readonly approvalId: number;
  readonly id: number;
  readonly waits: boolean;
  readonly now: Date;
}

async function settle(tx: PoolClient, { workspaceId, approvalId, id, remind, escalate, waits, now }: Settled) {
  await tx.query(
    `update approval_asked
        set remind_at = case when $4 or $5 then null else remind_at end,
            reminded_at = case when $4 and not $5 and $6 then $7 else reminded_at end,
            escalate_at = case when $5 then null else escalate_at end,
            escalated_at = case when $5 and $6 then $7 else escalated_at end
      where workspace_id = $1 and approval_id = $2 and group_id = $3`,
    [workspaceId, approvalId, id, remind, escalate, waits, now],
  );
}

interface Told {
  readonly workspaceId: number;
  readonly row: ApprovalRow;
  readonly asked: AskedRow;
  readonly type: 'reminded' | 'escalated';
  readonly now: Date;
}

async function tell(tx: PoolClient, { workspaceId, row, asked, type, now }: Told): Promise<void> {
  const to = asked.escalate_to === null ? 'everybody who approves' : asked.escalate_to;
  const text =
    type === 'reminded' ? `\`${asked.group}\` was reminded` : `\`${asked.group}\` did not answer; now ${to} may`;
  await addEntry(tx, { workspaceId, approvalId: row.id, type, by: 'system', text, at: now });
  // Without the key of an agent that asked: it waits for the decision, not for this.
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: 'system',
    kind: `approval.${type}`,
    subject: `approval/${row.id}`,
    data: {
      approval_kind: row.kind,
      group: asked.group,
      ...(type === 'escalated' ? { escalated_to: asked.escalate_to } : {}),
      waiting_minutes: Math.floor((now.getTime() - row.created_at.getTime()) / 60_000),
      risk: row.risk,
      justification: row.justification,
      approvals_given: row.votes.filter(({ verdict }) => verdict === 'approve').length,
      quorum: row.quorum,
      expires_at: row.expires_at.toISOString(),
    },
  });
}
