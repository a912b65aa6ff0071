import type { Approval, ApprovalLint, ApprovalPrediction, ApprovalStatus, Risk } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { askedGroup, stateOf } from './status.js';
import { isHeard, missing, statusAt } from './transition.js';

export type ApprovalKind = Approval['kind'];

export interface VoteRow {
  readonly by: string;
  readonly verdict: 'approve' | 'reject';
  readonly comment: string;
  readonly self_approved: boolean;
  readonly via: 'key' | 'link';
  readonly link_made_by: string | null;
  readonly at: Date;
}

/** A group of approvers that is asked. */
export interface AskedRow {
  readonly group_id: number;
  readonly group: string;
  readonly members_only: boolean;
  /** As of now. */
  readonly members: readonly string[];
  readonly asked_at: Date;
  readonly reminded_at: Date | null;
  readonly escalated_at: Date | null;
  /** The group that speaks for it too once it is escalated; null: everybody who approves. */
  readonly escalate_to: string | null;
  readonly escalate_members: readonly string[];
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
  readonly prediction: ApprovalPrediction | null;
  readonly comment_count: number;
  /** In the order they were cast. */
  readonly votes: readonly VoteRow[];
  /** By name. */
  readonly asked: readonly AskedRow[];
}

type BareRow = Omit<ApprovalRow, 'votes' | 'asked'>;

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
  quorum, four_eyes, requested_by, created_at, expires_at, decided_at, used_at, ${lint} as lint, prediction,
  (select count(*) from approval_entry e where e.approval_id = approval.id and e.type = 'commented') as comment_count`;

/** The approval with its votes, or null. `for update` holds it until the transaction ends. */
export async function approvalById(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
  lock: '' | 'for update' = '',
): Promise<ApprovalRow | null> {
  const { rows } = await db.query<BareRow>(
    `select ${columns} from approval where workspace_id = $1 and id = $2 ${lock}`,
    [workspaceId, id],
  );
  return (await withPeople(db, workspaceId, rows))[0] ?? null;
}

/** With the votes, and the groups that are asked. */
async function withPeople(
  db: Pool | PoolClient,
  workspaceId: number,
  rows: readonly BareRow[],
): Promise<ApprovalRow[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const votes = await db.query<VoteRow & { approval_id: number }>(
    `select approval_id, voter as by, verdict, comment, self_approved, via, link_made_by, at from approval_vote
      where workspace_id = $1 and approval_id = any($2) order by at, voter`,
    [workspaceId, ids],
  );
  const asked = await db.query<AskedRow & { approval_id: number }>(
    `select a.approval_id, a.group_id, g.name as group, a.members_only, g.members, a.asked_at, a.reminded_at,
            a.escalated_at, t.name as escalate_to, coalesce(t.members, '{}') as escalate_members
       from approval_asked a join approver_group g on g.id = a.group_id
       left join approver_group t on t.id = a.escalate_to
      where a.workspace_id = $1 and a.approval_id = any($2) order by g.name`,
    [workspaceId, ids],
  );
  const of = <T extends { approval_id: number }>(all: readonly T[], id: number): Omit<T, 'approval_id'>[] =>
    all.filter((one) => one.approval_id === id).map(({ approval_id: _, ...one }) => one);
  return rows.map((row) => ({ ...row, votes: of(votes.rows, row.id), asked: of(asked.rows, row.id) }));
}

/** The status that `statusAt` gives, in SQL; `$now` is the second parameter. */
const statusNow = `case when status in ('pending', 'approved') and expires_at <= $2 then 'expired' else status end`;

export interface ApprovalFilter {
  readonly status?: ApprovalStatus;
  readonly kind?: ApprovalKind;
  readonly bundle_id?: number;
  /** Only those that this key asked for. */
  readonly keyId?: number;
  /** Only those that wait for this person to decide. */
  readonly waitingFor?: WaitingFor;
  readonly limit: number;
  readonly offset: number;
}

/** How a person is known among what is pending: see `waitingFor`. */
export interface WaitingFor {
  /** Every spelling of the name that stands on a pending approval or a vote on one. */
  readonly names: readonly string[];
  /** Ids of the groups the person is a member of. */
  readonly groups: readonly number[];
}

/**
 * Pending, not voted on by the person and not asked for by them under four eyes; where groups are asked, the person
 * speaks for one, and where members alone decide, for one of those.
 */
const waits = `status = 'pending' and not (four_eyes and requested_by = any($7))
  and not exists (select 1 from approval_vote v where v.approval_id = approval.id and v.voter = any($7))
  and (not exists (select 1 from approval_asked a where a.approval_id = approval.id)
    or exists (select 1 from approval_asked a
                where a.approval_id = approval.id
                  and (a.members_only or not exists (select 1 from approval_asked k
                                                      where k.approval_id = approval.id and k.members_only))
                  and (a.group_id = any($8)
                    or (a.escalated_at is not null and (a.escalate_to is null or a.escalate_to = any($8))))))`;

/** Approvals, newest first; statuses as of `now`. */
export async function approvalPage(
  db: Pool,
  workspaceId: number,
  filter: ApprovalFilter,
  now: Date,
): Promise<{ approvals: Approval[]; total: number; limit: number; offset: number }> {
  const { limit, offset } = filter;
  const where = `workspace_id = $1 and ($3::text is null or ${statusNow} = $3) and ($4::text is null or kind = $4)
    and ($5::integer is null or bundle_id = $5) and ($6::integer is null or key_id = $6)
    and ($7::text[] is null or $8::integer[] is null or (expires_at > $2 and ${waits}))`;
  const values = [
    workspaceId,
    now,
    filter.status ?? null,
    filter.kind ?? null,
    filter.bundle_id ?? null,
    filter.keyId ?? null,
    filter.waitingFor?.names ?? null,
    filter.waitingFor?.groups ?? null,
  ];
  const { rows } = await db.query<BareRow>(
    `select ${columns} from approval where ${where} order by id desc limit $9 offset $10`,
    [...values, limit, offset],
  );
  const count = await db.query<{ total: number }>(
    `select count(*) as total from approval where ${where} and $2::timestamptz is not null`,
    values,
  );
  const approvals = (await withPeople(db, workspaceId, rows)).map((row) => approvalDocument(row, now));
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
  const status = statusAt({ status: row.status, expiresAt: row.expires_at }, now);
  return {
    id: row.id,
    kind: row.kind,
    status,
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
    waits_for: status === 'pending' ? missing(stateOf(row)) : [],
    four_eyes: row.four_eyes,
    self_approved: given.some((vote) => vote.self_approved),
    requested_by: row.requested_by,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    decided_at: row.decided_at?.toISOString() ?? null,
    used_at: row.used_at?.toISOString() ?? null,
    votes: row.votes.map((vote) => ({ ...vote, at: vote.at.toISOString() })),
    asked: row.asked.map((asked) => ({
      group: asked.group,
      members_only: asked.members_only,
      heard: isHeard(askedGroup(asked), row.votes),
      asked_at: asked.asked_at.toISOString(),
      reminded_at: asked.reminded_at?.toISOString() ?? null,
      escalated_at: asked.escalated_at?.toISOString() ?? null,
      escalated_to: asked.escalated_at === null ? null : asked.escalate_to,
    })),
    comment_count: row.comment_count,
    prediction: row.prediction,
  };
}
