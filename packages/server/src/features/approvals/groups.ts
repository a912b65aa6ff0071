import {
  type ApproverGroup,
  maxApproverGroups,
  type ProblemItem,
  type PutApproverGroup,
} from '@policy-studio/contract';
import { canonicalJson } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { samePerson } from '../../person.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';

interface GroupRow {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly members: string[];
  readonly asked_for: ApproverGroup['asked_for'];
  readonly members_only: boolean;
  readonly remind_after_minutes: number | null;
  readonly escalate_after_minutes: number | null;
  readonly escalate_to: string | null;
  readonly updated_by: string;
  readonly updated_at: Date;
  readonly pending: number;
}

/** Groups of approvers by name; all of them, or the one named. */
async function groupRows(
  db: Pool | PoolClient,
  workspaceId: number,
  { name = null, now }: { name?: string | null; now: Date },
): Promise<GroupRow[]> {
  const { rows } = await db.query<GroupRow>(
    `select g.id, g.name, g.description, g.members, g.asked_for, g.members_only, g.remind_after_minutes,
            g.escalate_after_minutes, t.name as escalate_to, g.updated_by, g.updated_at,
            (select count(*) from approval_asked a join approval p on p.id = a.approval_id
              where a.group_id = g.id and p.status = 'pending' and p.expires_at > $3) as pending
       from approver_group g left join approver_group t on t.id = g.escalate_to
      where g.workspace_id = $1 and g.deleted_at is null and ($2::text is null or g.name = $2)
      order by g.name collate "C"`,
    [workspaceId, name, now],
  );
  return rows;
}

function groupDocument(row: GroupRow): ApproverGroup {
  return {
    name: row.name,
    description: row.description,
    members: row.members,
    asked_for: row.asked_for,
    members_only: row.members_only,
    remind_after_minutes: row.remind_after_minutes,
    escalate:
      row.escalate_after_minutes === null ? null : { after_minutes: row.escalate_after_minutes, to: row.escalate_to },
    pending: row.pending,
    updated_by: row.updated_by,
    updated_at: row.updated_at.toISOString(),
  };
}

export async function approverGroups(db: Pool, workspaceId: number, now: Date): Promise<ApproverGroup[]> {
  return (await groupRows(db, workspaceId, { now })).map(groupDocument);
}

export async function approverGroup(
  db: Pool | PoolClient,
  workspaceId: number,
  name: string,
  now: Date,
): Promise<ApproverGroup | null> {
  const [row] = await groupRows(db, workspaceId, { name, now });
  return row ? groupDocument(row) : null;
}

/** Creates a group, or makes it what is given. Without any difference nothing is recorded. */
export async function putApproverGroup(
  { db, clock }: Services,
  caller: Caller,
  name: string,
  body: PutApproverGroup,
): Promise<ApproverGroup | Refusal> {
  const faults = groupFaults(name, body);
  if (faults.length > 0) return invalid(faults);
  const now = clock.now();
  const { workspaceId, owner } = caller;
  return withTransaction(db.pool, async (tx) => {
    await lockGroups(tx, workspaceId);
    const all = await groupRows(tx, workspaceId, { now });
    const before = all.find((group) => group.name === name);
    if (!before && all.length >= maxApproverGroups) {
      return refuse('approver_groups_full', `a workspace has at most ${maxApproverGroups} groups of approvers`);
    }
    const after = wanted(name, body);
    const target = after.escalate?.to == null ? null : all.find((group) => group.name === after.escalate?.to);
    if (target === undefined) {
      const known = all.map((group) => `\`${group.name}\``).join(', ') || 'none yet';
      return invalid([{ path: '/escalate/to', message: `is no group here; there are: ${known}` }]);
    }
    if (before && canonicalJson(audited(groupDocument(before))) === canonicalJson(audited(after))) {
      return groupDocument(before);
    }
    await writeGroup(tx, workspaceId, {
      id: before?.id ?? null,
      after,
      escalateTo: target?.id ?? null,
      by: owner,
      now,
    });
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: owner,
      kind: before ? 'approver_group.changed' : 'approver_group.created',
      subject: `approver-group/${name}`,
      data: { ...(before ? { before: audited(groupDocument(before)) } : {}), after: audited(after) },
    });
    return (await approverGroup(tx, workspaceId, name, now)) as ApproverGroup;
  });
}

type Wanted = Omit<ApproverGroup, 'pending' | 'updated_by' | 'updated_at'>;

