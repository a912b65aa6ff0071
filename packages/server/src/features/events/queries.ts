import type { AuditPage } from '@policy-studio/contract';
import type { Pool } from 'pg';

/** Changes of a workspace, newest first, older than `before` when given. `next_before` is null at the beginning of time. */
export async function auditEntries(
  pool: Pool,
  workspaceId: number,
  { limit, before }: { limit: number; before?: number | undefined },
): Promise<AuditPage> {
  const { rows } = await pool.query<AuditPage['entries'][number] & { at: Date }>(
    `select seq, at, actor, kind, subject, data, hash from event
      where workspace_id = $1 and ($2::bigint is null or seq < $2)
      order by seq desc limit $3`,
    [workspaceId, before ?? null, limit],
  );
  const last = rows.at(-1);
  return {
    entries: rows.map((row) => ({ ...row, at: row.at.toISOString() })),
    next_before: last && last.seq > 1 ? last.seq : null,
  };
}
