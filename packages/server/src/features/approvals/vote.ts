import type { PoolClient } from 'pg';
import { type Refusal, refuse } from '../../refusal.js';
import { recordChange } from '../events/transaction.js';
import type { ApprovalRow } from './queries.js';
import { stateOf, writeStatus } from './status.js';
import { type ApprovalCommand, approvalTransition } from './transition.js';

export interface Decision {
  readonly workspaceId: number;
  /** Locked by the caller's transaction. */
  readonly row: ApprovalRow;
  readonly command: ApprovalCommand & { readonly type: 'approve' | 'reject' | 'cancel' };
  readonly comment: string;
  /** Who made the one-time link that this comes through; null: it comes with a credential. */
  readonly linkMadeBy: string | null;
  readonly now: Date;
}

const eventKind = { approve: 'approval.approved', reject: 'approval.rejected', cancel: 'approval.canceled' } as const;

/** What a person decides about a locked approval, written down with its event; or why it is refused: nothing is written. */
export async function decide(tx: PoolClient, decision: Decision): Promise<Refusal | null> {
  const { workspaceId, row, command, comment, linkMadeBy, now } = decision;
  const { id } = row;
  const cast = command.type === 'cancel' ? command : { ...command, linkMadeBy };
  const change = approvalTransition(stateOf(row), cast, now);
  if ('refused' in change) return refuse(change.refused, `approval ${id}: ${change.detail}`);
  if (change.vote) {
    await tx.query(
      `insert into approval_vote (workspace_id, approval_id, voter, verdict, comment, self_approved, via, link_made_by, at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        workspaceId,
        id,
        command.by,
        change.vote.verdict,
        comment,
        change.vote.selfApproved,
        linkMadeBy === null ? 'key' : 'link',
        linkMadeBy,
        now,
      ],
    );
  }
  if (change.status !== row.status) await writeStatus(tx, { id, status: change.status, now });
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: command.by,
    kind: eventKind[command.type],
    subject: `approval/${id}`,
    data: {
      status: change.status,
      subject_digest: row.subject_digest,
      ...(row.key_id === null ? {} : { key_id: row.key_id }),
      ...(change.vote ? { comment, self_approved: change.vote.selfApproved } : {}),
      ...(linkMadeBy === null ? {} : { via: 'link', link_made_by: linkMadeBy }),
    },
  });
  return null;
}
