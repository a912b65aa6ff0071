import { setImmediate as breath } from 'node:timers/promises';
import type { BodyOf, LintResult, operations } from '@policy-studio/contract';
import { bundleDigest, canonicalJson, type RuleInput, sha256Hex } from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { cancelApprovalsOf } from '../approvals/transaction.js';
import { recordChange } from '../events/transaction.js';
import { etagOf, ifMatch } from './etag.js';
import { holdsNul, rulesRejected } from './findings.js';
import { assess, type BundleRow, bundleById, bundleColumns, type ListsRead, withCurrentFindings } from './queries.js';
import { bundleTransition } from './transition.js';

// Checking and hashing 10,000 rules takes some 100 ms each; `breath` lets decisions pass in between.

/** UTF-8 bytes of a bundle's metadata as JSON. */
const metadataBytes = 64 * 1024;

/** What is derived from rules when they are saved. */
interface Assessed {
  readonly rulesJson: string;
  readonly digest: string;
  readonly lint: LintResult;
  readonly listsRead: ListsRead;
}

/** Makes a draft. Structure is refused; conditions that do not parse and unknown lists are stored as findings. */
export async function createBundle(
  { db, clock }: Services,
  caller: Caller,
  body: BodyOf<typeof operations.createBundle>,
): Promise<BundleRow | Refusal> {
  const now = clock.now();
  const { workspaceId } = caller;
  const refused = metadataRefused(body.metadata) ?? rulesRejected(body.rules);
  if (refused) return refused;
  await breath();
  const digest = digestOf(body.rules);
  const metadata = JSON.stringify(body.metadata ?? {});
  return withTransaction(db.pool, async (tx) => {
    const assessed = await assessRules(tx, workspaceId, body.rules, digest);
    const notes = body.notes ?? '';
    const { rows } = await tx.query<BundleRow>(
      `insert into bundle (workspace_id, version, rules, notes, metadata, digest, lint, lists_read, bytes, created_by,
                           created_by_claimed, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
       on conflict (workspace_id, version) do nothing
       returning ${bundleColumns}`,
      [
        workspaceId,
        body.version,
        assessed.rulesJson,
        notes,
        metadata,
        digest,
        JSON.stringify(assessed.lint),
        JSON.stringify(assessed.listsRead),
        weight(assessed, notes, metadata),
        caller.owner,
        body.created_by ?? null,
        now,
      ],
    );
    const row = rows[0];
    if (!row) return versionTaken(tx, workspaceId, body.version, digest);
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: caller.owner,
      kind: 'bundle.created',
      subject: `bundle/${row.id}`,
      data: { version: row.version, digest, rules: body.rules.length, created_by: body.created_by ?? null },
    });
    return row;
  });
}

async function versionTaken(tx: PoolClient, workspaceId: number, version: string, digest: string): Promise<Refusal> {
  const { rows } = await tx.query<{ id: number; digest: string }>(
    'select id, digest from bundle where workspace_id = $1 and version = $2',
    [workspaceId, version],
  );
  const existing = rows[0];
  if (!existing) return refuse('version_taken', `version \`${version}\` was taken a moment ago, try again`);
  const same = existing.digest === digest;
  return refuse(
    'version_taken',
    `version \`${version}\` is bundle ${existing.id}, with ${same ? 'the same' : 'another'} digest; choose a new version`,
    [{ path: '/version', message: `is taken by bundle ${existing.id}` }],
    { bundle_id: existing.id, digest: existing.digest, same_digest: same },
  );
}

