import type { BodyOf, Member, operations, SignInLink } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { looksOf, samePerson } from '../../person.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { newLink } from './credential.js';
import { bootstrapPerson, type MemberRow, memberById, memberColumns, memberOf } from './queries.js';
import { endSessionsOf } from './sessions.js';
import { announceEnd } from './transaction.js';

const minuteMs = 60_000;

/** Adds a person, or one that was removed again, with a new role and bound to nobody at the identity provider yet. */
export async function createMember(
  { db, clock, keys }: Services,
  caller: Caller,
  { name, role }: BodyOf<typeof operations.createMember>,
): Promise<Member | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  if (samePerson(name, bootstrapPerson)) {
    return refuse(
      'name_taken',
      `\`${bootstrapPerson}\` is who holds the admin token, call the person by their own name`,
    );
  }
  const { capital, small } = looksOf(name);
  const added: Member | Refusal = await withTransaction(db.pool, async (tx) => {
    const inserted = await tx.query<MemberRow>(
      `insert into member (workspace_id, kind, name, looks_capital, looks_small, role, managed_by, created_by, created_at)
       values ($1, 'person', $2, $3, $4, $5, 'admin', $6, $7) on conflict do nothing returning ${memberColumns}`,
      [workspaceId, name, capital, small, role, owner, now],
    );
    const row = inserted.rows[0] ?? (await restored(tx, { caller, name, role }));
    if (row === null) return nameTaken(tx, workspaceId, name);
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: owner,
      kind: 'member.added',
      subject: `member/${row.id}`,
      data: { name: row.name, kind: row.kind, role: row.role },
    });
    await announceEnd(tx, `member/${row.id}`);
    return memberOf(row);
  });
  if ('id' in added) keys.forget(`member/${added.id}`);
  return added;
}

/** A service goes on with the role its claims give it; a person starts anew. */
async function restored(
  tx: PoolClient,
  { caller, name, role }: { caller: Caller; name: string; role: string },
): Promise<MemberRow | null> {
  const { rows } = await tx.query<MemberRow>(
    `update member
        set removed_at = null,
            role = case kind when 'person' then $3 else role end,
            managed_by = case kind when 'person' then 'admin' else managed_by end,
            issuer = case kind when 'person' then null else issuer end,
            subject = case kind when 'person' then null else subject end
      where workspace_id = $1 and name = $2 and removed_at is not null returning ${memberColumns}`,
    [caller.workspaceId, name, role],
  );
  return rows[0] ?? null;
}

async function nameTaken(tx: PoolClient, workspaceId: number, name: string): Promise<Refusal> {
  const { capital, small } = looksOf(name);
  const { rows } = await tx.query<{ id: number; name: string; removed: boolean }>(
    `select id, name, removed_at is not null as removed from member
      where workspace_id = $1 and (looks_capital = $2 or looks_small = $3) order by id limit 1`,
    [workspaceId, capital, small],
  );
  const [other] = rows;
  if (!other) return refuse('conflict', `\`${name}\` was changed at the same time, try again`);
  const detail = other.removed
    ? `member ${other.id}, who was removed, is \`${other.name}\`; to have them back add exactly that name`
    : other.name === name
      ? `member ${other.id} is \`${name}\``
      : `member ${other.id} is \`${other.name}\`, which looks the same; four eyes takes the two for one person`;
  return refuse('name_taken', detail, [], { member_id: other.id });
}

export async function putMember(
  { db, clock, keys }: Services,
  caller: Caller,
  id: number,
  { role }: BodyOf<typeof operations.putMember>,
): Promise<Member | Refusal> {
  const now = clock.now();
  const { workspaceId } = caller;
  const changed: Member | Refusal = await withTransaction(db.pool, async (tx) => {
    const row = await memberById(tx, workspaceId, id, 'for update');
    if (!row || row.removed_at) return noMember(id);
    if (row.managed_by === 'claims') {
      return refuse(
        'role_from_claims',
        `the role of \`${row.name}\` comes with each sign-in from \`${row.issuer}\`; change it there`,
      );
    }
    if (row.role === role) return memberOf(row);
    await changeRole(tx, row, { role, by: caller.owner, now });
    return memberOf({ ...row, role });
  });
  if ('id' in changed) keys.forget(`member/${id}`);
  return changed;
}

export interface RoleChange {
  readonly role: Member['role'];
  readonly by: string;
  readonly now: Date;
}

/** Sessions end, because what they were begun for has changed. Afterwards this server is to forget the member. */
export async function changeRole(tx: PoolClient, row: MemberRow, { role, by, now }: RoleChange): Promise<void> {
  await tx.query('update member set role = $2 where id = $1', [row.id, role]);
  await endSessionsOf(tx, row.id, now);
  await announceEnd(tx, `member/${row.id}`);
  await recordChange(tx, {
    workspaceId: row.workspace_id,
    at: now,
    actor: by,
    kind: 'member.role_changed',
    subject: `member/${row.id}`,
    data: { name: row.name, before: row.role, after: role },
  });
}

export async function removeMember(
  { db, clock, keys }: Services,
  caller: Caller,
  id: number,
): Promise<Refusal | undefined> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  const refused = await withTransaction(db.pool, async (tx) => {
    const row = await memberById(tx, workspaceId, id, 'for update');
    if (!row || row.removed_at) return noMember(id);
    await tx.query('update member set removed_at = $2 where id = $1', [id, now]);
    await endSessionsOf(tx, id, now);
    await announceEnd(tx, `member/${id}`);
    await tx.query('delete from sign_in_link where member_id = $1 and used_at is null', [id]);
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: owner,
      kind: 'member.removed',
      subject: `member/${id}`,
      data: { name: row.name, kind: row.kind, role: row.role },
    });
    return undefined;
  });
  if (!refused) keys.forget(`member/${id}`);
  return refused;
}

/** A link that signs `id` in once. Who made it is on the audit trail, since whoever opens it is that person. */
export async function createSignInLink(
  { db, clock }: Services,
  caller: Caller,
  id: number,
  { minutes, base }: { readonly minutes: number; readonly base: string },
): Promise<SignInLink | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  const { code, prefix, hash } = newLink();
  const expiresAt = new Date(now.getTime() + minutes * minuteMs);
  return withTransaction(db.pool, async (tx) => {
    const row = await memberById(tx, workspaceId, id, 'for share');
    if (row?.kind !== 'person' || row.removed_at) return noMember(id);
    await tx.query(
      `insert into sign_in_link (prefix, workspace_id, hash, member_id, created_by, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [prefix, workspaceId, hash, id, owner, now, expiresAt],
    );
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: owner,
      kind: 'member.link_made',
      subject: `member/${id}`,
      data: { name: row.name, link: prefix, expires_at: expiresAt.toISOString() },
    });
    return { url: `${base}/sign-in?link=${code}`, expires_at: expiresAt.toISOString() };
  });
}

export function noMember(id: number): Refusal {
  return refuse('not_found', `there is no member ${id}; list them with GET /policy/members`);
}
