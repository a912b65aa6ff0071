import type { BodyOf, BundleVerdict, ImportedBundle, operations, Provenance } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { type CheckedRules, checkRules, metadataRefused, storeDraft } from '../bundles/transaction.js';
import { recordChange } from '../events/transaction.js';
import { readStatement } from './queries.js';
import { keepEvidence } from './transaction.js';
import { type Verified, verifySigned } from './verify.js';

/** Ways that are kept of a bundle that went to and fro; the oldest are let go. */
const keptWays = 50;

/** Makes a draft of a signed bundle, and of nothing else. */
export async function importBundle(
  services: Services,
  caller: Caller,
  { import_as_version: asVersion, ...document }: BodyOf<typeof operations.importBundle>,
): Promise<ImportedBundle | Refusal> {
  const { db, clock } = services;
  const { workspaceId, owner: actor } = caller;
  const good = await verifySigned(services, workspaceId, document);
  if (good instanceof Refusal) return good;
  const checked = await checkSigned(services, workspaceId, good);
  if (checked instanceof Refusal) return checked;
  const now = clock.now();
  const { bundle, keyId } = good;
  const { notes = '', metadata = {} } = bundle;
  const way = wayOf(good, checked, actor, now);
  return withTransaction(db.pool, async (tx) => {
    const row = await storeDraft(tx, {
      workspaceId,
      version: asVersion ?? bundle.version,
      checked,
      notes,
      metadata: { ...metadata, imported_at: now.toISOString() },
      actor,
      claimed: null,
      imported: { signature: good.signature, provenance: [...(bundle.provenance ?? []), way].slice(-keptWays) },
      now,
    });
    if (row instanceof Refusal) return row;
    const approved = way.approval !== null;
    const { digest } = checked;
    // What was found out about other rules says nothing about these.
    const envelopes = (bundle.evidence ?? []).filter(
      (each) => readStatement(each)?.subject[0]?.digest.sha256 === digest,
    );
    await keepEvidence(tx, { workspaceId, digest, envelopes, imported: true, actor, now });
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'bundle.imported',
      subject: `bundle/${row.id}`,
      data: {
        version: row.version,
        digest: row.digest,
        rules: checked.count,
        imported_from: bundle.version,
        exported_from: way.exported_from,
        exported_at: good.exportedAt,
        algorithm: good.algorithm,
        key_id: keyId,
        approved_at_source: approved,
      },
    });
    return {
      id: row.id,
      version: row.version,
      imported_from: bundle.version,
      verified: true,
      message: messageOf(row.version, way),
      digest: row.digest,
      status: row.status,
      approved_at_source: approved,
      key_id: keyId,
    };
  });
}

/** Whether it could be imported now, but for versions that are taken. */
export async function verdictOn(
  services: Services,
  workspaceId: number,
  { import_as_version: _, ...document }: Readonly<Record<string, unknown>>,
): Promise<BundleVerdict | Refusal> {
  const good = await verifySigned(services, workspaceId, document);
  if (good instanceof Refusal) return unfit(good);
  const checked = await checkSigned(services, workspaceId, good);
  // That there is too much to do now says nothing about the bundle.
  if (checked instanceof Refusal) return checked.code === 'overloaded' ? checked : unfit(checked);
  return {
    valid: true,
    version: good.bundle.version,
    digest: good.digest,
    key_id: good.keyId,
    expires_at: good.expiresAt,
    approved_at_source: (good.bundle.approval ?? null) !== null,
  };
}

function unfit({ code, detail }: Refusal): BundleVerdict {
  return { valid: false, reason: detail, code };
}

/** The rules of a signed bundle as they would be saved, when the digest is theirs. */
async function checkSigned(services: Services, workspaceId: number, good: Verified): Promise<CheckedRules | Refusal> {
  const { rules, metadata } = good.bundle;
  const checked = metadataRefused(metadata) ?? (await checkRules(services, workspaceId, JSON.stringify({ rules })));
  if (checked instanceof Refusal || checked.digest === good.digest) return checked;
  return refuse(
    'digest_mismatch',
    `the digest \`${good.digest}\` is not that of the rules, \`${checked.digest}\`; whoever signed it did not look`,
  );
}

function wayOf(good: Verified, checked: CheckedRules, actor: string, now: Date): Provenance {
  const { version, status = null, approval = null, exported_from: from } = good.bundle;
  return {
    version,
    digest: checked.digest,
    status,
    approval,
    exported_from: from ?? { server: null, workspace: null },
    exported_at: good.exportedAt,
    algorithm: good.algorithm,
    key_id: good.keyId,
    imported_at: now.toISOString(),
    imported_by: actor,
  };
}

function messageOf(version: string, { version: from, approval }: Provenance): string {
  const what = version === from ? `version ${version} as a draft` : `version ${from} as the draft ${version}`;
  const approved =
    approval === null
      ? 'its source never approved it'
      : `at its source ${approval.approved_by.join(' and ')} approved it`;
  return `imported ${what}; ${approved}; here it needs an approval of its own`;
}
