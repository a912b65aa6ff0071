import { type Approval, maxApprovalComments } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { documentOf, noApproval } from './document.js';
import { approvalById } from './queries.js';
import { addEntry } from './timeline.js';

/** Adds a comment to the timeline. It is no vote, so nobody who waits for the decision is woken. */
export async function commentApproval(
  { db, clock }: Services,
  caller: Caller,
  id: number,
  comment: string,
): Promise<Approval | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  return withTransaction(db.pool, async (tx) => {
    const row = await approvalById(tx, workspaceId, id, 'for update');
    if (!row) return noApproval(id);
    if (row.comment_count >= maxApprovalComments) {
      return refuse(
        'approval_comments_full',
        `approval ${id} has ${maxApprovalComments} comments, which is all it takes`,
      );
    }
    await addEntry(tx, { workspaceId, approvalId: id, type: 'commented', by: owner, text: comment, at: now });
    // Without the key of an agent that asked: what people say to each other is not for it.
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: owner,
      kind: 'approval.commented',
      subject: `approval/${id}`,
      data: { comment },
    });
    return documentOf(tx, workspaceId, id, now);
  });
}