/** Changes a draft; what is left out stays. A change that changes nothing leaves the bundle and its ETag as they are. */
export async function updateBundle(
  { db, clock }: Services,
  caller: Caller,
  id: number,
  body: BodyOf<typeof operations.updateBundle>,
  match: string | undefined,
): Promise<BundleRow | Refusal> {
  const now = clock.now();
  const { workspaceId } = caller;
  const refused = metadataRefused(body.metadata) ?? (body.rules ? rulesRejected(body.rules) : null);
  if (refused) return refused;
  await breath();
  const digest = body.rules ? digestOf(body.rules) : null;
  return withTransaction(db.pool, async (tx) => {
    const before = await editable(tx, workspaceId, id, 'edit', match);
    if (before instanceof Refusal) return before;
    const changed = (['rules', 'notes', 'metadata'] as const).filter(
      (name) => body[name] !== undefined && JSON.stringify(body[name]) !== JSON.stringify(before[name]),
    );
    if (changed.length === 0) return (await withCurrentFindings(tx, workspaceId, [before]))[0] as BundleRow;
    const assessed = await assessRules(tx, workspaceId, body.rules ?? before.rules, digest ?? before.digest);
    const notes = body.notes ?? before.notes;
    const metadata = JSON.stringify(body.metadata ?? before.metadata);
    const { rows } = await tx.query<BundleRow>(
      `update bundle set rules = $3, notes = $4, metadata = $5, digest = $6, lint = $7, lists_read = $8, bytes = $9,
                         updated_at = $10, revision = revision + 1
        where workspace_id = $1 and id = $2 returning ${bundleColumns}`,
      [
        workspaceId,
        id,
        assessed.rulesJson,
        notes,
        metadata,
        assessed.digest,
        JSON.stringify(assessed.lint),
        JSON.stringify(assessed.listsRead),
        weight(assessed, notes, metadata),
        now,
      ],
    );
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: caller.owner,
      kind: 'bundle.updated',
      subject: `bundle/${id}`,
      data: { changed, digest_before: before.digest, digest: assessed.digest },
    });
    return rows[0] as BundleRow;
  });
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

export function noBundle(id: number): Refusal {
  return refuse('not_found', `there is no bundle ${id}; list them with GET /policy/bundles`);
}

/** The locked bundle, when `command` may change it and it is the one the client has read. */
async function editable(
  tx: PoolClient,
  workspaceId: number,
  id: number,
  command: 'edit' | 'delete',
  match: string | undefined,
): Promise<BundleRow | Refusal> {
  const bundle = await bundleById(tx, workspaceId, id, 'for update');
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
  if (!('refused' in outcome)) return bundle;
  return refuse(outcome.refused, `bundle ${id} is ${bundle.status}; create a new version to change its rules`);
}

async function assessRules(
  tx: PoolClient,
  workspaceId: number,
  rules: readonly Record<string, unknown>[],
  digest: string,
): Promise<Assessed> {
  const { lint, listsRead } = await assess(tx, workspaceId, rules);
  return { rulesJson: JSON.stringify(rules), digest, lint, listsRead };
}

/**
 * The digest of the rules. A draft with conditions that do not parse has no canonical form; its digest is the SHA-256 of
 * the RFC 8785 form of the rules as they are written, an array, so it is never that of a valid bundle.
 */
function digestOf(rules: readonly Record<string, unknown>[]): string {
  try {
    return bundleDigest(rules as unknown as readonly RuleInput[]);
  } catch {
    return sha256Hex(canonicalJson(rules));
  }
}

function metadataRefused(metadata: Readonly<Record<string, unknown>> | undefined): Refusal | null {
  if (metadata === undefined) return null;
  if (Buffer.byteLength(JSON.stringify(metadata)) > metadataBytes) {
    return invalid([{ path: '/metadata', message: `must weigh at most ${metadataBytes} bytes as JSON` }]);
  }
  return holdsNul(metadata) ? invalid([{ path: '/metadata', message: 'holds the character U+0000: remove it' }]) : null;
}

function weight({ rulesJson, lint }: Assessed, notes: string, metadata: string): number {
  return Buffer.byteLength(rulesJson) + Buffer.byteLength(JSON.stringify(lint)) + Buffer.byteLength(notes + metadata);
}
