import type { Provenance } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { holdsNul } from '../../compute/tasks/structural-faults.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { checkNow } from '../lint/queries.js';
import { type BundleRow, bundleColumns } from './queries.js';
import { rulesRejected } from './refusals.js';

/** UTF-8 bytes of a bundle's metadata as JSON. */
const metadataBytes = 64 * 1024;

/** What is derived from rules when they are saved, as it is stored. */
export interface CheckedRules {
  readonly rules: string;
  readonly count: number;
  readonly digest: string;
  readonly lint: string;
  readonly listsRead: string;
  readonly lintBasis: string;
}

/** Reads and lints the rules of a body in another thread, before any lock is taken; `bundle_rejected` for their structure. */
export async function checkRules(
  services: Services,
  workspaceId: number,
  bodyText: string,
): Promise<CheckedRules | Refusal> {
  const outcome = await checkNow(services, workspaceId, bodyText);
  if (outcome instanceof Refusal) return outcome;
  const { checked, basis } = outcome;
  if ('faults' in checked) return rulesRejected(checked.faults, checked.count);
  return {
    rules: checked.rulesJson,
    count: checked.count,
    digest: checked.digest,
    lint: JSON.stringify(checked.report),
    listsRead: JSON.stringify(checked.listsRead),
    lintBasis: basis.stamp,
  };
}

export interface NewDraft {
  readonly workspaceId: number;
  readonly version: string;
  readonly checked: CheckedRules;
  readonly notes: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly actor: string;
  /** The name that a client gave for the actor. */
  readonly claimed: string | null;
  /** How it came, when it was imported. */
  readonly imported?: { readonly signature: string; readonly provenance: readonly Provenance[] };
  readonly now: Date;
}

/** Stores a new draft; `version_taken` names the bundle that has its version. The caller records the change. */
export async function storeDraft(tx: PoolClient, draft: NewDraft): Promise<BundleRow | Refusal> {
  const { workspaceId, version, checked, notes, imported, now } = draft;
  const metadata = JSON.stringify(draft.metadata);
  const { rows } = await tx.query<BundleRow>(
    `insert into bundle (workspace_id, version, rules, notes, metadata, digest, lint, lists_read, lint_basis, bytes,
                         source, source_signature, provenance, created_by, created_by_claimed, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)
     on conflict (workspace_id, version) do nothing
     returning ${bundleColumns}`,
    [
      workspaceId,
      version,
      checked.rules,
      notes,
      metadata,
      checked.digest,
      checked.lint,
      checked.listsRead,
      checked.lintBasis,
      Buffer.byteLength(checked.rules) + Buffer.byteLength(checked.lint) + Buffer.byteLength(notes + metadata),
      imported ? 'imported' : 'api',
      imported?.signature ?? null,
      JSON.stringify(imported?.provenance ?? []),
      draft.actor,
      draft.claimed,
      now,
    ],
  );
  return rows[0] ?? versionTaken(tx, workspaceId, version, checked.digest);
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

/** Null when a bundle's metadata can be kept. */
export function metadataRefused(metadata: Readonly<Record<string, unknown>> | undefined): Refusal | null {
  if (metadata === undefined) return null;
  if (Buffer.byteLength(JSON.stringify(metadata)) > metadataBytes) {
    return invalid([{ path: '/metadata', message: `must weigh at most ${metadataBytes} bytes as JSON` }]);
  }
  return holdsNul(metadata) ? invalid([{ path: '/metadata', message: 'holds the character U+0000: remove it' }]) : null;
}
