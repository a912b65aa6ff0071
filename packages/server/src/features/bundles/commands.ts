import type { BodyOf, operations } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { cancelApprovalsOf } from '../approvals/transaction.js';
import { bundlePinAt } from '../emergency/queries.js';
import { recordChange } from '../events/transaction.js';
import { etagOf, ifMatch } from './etag.js';
import { type BundleHead, type BundleRow, bundleById, bundleColumns, bundleHead } from './queries.js';
import { noBundle } from './refusals.js';
import { type CheckedRules, checkRules, metadataRefused, storeDraft } from './transaction.js';
import { bundleTransition } from './transition.js';

/**
 * Makes a draft. Structure, and names that a strict catalog lacks, are refused; conditions that do not parse and unknown
 * lists are stored as findings. `bodyText` is the body as it was sent: other threads read it.
 */
export async function createBundle(
  services: Services,
  caller: Caller,
  body: BodyOf<typeof operations.createBundle>,
  bodyText: string,
): Promise<BundleRow | Refusal> {
  const now = services.clock.now();
  const { workspaceId, owner: actor } = caller;
  const checked = metadataRefused(body.metadata) ?? (await checkRules(services, workspaceId, bodyText));
  if (checked instanceof Refusal) return checked;
  const { version, notes = '', metadata = {}, created_by: claimed = null } = body;
  return withTransaction(services.db.pool, async (tx) => {
    const row = await storeDraft(tx, { workspaceId, version, checked, notes, metadata, actor, claimed, now });
    if (row instanceof Refusal) return row;
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'bundle.created',
      subject: `bundle/${row.id}`,
      data: { version: row.version, digest: row.digest, rules: checked.count, created_by: claimed },
    });
    return row;
  });
}

export interface Update {
  readonly body: BodyOf<typeof operations.updateBundle>;
  /** The body as it was sent. */
  readonly bodyText: string;
  /** The header `If-Match`. */
  readonly match: string | undefined;
}

/** Changes a draft; what is left out stays. A change that changes nothing leaves the bundle and its ETag as they are. */
export async function updateBundle(
  services: Services,
  caller: Caller,
  id: number,
  { body, bodyText, match }: Update,
): Promise<BundleRow | Refusal> {
  const { db, clock } = services;
  const now = clock.now();
  const { workspaceId } = caller;
  const known = await bundleHead(db.pool, workspaceId, id);
  // What cannot be changed anyway needs no lint; under the lock it is looked at again.
  const refused = metadataRefused(body.metadata) ?? changeRefused(known, id, 'edit', match);
  if (refused) return refused;
  const checked = body.rules ? await checkRules(services, workspaceId, bodyText) : null;
  if (checked instanceof Refusal) return checked;
  return withTransaction(db.pool, async (tx) => {
    const before = await editable(tx, workspaceId, id, 'edit', match);
    if (before instanceof Refusal) return before;
    const changed = [
      ...(checked && !(await isSame(tx, before, checked)) ? ['rules'] : []),
      ...(['notes', 'metadata'] as const).filter(
        (name) => body[name] !== undefined && JSON.stringify(body[name]) !== JSON.stringify(before[name]),
      ),
    ];
    if (changed.length === 0) return (await bundleById(tx, workspaceId, id)) as BundleRow;
    const notes = body.notes ?? before.notes;
    const metadata = JSON.stringify(body.metadata ?? before.metadata);
    const { rows } = await tx.query<BundleRow>(
      `update bundle set rules = coalesce($3::json, rules), notes = $4, metadata = $5, digest = coalesce($6, digest),
                         lint = coalesce($7::json, lint), lists_read = coalesce($8::json, lists_read),
                         lint_basis = coalesce($9, lint_basis), updated_at = $10, revision = revision + 1,
                         bytes = octet_length(coalesce($3::json, rules)::text)
                                 + octet_length(coalesce($7::json, lint)::text)
                                 + octet_length($4::text) + octet_length($5::json::text)
        where workspace_id = $1 and id = $2 returning ${bundleColumns}`,
      [
        workspaceId,
        id,
        checked?.rules ?? null,
        notes,
        metadata,
        checked?.digest ?? null,
        checked?.lint ?? null,
        checked?.listsRead ?? null,
        checked?.lintBasis ?? null,
        now,
      ],
    );
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: caller.owner,
      kind: 'bundle.updated',
      subject: `bundle/${id}`,
      data: { changed, digest_before: before.digest, digest: checked?.digest ?? before.digest },
    });
    return rows[0] as BundleRow;
  });
}

