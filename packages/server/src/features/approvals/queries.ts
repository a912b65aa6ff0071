import type { Approval, ApprovalLint, ApprovalStatus, Risk } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { statusAt } from './transition.js';

export type ApprovalKind = Approval['kind'];

export interface VoteRow {
  readonly by: string;
  readonly verdict: 'approve' | 'reject';
  readonly comment: string;
  readonly self_approved: boolean;
  readonly at: Date;
}

export interface ApprovalRow {
  readonly id: number;
  readonly kind: ApprovalKind;
  /** As stored; `statusAt` tells whether it has expired. */
  readonly status: ApprovalStatus;
  readonly subject: Readonly<Record<string, unknown>>;
  readonly subject_digest: string;
  /** Of an action: the key whose agent asked; null: people asked. */
  readonly key_id: number | null;
  readonly bundle_id: number | null;
  readonly initial_pct: number | null;
  readonly justification: string;
  readonly risk: Risk;
  readonly rollback_plan: string;
  readonly quorum: number;
  readonly four_eyes: boolean;
  readonly requested_by: string;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly decided_at: Date | null;
  readonly used_at: Date | null;
  /** Of the bundle, while it is the one that was asked for; null otherwise. */
  readonly lint: ApprovalLint | null;
  /** In the order they were cast. */
  readonly votes: readonly VoteRow[];
}

/** Findings that were answered, told with one approval. */
const told = 100;

const lint = `(
  select json_build_object(
      'warnings', b.lint #> '{summary,warnings}', 'info', b.lint #> '{summary,info}',
      'suppressed_count', b.lint #> '{summary,suppressed}',
      'suppressed', (
        select coalesce(json_agg(json_build_object(
            'code', f->>'code', 'rule_id', f->>'rule_id', 'message', f->>'message', 'reason', f->>'reason')
            order by place), '[]')
          from json_array_elements(b.lint->'suppressed') with ordinality as each (f, place) where place <= ${told}))
    from bundle b where b.id = approval.bundle_id and b.digest = approval.subject->>'digest')`;

const columns = `id, kind, status, subject, subject_digest, key_id, bundle_id, initial_pct, justification, risk, rollback_plan,
  quorum, four_eyes, requested_by, created_at, expires_at, decided_at, used_at, ${lint} as lint`;

/** The approval with its votes, or null. `for update` holds it until the transaction ends. */
export async function approvalById(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
  lock: '' | 'for update' = '',
): Promise<ApprovalRow | null> {
  const { rows } = await db.query<Omit<ApprovalRow, 'votes'>>(
    `select ${columns} from approval where workspace_id = $1 and id = $2 ${lock}`,
    [workspaceId, id],
  );
  return (await withVotes(db, workspaceId, rows))[0] ?? null;
}

async function withVotes(
  db: Pool | PoolClient,
  workspaceId: number,
  rows: readonly Omit<ApprovalRow, 'votes'>[],
): Promise<ApprovalRow[]> {
  if (rows.length === 0) return [];
  const votes = await db.query<VoteRow & { approval_id: number }>(
    `select approval_id, voter as by, verdict, comment, self_approved, at from approval_vote
      where workspace_id = $1 and approval_id = any($2) order by at, voter`,
    [workspaceId, rows.map(({ id }) => id)],
  );
  return rows.map((row) => ({
    ...row,
    votes: votes.rows.filter((vote) => vote.approval_id === row.id).map(({ approval_id: _, ...vote }) => vote),
  }));
}

/** The status that `statusAt` gives, in SQL; `$now` is the second parameter. */
const statusNow = `case when status in ('pending', 'approved') and expires_at <= $2 then 'expired' else status end`;

export interface ApprovalFilter {
  readonly status?: ApprovalStatus;
  readonly kind?: ApprovalKind;
  readonly bundle_id?: number;
  /** Only those that this key asked for. */
  readonly keyId?: number;
  readonly limit: number;
  readonly offset: number;
}

/** Approvals, newest first; statuses as of `now`. */
export async function approvalPage(
  db: Pool,
  workspaceId: number,
  filter: ApprovalFilter,
  now: Date,
): Promise<{ approvals: Approval[]; total: number; limit: number; offset: number }> {
  const { limit, offset } = filter;
  const where = `workspace_id = $1 and ($3::text is null or ${statusNow} = $3) and ($4::text is null or kind = $4)
    and ($5::integer is null or bundle_id = $5) and ($6::integer is null or key_id = $6)`;
  const values = [
    workspaceId,
    now,
    filter.status ?? null,
    filter.kind ?? null,
    filter.bundle_id ?? null,
    filter.keyId ?? null,
  ];
  const { rows } = await db.query<Omit<ApprovalRow, 'votes'>>(
    `select ${columns} from approval where ${where} order by id desc limit $7 offset $8`,
    [...values, limit, offset],
  );
  const count = await db.query<{ total: number }>(
    `select count(*) as total from approval where ${where} and $2::timestamptz is not null`,
    values,
  );
  const approvals = (await withVotes(db, workspaceId, rows)).map((row) => approvalDocument(row, now));
  return { approvals, total: count.rows[0]?.total ?? 0, limit, offset };
}

/** Which of these approvals, of whatever workspace, are no longer pending at `now`. */
export async function decidedAmong(db: Pool, ids: readonly number[], now: Date): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>(
    `select id from approval where id = any($1) and ${statusNow} <> 'pending'`,
    [ids, now],
  );
  return rows.map(({ id }) => id);
}

/** The approval as clients see it at `now`. */
export function approvalDocument(row: ApprovalRow, now: Date): Approval {
  const given = row.votes.filter(({ verdict }) => verdict === 'approve');
  return {
    id: row.id,
    kind: row.kind,
    status: statusAt({ status: row.status, expiresAt: row.expires_at }, now),
    subject_digest: row.subject_digest,
    subject: row.subject,
    bundle_id: row.bundle_id,
    lint: row.lint,
    initial_pct: row.initial_pct,
    justification: row.justification,
    risk: row.risk,
    rollback_plan: row.rollback_plan,
    quorum: row.quorum,
    approvals_given: given.length,
    four_eyes: row.four_eyes,
    self_approved: given.some((vote) => vote.self_approved),
    requested_by: row.requested_by,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    decided_at: row.decided_at?.toISOString() ?? null,
    used_at: row.used_at?.toISOString() ?? null,
    votes: row.votes.map((vote) => ({ ...vote, at: vote.at.toISOString() })),
  };
}
