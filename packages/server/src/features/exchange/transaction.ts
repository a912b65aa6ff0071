import type { Envelope } from '@policy-studio/contract';
import { canonicalJson } from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import { type Refusal, refuse } from '../../refusal.js';
import type { ServerSecrets } from '../../server-secrets.js';
import { evidenceOf, mostEvidence, verifyingKeys } from './queries.js';

/** How long statements are kept about rules that no bundle has any more: a draft may be edited back. */
const idleMs = 30 * 24 * 3_600_000;

export interface KeptEvidence {
  readonly workspaceId: number;
  readonly digest: string;
  readonly envelopes: readonly Envelope[];
  readonly imported: boolean;
  readonly actor: string;
  readonly now: Date;
}

/**
 * Keeps statements about a digest, each once; their new ids. Of those made here and of those imported, only the newest
 * stay, so that one kind cannot push out the other.
 */
export async function keepEvidence(tx: PoolClient, evidence: KeptEvidence): Promise<number[]> {
  const { workspaceId, digest, envelopes, imported, actor, now } = evidence;
  const { rows: known } = await tx.query<{ envelope: Envelope }>(
    'select envelope from bundle_evidence where workspace_id = $1 and digest = $2',
    [workspaceId, digest],
  );
  const seen = new Set(known.map(({ envelope }) => canonicalJson(envelope)));
  const kept: number[] = [];
  for (const envelope of envelopes) {
    if (seen.has(canonicalJson(envelope))) continue;
    const { rows } = await tx.query<{ id: number }>(
      `insert into bundle_evidence (workspace_id, digest, envelope, imported, created_by, created_at)
       values ($1, $2, $3, $4, $5, $6) returning id`,
      [workspaceId, digest, JSON.stringify(envelope), imported, actor, now],
    );
    kept.push(...rows.map(({ id }) => id));
  }
  await tx.query(
    `delete from bundle_evidence where workspace_id = $1 and digest = $2 and imported = $3 and id not in (
       select id from bundle_evidence where workspace_id = $1 and digest = $2 and imported = $3
        order by id desc limit $4)`,
    [workspaceId, digest, imported, mostEvidence / 2],
  );
  await tx.query(
    `delete from bundle_evidence where workspace_id = $1 and created_at < $2
        and digest not in (select digest from bundle where workspace_id = $1)`,
    [workspaceId, new Date(now.getTime() - idleMs)],
  );
  return kept;
}

/** Null when a trusted key says of the rules what activation asks for; the signatures are checked anew. */
export async function evidenceRefused(
  tx: PoolClient,
  secrets: ServerSecrets,
  workspaceId: number,
  bundle: { readonly id: number; readonly digest: string },
): Promise<Refusal | null> {
  const keys = await verifyingKeys(tx, secrets, workspaceId);
  const [newest, ...older] = await evidenceOf(tx, workspaceId, bundle.digest, keys);
  if ([newest, ...older].some((each) => each?.lacks.length === 0)) return null;
  const why = newest
    ? `the newest statement about it ${newest.lacks.join(' and ')}`
    : 'there is none about these rules';
  return refuse(
    'evidence_needed',
    `activation here needs a signed statement that bundle ${bundle.id} has no lint errors and passed its tests; ${why}. Make one with POST /policy/bundles/${bundle.id}/evidence and test cases`,
  );
}