/** Whether the rules are stored as they are written; another digest settles it without looking. */
async function isSame(tx: PoolClient, before: BundleHead, { digest, rules }: CheckedRules): Promise<boolean> {
  if (digest !== before.digest) return false;
  const found = await tx.query<{ same: boolean }>('select rules::text = $2 as same from bundle where id = $1', [
    before.id,
    rules,
  ]);
  return found.rows[0]?.same === true;
}

/** Deletes a draft and withdraws what was asked for it. */
export async function deleteBundle(
  { db, clock }: Services,
  caller: Caller,
  id: number,
  match: string | undefined,
): Promise<Refusal | undefined> {
  const now = clock.now();
  const { workspaceId, owner: actor } = caller;
  return withTransaction(db.pool, async (tx) => {
    const bundle = await editable(tx, workspaceId, id, 'delete', match);
    if (bundle instanceof Refusal) return bundle;
    await cancelApprovalsOf(tx, { workspaceId, bundleId: id, actor, reason: 'the bundle was deleted', now });
    await tx.query('delete from bundle where workspace_id = $1 and id = $2', [workspaceId, id]);
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'bundle.deleted',
      subject: `bundle/${id}`,
      data: { version: bundle.version, digest: bundle.digest },
    });
    return undefined;
  });
}

/** Puts a bundle away that does not decide; doing so again changes nothing. */
export async function archiveBundle({ db, clock }: Services, caller: Caller, id: number): Promise<BundleRow | Refusal> {
  const now = clock.now();
  const { workspaceId, owner: actor } = caller;
  return withTransaction(db.pool, async (tx) => {
    const bundle = await bundleById(tx, workspaceId, id, 'for update');
    if (!bundle) return noBundle(id);
    const outcome = bundleTransition(bundle.status, 'archive');
    if ('refused' in outcome) return refuse(outcome.refused, `bundle ${id} decides requests; activate another first`);
    if ((await bundlePinAt(tx, workspaceId, now))?.bundle.id === id) {
      return refuse('bundle_in_force', `bundle ${id} is pinned and decides everything; end that first`);
    }
    if (!('to' in outcome)) return bundle;
    await cancelApprovalsOf(tx, { workspaceId, bundleId: id, actor, reason: 'the bundle was archived', now });
    const { rows } = await tx.query<BundleRow>(
      `update bundle set status = $3, updated_at = $4, revision = revision + 1
        where workspace_id = $1 and id = $2 returning ${bundleColumns}`,
      [workspaceId, id, outcome.to, now],
    );
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'bundle.archived',
      subject: `bundle/${id}`,
      data: { version: bundle.version, digest: bundle.digest, status_before: bundle.status },
    });
    return rows[0] as BundleRow;
  });
}

/** The locked bundle, when `command` may change it and it is the one the client has read. */
async function editable(
  tx: PoolClient,
  workspaceId: number,
  id: number,
  command: 'edit' | 'delete',
  match: string | undefined,
): Promise<BundleHead | Refusal> {
  const bundle = await bundleHead(tx, workspaceId, id, 'for update');
  return changeRefused(bundle, id, command, match) ?? (bundle as BundleHead);
}

function changeRefused(
  bundle: BundleHead | null,
  id: number,
  command: 'edit' | 'delete',
  match: string | undefined,
): Refusal | null {
  if (!bundle) return noBundle(id);
  if (match !== undefined) {
    const matches = ifMatch(match, etagOf(bundle));
    if (matches === null) {
      return invalid([
        { path: 'if-match', message: 'must be `*` or ETags in quotes, as the bundle was answered with' },
      ]);
    }
    if (!matches) return refuse('stale', `bundle ${id} has changed since it was read; read it again and merge`);
  }
  const outcome = bundleTransition(bundle.status, command);
  if (!('refused' in outcome)) return null;
  return refuse(outcome.refused, `bundle ${id} is ${bundle.status}; create a new version to change its rules`);
}
