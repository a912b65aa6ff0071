import type { ApiKey, Role } from '@policy-studio/contract';
import type { Pool } from 'pg';
import type { Caller } from '../../caller.js';

/** The workspace that is there from the start. */
export const defaultWorkspace = 'default';

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
}

/** Keys with this prefix that are not revoked; prefixes are random, so there is hardly ever more than one. */
export async function keysByPrefix(pool: Pool, prefix: string): Promise<StoredKey[]> {
  const { rows } = await pool.query<StoredKey>(
    `select k.id, k.workspace_id as "workspaceId", w.name as workspace, k.role, k.owner, k.agents, k.hash,
            k.session = 'ignore' as "ignoresSession", k.expires_at as "expiresAt"
       from api_key k join workspace w on w.id = k.workspace_id
      where k.prefix = $1 and k.revoked_at is null and w.archived_at is null
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
