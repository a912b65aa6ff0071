import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { asSystem } from '../../database/scope.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';

const reason = 'the demo is over';

/** Closes the demo and has it deleted now; `not_found` when there is none. Other workspaces stay as they are. */
export async function endDemo(services: Services, caller: Caller): Promise<Refusal | undefined> {
  const { db, clock, standings } = services;
  const now = clock.now();
  const ended = await asSystem(() =>
    withTransaction(db.pool, async (tx) => {
      const { rows } = await tx.query<{ id: number; name: string }>(
        `select id, name from workspace
          where archived_at is null and exists (select from demo where demo.workspace_id = workspace.id)
          order by id for no key update`,
      );
      for (const { id, name } of rows) {
        await tx.query(
          `update workspace set read_only_at = coalesce(read_only_at, $2), read_only_by = coalesce(read_only_by, $3),
             read_only_reason = coalesce(read_only_reason, $4), deletion_asked_at = coalesce(deletion_asked_at, $2),
             deletion_asked_by = coalesce(deletion_asked_by, $3), deletion_reason = coalesce(deletion_reason, $4),
             delete_at = $2
           where id = $1`,
          [id, now, caller.owner, reason],
        );
        await recordChange(tx, {
          workspaceId: id,
          at: now,
          actor: caller.owner,
          kind: 'workspace.deletion_asked',
          subject: `workspace/${name}`,
          data: { reason, delete_at: now.toISOString() },
        });
      }
      return rows.length;
    }),
  );
  if (ended === 0) return refuse('not_found', 'there is no demo here; see GET /policy/workspaces');
  await standings.refresh();
  return undefined;
}
