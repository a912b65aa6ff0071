import type { AuditPage, ChangeEvent } from '@policy-studio/contract';
import type { Pool } from 'pg';

export { currentCheckpoint } from './checkpoint.js';

/** Changes of a workspace, newest first, older than `before` when given. `next_before` is null at the beginning of time. */
export async function auditEntries(
  pool: Pool,
  workspaceId: number,
  { limit, before }: { limit: number; before?: number | undefined },
): Promise<AuditPage> {
  const { rows } = await pool.query<EventRow>(
    `select seq, at, actor, kind, subject, data, hash from event
      where workspace_id = $1 and ($2::bigint is null or seq < $2)
      order by seq desc limit $3`,
    [workspaceId, before ?? null, limit],
  );
  const last = rows.at(-1);
  return {
    entries: rows.map(changeEvent),
    next_before: last && last.seq > 1 ? last.seq : null,
  };
}

type EventRow = Omit<ChangeEvent, 'at'> & { readonly at: Date };

function changeEvent(row: EventRow): ChangeEvent {
  return { ...row, at: row.at.toISOString() };
}

/** Changes of a workspace after `seq`, oldest first. All that were committed before the query began, without gaps. */
export async function eventsAfter(
  pool: Pool,
  workspaceId: number,
  seq: number,
  limit: number,
): Promise<readonly ChangeEvent[]> {
  const { rows } = await pool.query<EventRow>(
    `select seq, at, actor, kind, subject, data, hash from event
      where workspace_id = $1 and seq > $2 order by seq limit $3`,
    [workspaceId, seq, limit],
  );
  return rows.map(changeEvent);
}

/** The number of the newest change of a workspace; 0 when nothing has changed yet. */
export async function eventHead(pool: Pool, workspaceId: number): Promise<number> {
  const { rows } = await pool.query<{ event_seq: number }>('select event_seq from workspace where id = $1', [
    workspaceId,
  ]);
  return rows[0]?.event_seq ?? 0;
}
