import type { DeletedWorkspace, Quotas, Workspace, WorkspaceDetail } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { demoColumn } from '../demo/queries.js';

/** Whether the caller holds ADMIN_TOKEN, and so may do what is of the whole installation. */
export function isInstanceAdmin(caller: Caller): boolean {
  return caller.keyId === null && caller.role === 'admin';
}

export const noQuotas: Quotas = {
  bundles: null,
  rules_per_bundle: null,
  decisions_per_second: null,
  decisions_kept: null,
};

export interface WorkspaceRow {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly created_by: string;
  readonly created_at: Date;
  readonly read_only_at: Date | null;
  readonly read_only_by: string | null;
  readonly read_only_reason: string | null;
  readonly deletion_asked_at: Date | null;
  readonly deletion_asked_by: string | null;
  readonly deletion_reason: string | null;
  readonly delete_at: Date | null;
  readonly quotas: Partial<Quotas>;
  readonly demo: boolean;
}

export const workspaceColumns = `id, name, description, created_by, created_at, read_only_at, read_only_by, read_only_reason,
  deletion_asked_at, deletion_asked_by, deletion_reason, delete_at, quotas, ${demoColumn}`;

export function workspaceDocument(row: WorkspaceRow): Workspace {
  const noted = (at: Date, by: string | null, reason: string | null) => ({
    at: at.toISOString(),
    by: by ?? '',
    reason: reason ?? '',
  });
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    demo: row.demo,
    status: row.delete_at !== null ? 'deleting' : row.read_only_at !== null ? 'archived' : 'active',
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    archived: row.read_only_at && noted(row.read_only_at, row.read_only_by, row.read_only_reason),
    deletion:
      row.deletion_asked_at && row.delete_at
        ? {
            ...noted(row.deletion_asked_at, row.deletion_asked_by, row.deletion_reason),
            delete_at: row.delete_at.toISOString(),
          }
        : null,
    quotas: { ...noQuotas, ...row.quotas },
  };
}

/** Those that queries may see here, by name. */
export async function workspaces(
  pool: Pool,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<{ workspaces: Workspace[]; total: number; limit: number; offset: number }> {
  const { rows } = await pool.query<WorkspaceRow>(
    `select ${workspaceColumns} from workspace where archived_at is null order by name limit $1 offset $2`,
    [limit, offset],
  );
  const counted = await pool.query<{ count: number }>(
    'select count(*) as count from workspace where archived_at is null',
  );
  return { workspaces: rows.map(workspaceDocument), total: counted.rows[0]?.count ?? 0, limit, offset };
}

/** With `lock` until the transaction ends. One that is closed is not there. */
export async function workspaceByName(
  queryable: Pool | PoolClient,
  name: string,
  lock: '' | 'for no key update' = '',
): Promise<WorkspaceRow | null> {
  const { rows } = await queryable.query<WorkspaceRow>(
    `select ${workspaceColumns} from workspace where name = $1 and archived_at is null ${lock}`,
    [name],
  );
  return rows[0] ?? null;
}

/** Beyond it, who looks at the usage learns that there are more. */
const countedDecisions = 1_000_000;

/** What of its quotas a workspace uses at `now`. */
export async function usageOf(
  pool: Pool,
  { id, quotas }: Pick<WorkspaceRow, 'id' | 'quotas'>,
  now: Date,
): Promise<WorkspaceDetail['usage']> {
  const { rows } = await pool.query<WorkspaceDetail['usage']>(
    `select (select count(*) from bundle where workspace_id = $1) as bundles,
       (select coalesce(max(json_array_length(rules)), 0) from bundle where workspace_id = $1) as rules_per_bundle,
       (select coalesce(sum(decisions), 0)::float8 / 60 from (
          select decisions, minute from decision_rollup where workspace_id = $1
          union all select decisions, minute from decision_rollup_delta where workspace_id = $1) each
        where minute = date_trunc('minute', $2::timestamptz) - interval '1 minute') as decisions_per_second,
       (select count(*) from (select 1 from decision where workspace_id = $1 limit $3) kept) as decisions_kept`,
    [id, now, Math.max(countedDecisions, quotas.decisions_kept ?? 0) + 1],
  );
  const [row] = rows;
  if (!row) throw new Error('a query of counts has one row');
  return row;
}

interface DeletedRow extends Omit<DeletedWorkspace, 'created_at' | 'asked_at' | 'deleted_at'> {
  readonly created_at: Date;
  readonly asked_at: Date;
  readonly deleted_at: Date;
}

export async function deletedWorkspaces(
  pool: Pool,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<{ workspaces: DeletedWorkspace[]; total: number; limit: number; offset: number }> {
  const { rows } = await pool.query<DeletedRow>(
    `select id, name, created_at, asked_by, asked_at, reason, deleted_at, rows, checkpoint from deleted_workspace
      order by deleted_at desc, id desc limit $1 offset $2`,
    [limit, offset],
  );
  const counted = await pool.query<{ count: number }>('select count(*) as count from deleted_workspace');
  const found = rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    asked_at: row.asked_at.toISOString(),
    deleted_at: row.deleted_at.toISOString(),
  }));
  return { workspaces: found, total: counted.rows[0]?.count ?? 0, limit, offset };
}
