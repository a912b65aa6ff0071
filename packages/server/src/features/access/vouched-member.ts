import type { Role } from '@policy-studio/contract';
import type { FastifyRequest } from 'fastify';
import type { PoolClient } from 'pg';
import { asSystem, inWorkspace } from '../../database/scope.js';
import { looksOf, samePerson } from '../../person.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { claimOf, type OidcSettings, personName, rolesBy } from './claims.js';
import { changeRole } from './members.js';
import type { Vouched } from './oidc.js';
import { bootstrapPerson, defaultWorkspace, type MemberRow, memberColumns, workspaceIdByName } from './queries.js';
import { type BegunSession, endSessionsOf, startSession } from './sessions.js';
import { announceEnd } from './transaction.js';

/** Begins a session for the member that the identity provider vouches for, who is made or changed as the claims say. */
export async function signInVouched(
  services: Services,
  settings: OidcSettings,
  request: FastifyRequest,
  vouched: Vouched,
): Promise<BegunSession | Refusal> {
  const { db, keys } = services;
  const name = personName(vouched.claims, settings.nameClaim);
  if (name === null) {
    return refuse(
      'forbidden',
      settings.nameClaim === 'email'
        ? 'the identity provider tells no verified address of yours; see OIDC_NAME_CLAIM'
        : `the identity provider tells no \`${settings.nameClaim}\` of yours; see OIDC_NAME_CLAIM`,
    );
  }
  const roles = rolesBy(settings.grants, claimOf(vouched.claims, settings.rolesClaim));
  const workspace =
    vouched.workspace ?? (roles.has(defaultWorkspace) ? null : roles.keys().next().value) ?? defaultWorkspace;
  const workspaceId = await asSystem(() => workspaceIdByName(db.pool, workspace));
  if (workspaceId === null) return refuse('forbidden', `you have no role in \`${workspace}\`; ask an admin of it`);
  const tooMany = keys.attempts.signIn(`${workspaceId} ${name}`);
  if (tooMany) return tooMany;
  const person = { ...vouched, name, role: roles.get(workspace) ?? null, workspaceId, workspace };
  let known: MemberRow | null = null;
  const begun = await startSession(services, request, workspaceId, async (tx) => {
    const member = await memberFor(tx, services.clock.now(), person);
    if (member instanceof Refusal) return member;
    known = member;
    return { person: member.name, via: 'oidc', keyId: null, memberId: member.id, adminToken: null };
  });
  if (known !== null) keys.forget(`member/${(known as MemberRow).id}`);
  if (begun instanceof Refusal) await noteDenied(services, person, request.ip);
  return begun;
}

interface Person {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  /** By the claims; null: they give none here. */
  readonly role: Role | null;
  readonly workspaceId: number;
  readonly workspace: string;
}

/** The member as it is from this sign-in on, or why there is none. */
async function memberFor(tx: PoolClient, now: Date, person: Person): Promise<MemberRow | Refusal> {
  const { issuer, subject, name, role, workspaceId, workspace } = person;
  const row = (await byIdentity(tx, person)) ?? (await bound(tx, now, person));
  if (row instanceof Refusal) return row;
  if (row !== null) {
    if (row.removed_at !== null)
      return refuse('forbidden', `\`${row.name}\` was removed from \`${workspace}\`; ask an admin of it`);
    if (row.managed_by === 'admin' || row.role === role) return row;
    if (role === null) {
      // What the provider gave, it has taken back.
      await endSessionsOf(tx, row.id, now);
      await announceEnd(tx, `member/${row.id}`);
      return refuse('forbidden', `you have no role in \`${workspace}\` any more; ask an admin of it`);
    }
    await changeRole(tx, row, { role, by: row.name, now });
    return { ...row, role };
  }
  if (role === null) return refuse('forbidden', `you have no role in \`${workspace}\`; ask an admin of it`);
  const { capital, small } = looksOf(name);
  const { rows } = await tx.query<MemberRow>(
    `insert into member (workspace_id, kind, name, looks_capital, looks_small, role, managed_by, issuer, subject,
                         created_by, created_at)
     values ($1, 'person', $2, $3, $4, $5, 'claims', $6, $7, $2, $8) on conflict do nothing returning ${memberColumns}`,
    [workspaceId, name, capital, small, role, issuer, subject, now],
  );
  const made = rows[0];
  if (!made) return refuse('conflict', 'you signed in twice at the same time, try again');
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: name,
    kind: 'member.added',
    subject: `member/${made.id}`,
    data: { name, kind: 'person', role, issuer },
  });
  return made;
}

async function byIdentity(tx: PoolClient, { workspaceId, issuer, subject }: Person): Promise<MemberRow | null> {
  const { rows } = await tx.query<MemberRow>(
    `select ${memberColumns} from member where workspace_id = $1 and issuer = $2 and subject = $3 and kind = 'person'
        for update`,
    [workspaceId, issuer, subject],
  );
  return rows[0] ?? null;
}

/**
 * A member an admin added by this name before anybody signed in under it: from now on it is this identity's. A name that
 * somebody else has, or that looks like it, is nobody's to take.
 */
async function bound(tx: PoolClient, now: Date, person: Person): Promise<MemberRow | Refusal | null> {
  const { issuer, subject, name, workspaceId } = person;
  if (samePerson(name, bootstrapPerson)) {
    return refuse('forbidden', `\`${bootstrapPerson}\` is who holds the admin token here; go by another name`);
  }
  const { capital, small } = looksOf(name);
  const { rows } = await tx.query<MemberRow>(
    `select ${memberColumns} from member where workspace_id = $1 and (looks_capital = $2 or looks_small = $3)
      order by id limit 1 for update`,
    [workspaceId, capital, small],
  );
  const row = rows[0];
  if (!row) return null;
  const same = row.name.normalize('NFC').toLowerCase() === name.normalize('NFC').toLowerCase();
  if (row.kind !== 'person' || row.issuer !== null || !same) {
    return refuse('forbidden', `another member is \`${row.name}\`, which is or looks like your name; ask an admin`);
  }
  if (row.removed_at !== null) return row;
  await tx.query('update member set issuer = $2, subject = $3 where id = $1', [row.id, issuer, subject]);
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: row.name,
    kind: 'member.bound',
    subject: `member/${row.id}`,
    data: { name: row.name, issuer, subject },
  });
  return { ...row, issuer, subject };
}

/** That somebody known may not come in is for the audit trail. */
async function noteDenied(services: Services, person: Person, address: string): Promise<void> {
  const { db, denials } = services;
  const { workspaceId, issuer, subject } = person;
  const { rows } = await inWorkspace(workspaceId, () =>
    db.pool.query<MemberRow>(
      `select ${memberColumns} from member where workspace_id = $1 and issuer = $2 and subject = $3`,
      [workspaceId, issuer, subject],
    ),
  );
  const row = rows[0];
  if (!row) return;
  denials.note({
    caller: { workspaceId, owner: row.name, keyId: row.id, isMember: true },
    what: 'signIn',
    code: row.removed_at === null ? 'forbidden' : 'member_removed',
    address,
  });
}