function wanted(name: string, body: PutApproverGroup): Wanted {
  return {
    name,
    description: body.description ?? '',
    members: body.members,
    asked_for: body.asked_for ?? {},
    members_only: body.members_only ?? false,
    remind_after_minutes: body.remind_after_minutes ?? null,
    escalate: body.escalate ?? null,
  };
}

function audited(group: Wanted): Readonly<Record<string, unknown>> {
  const { description, members, asked_for, members_only, remind_after_minutes, escalate } = group;
  return { description, members, asked_for, members_only, remind_after_minutes, escalate };
}

interface Written {
  /** null: a new one. */
  readonly id: number | null;
  readonly after: Wanted;
  readonly escalateTo: number | null;
  readonly by: string;
  readonly now: Date;
}

async function writeGroup(tx: PoolClient, workspaceId: number, written: Written): Promise<void> {
  const { id, after, escalateTo, by, now } = written;
  const values = [
    after.description,
    after.members,
    JSON.stringify(after.asked_for),
    after.members_only,
    after.remind_after_minutes,
    after.escalate?.after_minutes ?? null,
    escalateTo,
    by,
    now,
  ];
  if (id === null) {
    await tx.query(
      `insert into approver_group (description, members, asked_for, members_only, remind_after_minutes,
                                   escalate_after_minutes, escalate_to, updated_by, updated_at, workspace_id, name)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [...values, workspaceId, after.name],
    );
    return;
  }
  await tx.query(
    `update approver_group set description = $1, members = $2, asked_for = $3, members_only = $4,
            remind_after_minutes = $5, escalate_after_minutes = $6, escalate_to = $7, updated_by = $8, updated_at = $9
      where workspace_id = $10 and id = $11`,
    [...values, workspaceId, id],
  );
}

/** What the schema does not say of a group. */
function groupFaults(name: string, { members, escalate }: PutApproverGroup): ProblemItem[] {
  const faults = members.flatMap((member, index): ProblemItem[] => {
    const earlier = members.findIndex((other) => samePerson(other, member));
    return earlier < index
      ? [{ path: `/members/${index}`, message: `is the same person as \`/members/${earlier}\`` }]
      : [];
  });
  if (escalate?.to === name) faults.push({ path: '/escalate/to', message: 'is this group; name another, or null' });
  return faults;
}

/** Deletes a group that nothing needs. What it was asked before keeps its name. */
export async function deleteApproverGroup(
  { db, clock }: Services,
  caller: Caller,
  name: string,
): Promise<Refusal | undefined> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  return withTransaction(db.pool, async (tx) => {
    await lockGroups(tx, workspaceId);
    const all = await groupRows(tx, workspaceId, { now });
    const group = all.find((each) => each.name === name);
    if (!group) return noGroup(name);
    const from = all.filter((each) => each.escalate_to === name).map((each) => `\`${each.name}\``);
    if (from.length > 0) {
      return refuse('approver_group_in_use', `${from.join(', ')} escalates to \`${name}\`; change that first`);
    }
    if (group.pending > 0) {
      const some = group.pending === 1 ? '1 pending approval asks' : `${group.pending} pending approvals ask`;
      return refuse(
        'approver_group_in_use',
        `${some} \`${name}\`; decide or withdraw that first, or change its members`,
      );
    }
    const standsBy = await tx.query(
      `select 1 from approval_asked a join approval p on p.id = a.approval_id
        where a.workspace_id = $1 and a.escalate_to = $2 and p.status = 'pending' and p.expires_at > $3 limit 1`,
      [workspaceId, group.id, now],
    );
    if (standsBy.rows.length > 0) {
      return refuse(
        'approver_group_in_use',
        `a pending approval escalates to \`${name}\`; decide or withdraw that first`,
      );
    }
    await tx.query('update approver_group set deleted_at = $3 where workspace_id = $1 and id = $2', [
      workspaceId,
      group.id,
      now,
    ]);
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: owner,
      kind: 'approver_group.deleted',
      subject: `approver-group/${name}`,
      data: { before: audited(groupDocument(group)) },
    });
    return undefined;
  });
}

/** One change of groups at a time in a workspace. Nothing is locked before it but the workspace after it. */
async function lockGroups(tx: PoolClient, workspaceId: number): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('policy_approver_groups'), $1)`, [workspaceId]);
}

export function noGroup(name: string): Refusal {
  return refuse('not_found', `there is no group of approvers \`${name}\`; list them with GET /policy/approver-groups`);
}
