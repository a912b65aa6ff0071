import type { ApprovalEntry, ApprovalEntryType } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import type { ApprovalRow } from './queries.js';
import { statusAt } from './transition.js';

export interface NewEntry {
  readonly workspaceId: number;
  readonly approvalId: number;
  readonly type: 'commented' | 'reminded' | 'escalated' | 'link_made' | 'link_revoked';
  readonly by: string;
  readonly text: string;
  readonly at: Date;
}

/** Writes one line of an approval's timeline that is neither a vote nor a status. */
export async function addEntry(tx: PoolClient, entry: NewEntry): Promise<void> {
  const { workspaceId, approvalId, at, type, by, text } = entry;
  await tx.query(
    'insert into approval_entry (workspace_id, approval_id, at, type, by_whom, text) values ($1, $2, $3, $4, $5, $6)',
    [workspaceId, approvalId, at, type, by, text],
  );
}

/** What happened to an approval until `now`, oldest first. */
export async function timelineOf(
  db: Pool | PoolClient,
  workspaceId: number,
  row: ApprovalRow,
  now: Date,
): Promise<ApprovalEntry[]> {
  const { rows } = await db.query<{ at: Date; type: ApprovalEntryType; by: string; text: string }>(
    `select at, type, by_whom as by, text from approval_entry where workspace_id = $1 and approval_id = $2 order by id`,
    [workspaceId, row.id],
  );
  const line = (at: Date, type: ApprovalEntryType, by: string | null, text = ''): ApprovalEntry => ({
    at: at.toISOString(),
    type,
    by,
    text,
  });
  const votes = row.votes.map(({ at, verdict, by, comment, link_made_by: maker }) => {
    const through = maker === null ? '' : `through a link made by ${maker}`;
    const text = [comment, through].filter((part) => part !== '').join(' · ');
    return line(at, verdict === 'approve' ? 'approved' : 'rejected', by, text);
  });
  const lines = [
    line(row.created_at, 'requested', row.requested_by, row.justification),
    ...rows.map(({ at, type, by, text }) => line(at, type, by, text)),
    ...votes,
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const status = statusAt({ status: row.status, expiresAt: row.expires_at }, now);
  if (status === 'expired') lines.push(line(row.expires_at, 'expired', null));
  if (status === 'canceled' && row.decided_at) lines.push(line(row.decided_at, 'canceled', null));
  if (status === 'used' && row.used_at) lines.push(line(row.used_at, 'used', null));
  return lines;
}
