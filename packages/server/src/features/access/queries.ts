import type { ApiKey, BrowserSession, Member, Role } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import type { Caller } from '../../caller.js';

/** The workspace that is there from the start. */
export const defaultWorkspace = 'default';

/** Who holds the admin token, as a person. */
export const bootstrapPerson = 'admin';

/** Stands for the bootstrap token where keys are told apart by their ids. */
export const bootstrapKeyId = 0;

export interface StoredKey {
  readonly id: number;
  readonly workspaceId: number;
  readonly workspace: string;
  readonly role: Role;
  readonly owner: string;
  readonly agents: readonly string[];
  readonly ignoresSession: boolean;
  readonly hash: Buffer;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Keys with this prefix, revoked ones included; prefixes are random, so there is hardly ever more than one. */
export async function keysByPrefix(pool: Pool, prefix: string): Promise<StoredKey[]> {
  const { rows } = await pool.query<StoredKey>(
    `select k.id, k.workspace_id as "workspaceId", w.name as workspace, k.role, k.owner, k.agents, k.hash,
            k.session = 'ignore' as "ignoresSession", k.expires_at as "expiresAt", k.revoked_at as "revokedAt"
       from api_key k join workspace w on w.id = k.workspace_id
      where k.prefix = $1 and w.archived_at is null
      limit 16`,
    [prefix],
  );
  return rows;
}

export async function workspaceIdByName(pool: Pool, name: string): Promise<number | null> {
  const { rows } = await pool.query<{ id: number }>(
    'select id from workspace where name = $1 and archived_at is null',
    [name],
  );
  return rows[0]?.id ?? null;
}

/** Keys that are not revoked (expired ones included), newest first. */
export async function apiKeys(
  pool: Pool,
  workspaceId: number,
  page: { limit: number; offset: number },
): Promise<{ api_keys: ApiKey[]; total: number; limit: number; offset: number }> {
  const { rows } = await pool.query<KeyRow & { total: number }>(
    `select id, name, role, owner, agents, session, prefix, created_at, expires_at, last_used_at, count(*) over () as total
       from api_key where workspace_id = $1 and revoked_at is null
      order by id desc limit $2 offset $3`,
    [workspaceId, page.limit, page.offset],
  );
  const total = rows[0]?.total ?? (page.offset === 0 ? 0 : await countKeys(pool, workspaceId));
  return { api_keys: rows.map(apiKeyOf), total, ...page };
}

async function countKeys(pool: Pool, workspaceId: number): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    'select count(*) as count from api_key where workspace_id = $1 and revoked_at is null',
    [workspaceId],
  );
  return rows[0]?.count ?? 0;
}

export interface KeyRow {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly owner: string;
  readonly agents: string[];
  readonly session: ApiKey['session'];
  readonly prefix: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
}

export function apiKeyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    owner: row.owner,
    agents: row.agents,
    session: row.session,
    prefix: row.prefix,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
  };
}

/**
 * Whether the caller may speak for `agent`: one of its patterns is `*`, that name, or a `prefix.*` above it (`inbox.*`
 * covers `inbox.triage`, not `inbox`).
 */
export function mayActAs(caller: Pick<Caller, 'agents'>, agent: string): boolean {
  return caller.agents.some(
    (pattern) =>
      pattern === '*' || pattern === agent || (pattern.endsWith('.*') && agent.startsWith(pattern.slice(0, -1))),
  );
}

/** A browser session as requests meet it: with the role, and the end, of what it was begun for. */
export interface StoredSession {
  readonly id: number;
  readonly workspaceId: number;
  readonly workspace: string;
  readonly person: string;
  readonly role: Role;
  readonly via: BrowserSession['via'];
  readonly keyId: number | null;
  readonly memberId: number | null;
  /** The mark of the admin token it was begun for; null for a key's or a member's. */
  readonly adminToken: string | null;
  readonly agents: readonly string[];
  readonly ignoresSession: boolean;
  readonly address: string;
  readonly userAgent: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  /** The earlier of its own end and that of its key. */
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
}

