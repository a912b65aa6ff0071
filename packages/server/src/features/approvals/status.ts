import type { PoolClient } from 'pg';
import type { ApprovalRow, AskedRow, VoteRow } from './queries.js';
import type { ApprovalState, AskedGroup, CastVote } from './transition.js';

/** Channel on which replicas hear that an approval is no longer pending: payload is its id. */
export const approvalChannel = 'policy_approval';

/**
 * Writes a status that ends the waiting, and wakes those who wait on every replica when the transaction commits. Links
 * end with it, and nobody is reminded any more.
 */
export async function writeStatus(
  tx: PoolClient,
  { id, status, now }: { id: number; status: ApprovalRow['status']; now: Date },
): Promise<void> {
  await tx.query('update approval set status = $2, decided_at = coalesce(decided_at, $3) where id = $1', [
    id,
    status,
    now,
  ]);
  await tx.query(
    `update approval_link set revoked_at = $2 where approval_id = $1 and used_at is null and revoked_at is null`,
    [id, now],
  );
  await tx.query(
    `update approval_asked set remind_at = null, escalate_at = null
      where approval_id = $1 and (remind_at is not null or escalate_at is not null)`,
    [id],
  );
  await tx.query('select pg_notify($1, $2)', [approvalChannel, String(id)]);
}

/** A vote, as the transition sees it. */
export function castVote({ by, verdict, link_made_by: linkMadeBy }: VoteRow): CastVote {
  return { by, verdict, linkMadeBy };
}

/** A group that is asked, as the transition sees it. */
export function askedGroup(row: AskedRow): AskedGroup {
  const escalatedTo = row.escalate_to === null ? ('everybody' as const) : row.escalate_members;
  return {
    name: row.group,
    membersOnly: row.members_only,
    members: row.members,
    escalatedTo: row.escalated_at === null ? null : escalatedTo,
  };
}

/** The row as the transition sees it. */
export function stateOf(row: ApprovalRow): ApprovalState {
  return {
    status: row.status,
    expiresAt: row.expires_at,
    requestedBy: row.requested_by,
    quorum: row.quorum,
    fourEyes: row.four_eyes,
    votes: row.votes.map(castVote),
    asked: row.asked.map(askedGroup),
  };
}
