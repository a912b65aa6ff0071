import type { BodyOf, operations, Quotas, Workspace } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { asSystem } from '../../database/scope.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { defaultWorkspace } from '../access/queries.js';
import { recordChange } from '../events/transaction.js';
import { type WorkspaceRow, workspaceByName, workspaceColumns, workspaceDocument } from './queries.js';
import { workspaceChannel } from './standing.js';

const dayMs = 24 * 3_600_000;

/** Makes an empty workspace, or `name_taken`. */
export async function createWorkspace(
  services: Services,
  caller: Caller,
  { name, description = '', quotas = {} }: BodyOf<typeof operations.createWorkspace>,
): Promise<Workspace | Refusal> {
  const now = services.clock.now();
  const made = await asSystem(() =>
    withTransaction(services.db.pool, async (tx) => {
      const { rows } = await tx.query<WorkspaceRow>(
        `insert into workspace (name, description, created_by, created_at, quotas) values ($1, $2, $3, $4, $5)
         on conflict (name) do nothing returning ${workspaceColumns}`,
        [name, description, caller.owner, now, JSON.stringify(quotas)],
      );
      const [row] = rows;
      if (!row) return refuse('name_taken', `there is a workspace \`${name}\` already, or one that is being deleted`);
      await record(tx, row, { caller, now, kind: 'workspace.created', data: { quotas } });
      return workspaceDocument(row);
    }),
  );
  return settled(services, made);
}

/** Sets the quotas that are given. */
export function putQuotas(
  services: Services,
  caller: Caller,
  name: string,
  body: Partial<Quotas>,
): Promise<Workspace | Refusal> {
  return change(services, name, async (tx, before, now) => {
    const quotas = { ...before.quotas, ...body };
    const row = await update(tx, before.id, 'quotas = $2, storage_full = storage_full and $3', [
      JSON.stringify(quotas),
      quotas.decisions_kept === before.quotas.decisions_kept,
    ]);
    await record(tx, row, {
      caller,
      now,
      kind: 'workspace.quotas_set',
      data: { before: before.quotas, after: quotas },
    });
    return row;
  });
}

/** Makes a workspace read-only, on every server within a second, on this one before the answer. */
export function archiveWorkspace(
  services: Services,
  caller: Caller,
  name: string,
  reason: string,
): Promise<Workspace | Refusal> {
  return change(services, name, async (tx, before, now) => {
    if (before.read_only_at) return refuse('workspace_status', `the workspace \`${name}\` is archived already`);
    const refusal = needed(name, 'archived');
    if (refusal) return refusal;
    const row = await update(tx, before.id, 'read_only_at = $2, read_only_by = $3, read_only_reason = $4', [
      now,
      caller.owner,
      reason,
    ]);
    await record(tx, row, { caller, now, kind: 'workspace.archived', data: { reason } });
    return row;
  });
}

export function restoreWorkspace(services: Services, caller: Caller, name: string): Promise<Workspace | Refusal> {
  return change(services, name, async (tx, before, now) => {
    if (before.delete_at) {
      return refuse('workspace_status', `the workspace \`${name}\` is to be deleted; withdraw that first`);
    }
    if (!before.read_only_at) return refuse('workspace_status', `the workspace \`${name}\` is not archived`);
    const row = await update(tx, before.id, 'read_only_at = null, read_only_by = null, read_only_reason = null', []);
    await record(tx, row, { caller, now, kind: 'workspace.restored', data: {} });
    return row;
  });
}

/** Archives a workspace and has it deleted when `grace_days` are over. */
export function askDeletion(
  services: Services,
  caller: Caller,
  name: string,
  { confirm, reason, grace_days: days }: BodyOf<typeof operations.askDeletion>,
): Promise<Workspace | Refusal> {
  return change(services, name, async (tx, before, now) => {
    if (confirm !== name) {
      return refuse('validation_failed', `\`confirm\` is \`${confirm}\`; to delete \`${name}\` repeat that name`);
    }
    if (before.delete_at) {
      return refuse('workspace_status', `the workspace \`${name}\` is to be deleted already; withdraw that first`);
    }
    const refusal = needed(name, 'deleted');
    if (refusal) return refusal;
    const deleteAt = new Date(now.getTime() + days * dayMs);
    const row = await update(
      tx,
      before.id,
      `deletion_asked_at = $2, deletion_asked_by = $3, deletion_reason = $4, delete_at = $5,
       read_only_at = coalesce(read_only_at, $2), read_only_by = coalesce(read_only_by, $3),
       read_only_reason = coalesce(read_only_reason, $4)`,
      [now, caller.owner, reason, deleteAt],
    );
    const data = { reason, delete_at: deleteAt.toISOString() };
    await record(tx, row, { caller, now, kind: 'workspace.deletion_asked', data });
    return row;
  });
}

/** It stays archived. */
export function withdrawDeletion(services: Services, caller: Caller, name: string): Promise<Workspace | Refusal> {
  return change(services, name, async (tx, before, now) => {
    if (!before.delete_at) return refuse('workspace_status', `nobody asked to delete the workspace \`${name}\``);
    const row = await update(
      tx,
      before.id,
      'deletion_asked_at = null, deletion_asked_by = null, deletion_reason = null, delete_at = null',
      [],
    );
    await record(tx, row, { caller, now, kind: 'workspace.deletion_withdrawn', data: {} });
    return row;
  });
}

/** What servers and pages fall back to when nothing else is named. */
function needed(name: string, what: string): Refusal | null {
  if (name !== defaultWorkspace) return null;
  return refuse('workspace_status', `the workspace \`${name}\` is always needed and cannot be ${what}`);
}

type Step = (tx: PoolClient, before: WorkspaceRow, now: Date) => Promise<WorkspaceRow | Refusal>;

/** One step in the life of a workspace, its row locked. */
async function change(services: Services, name: string, step: Step): Promise<Workspace | Refusal> {
  const now = services.clock.now();
  const changed = await asSystem(() =>
    withTransaction(services.db.pool, async (tx) => {
      const before = await workspaceByName(tx, name, 'for no key update');
      if (!before) return noWorkspace(name);
      const after = await step(tx, before, now);
      return after instanceof Refusal ? after : workspaceDocument(after);
    }),
  );
  return settled(services, changed);
}

export function noWorkspace(name: string): Refusal {
  return refuse('not_found', `there is no workspace \`${name}\``);
}

async function update(tx: PoolClient, id: number, set: string, values: readonly unknown[]): Promise<WorkspaceRow> {
  const { rows } = await tx.query<WorkspaceRow>(
    `update workspace set ${set} where id = $1 returning ${workspaceColumns}`,
    [id, ...values],
  );
  const [row] = rows;
  if (!row) throw new Error(`workspace ${id} was locked and is gone`);
  return row;
}

interface Recorded {
  readonly caller: Caller;
  readonly now: Date;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function record(
  tx: PoolClient,
  { id, name }: WorkspaceRow,
  { caller, now, kind, data }: Recorded,
): Promise<void> {
  await recordChange(tx, { workspaceId: id, at: now, actor: caller.owner, kind, subject: `workspace/${name}`, data });
  await tx.query('select pg_notify($1, $2)', [workspaceChannel, String(id)]);
}

/** The server that answers holds to it from now on. */
async function settled(services: Services, outcome: Workspace | Refusal): Promise<Workspace | Refusal> {
  if (!(outcome instanceof Refusal)) await services.standings.refresh();
  return outcome;
}
