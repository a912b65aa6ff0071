import type { PoolClient } from 'pg';
import type { ApprovalRow } from './queries.js';
import type { ApprovalState } from './transition.js';

/** Channel on which replicas hear that an approval is no longer pending: payload is its id. */
export const approvalChannel = 'policy_approval';

/** Writes a status that ends the waiting, and wakes those who wait on every replica when the transaction commits. */
export async function writeStatus(
  tx: PoolClient,
  { id, status, now }: { id: number; status: ApprovalRow['status']; now: Date },
): Promise<void> {
  await tx.query('update approval set status = $2, decided_at = coalesce(decided_at, $3) where id = $1', [
    id,
    status,
    now,
  ]);
  await tx.query('select pg_notify($1, $2)', [approvalChannel, String(id)]);
}

/** The row as the transition sees it. */
export function stateOf(row: ApprovalRow): ApprovalState {
  return {
    status: row.status,
    expiresAt: row.expires_at,
    requestedBy: row.requested_by,
    quorum: row.quorum,
    fourEyes: row.four_eyes,
    votes: row.votes,
  };
}
