import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { writeStatus } from './transaction.js';

const batch = 100;

/**
 * Writes down which open approvals have expired by `now`, each with its event; how many. Several servers may do so at
 * once. Nothing waits for it: an approval that is past its time counts as expired whether or not this has run.
 */
export async function expireApprovals({ db }: Pick<Services, 'db'>, now: Date): Promise<number> {
  let expired = 0;
  for (;;) {
    const { rows } = await db.pool.query<{ workspace_id: number }>(
      `select distinct workspace_id from approval
        where status in ('pending', 'approved') and expires_at <= $1 order by workspace_id limit $2`,
      [now, batch],
    );
    let progress = 0;
    for (const { workspace_id: workspaceId } of rows) {
      progress += await inWorkspace(workspaceId, () => expireIn(db, workspaceId, now));
    }
    expired += progress;
    if (progress === 0) return expired;
  }
}

/** One workspace a transaction, for each has its own chain of events. */
async function expireIn(db: Services['db'], workspaceId: number, now: Date): Promise<number> {
  return withTransaction(db.pool, async (tx) => {
    const { rows } = await tx.query<{ id: number; status: string; expires_at: Date; key_id: number | null }>(
      `select id, status, expires_at, key_id from approval
        where workspace_id = $1 and status in ('pending', 'approved') and expires_at <= $2
        order by id limit $3 for update skip locked`,
      [workspaceId, now, batch],
    );
    for (const row of rows) {
      await writeStatus(tx, { id: row.id, status: 'expired', now });
      await recordChange(tx, {
        workspaceId,
        at: now,
        actor: 'system',
        kind: 'approval.expired',
        subject: `approval/${row.id}`,
        data: {
          status_before: row.status,
          expired_at: row.expires_at.toISOString(),
          ...(row.key_id === null ? {} : { key_id: row.key_id }),
        },
      });
    }
    return rows.length;
  });
}