const sessionSelect = `
  select s.id, s.workspace_id as "workspaceId", w.name as workspace, s.person, s.via, s.key_id as "keyId",
         s.member_id as "memberId", s.admin_token as "adminToken", coalesce(k.role, m.role, 'admin') as role,
         coalesce(k.agents, '{*}') as agents, coalesce(k.session = 'ignore', false) as "ignoresSession", s.address,
         s.user_agent as "userAgent", s.created_at as "createdAt", s.last_seen_at as "lastSeenAt",
         least(s.expires_at, k.expires_at) as "expiresAt", coalesce(s.ended_at, k.revoked_at, m.removed_at) as "endedAt"
    from browser_session s
    join workspace w on w.id = s.workspace_id and w.archived_at is null
    left join api_key k on k.id = s.key_id
    left join member m on m.id = s.member_id`;

export async function sessionByHash(queryable: Pool | PoolClient, hash: Buffer): Promise<StoredSession | null> {
  const { rows } = await queryable.query<StoredSession>(`${sessionSelect} where s.hash = $1`, [hash]);
  return rows[0] ?? null;
}

export interface SessionFilter {
  readonly workspaceId: number;
  readonly now: Date;
  /** Not seen since then: ended. */
  readonly seenAfter: Date;
  /** Of this person alone; null: of everybody. */
  readonly person: string | null;
  readonly limit: number;
  readonly offset: number;
}

/** Sessions that go on, newest first. */
export async function currentSessions(
  pool: Pool,
  { workspaceId, now, seenAfter, person, limit, offset }: SessionFilter,
): Promise<{ readonly sessions: StoredSession[]; readonly total: number }> {
  const current = `select * from (${sessionSelect} where s.workspace_id = $1 and s.ended_at is null) each
    where "endedAt" is null and "expiresAt" > $2 and "lastSeenAt" > $3 and ($4::text is null or person = $4)`;
  const values = [workspaceId, now, seenAfter, person];
  const { rows } = await pool.query<StoredSession>(`${current} order by id desc limit $5 offset $6`, [
    ...values,
    limit,
    offset,
  ]);
  const counted = await pool.query<{ count: number }>(`select count(*) as count from (${current}) each`, values);
  return { sessions: rows, total: counted.rows[0]?.count ?? 0 };
}

export interface MemberRow {
  readonly id: number;
  readonly workspace_id: number;
  readonly kind: Member['kind'];
  readonly name: string;
  readonly role: Member['role'];
  readonly managed_by: Member['managed_by'];
  readonly issuer: string | null;
  readonly subject: string | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly last_seen_at: Date | null;
  readonly removed_at: Date | null;
}

export const memberColumns =
  'id, workspace_id, kind, name, role, managed_by, issuer, subject, created_by, created_at, last_seen_at, removed_at';

export function memberOf(row: MemberRow): Member {
  const { id, kind, name, role, managed_by, issuer, subject, created_by } = row;
  return {
    id,
    kind,
    name,
    role,
    managed_by,
    identity: issuer === null || subject === null ? null : { issuer, subject },
    created_by,
    created_at: row.created_at.toISOString(),
    last_seen_at: row.last_seen_at?.toISOString() ?? null,
    removed_at: row.removed_at?.toISOString() ?? null,
  };
}

export async function memberById(
  queryable: Pool | PoolClient,
  workspaceId: number,
  id: number,
  lock: '' | 'for update' | 'for share' = '',
): Promise<MemberRow | null> {
  const { rows } = await queryable.query<MemberRow>(
    `select ${memberColumns} from member where workspace_id = $1 and id = $2 ${lock}`,
    [workspaceId, id],
  );
  return rows[0] ?? null;
}

/** By name; `removed`: also those that were removed. */
export async function members(
  pool: Pool,
  workspaceId: number,
  { removed, limit, offset }: { removed: boolean; limit: number; offset: number },
): Promise<{ members: Member[]; total: number; limit: number; offset: number }> {
  const where = 'workspace_id = $1 and ($2 or removed_at is null)';
  const { rows } = await pool.query<MemberRow>(
    `select ${memberColumns} from member where ${where} order by looks_small, id limit $3 offset $4`,
    [workspaceId, removed, limit, offset],
  );
  const counted = await pool.query<{ count: number }>(`select count(*) as count from member where ${where}`, [
    workspaceId,
    removed,
  ]);
  return { members: rows.map(memberOf), total: counted.rows[0]?.count ?? 0, limit, offset };
}
