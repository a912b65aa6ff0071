import {
  decodeBase64,
  type Envelope,
  type Evidence,
  EvidenceStatement,
  openEnvelope,
  type SourceApproval,
  statementPayloadType,
  type TrustedKey,
  type VerifyingKey,
} from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { verifyEd25519 } from '../../ed25519.js';
import { parseJson } from '../../http/json.js';
import { validator } from '../../http/validation.js';
import type { ServerSecrets } from '../../server-secrets.js';

interface TrustedKeyRow extends Omit<TrustedKey, 'created_at'> {
  readonly created_at: Date;
}

/** The keys that an admin named, by name. */
export async function trustedKeys(db: Pool | PoolClient, workspaceId: number): Promise<TrustedKey[]> {
  const { rows } = await db.query<TrustedKeyRow>(
    `select id, name, key_id, public_key, created_by, created_at from trusted_key
      where workspace_id = $1 order by name, id`,
    [workspaceId],
  );
  return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
}

/** All keys whose signatures count in a workspace: those, and the server's own. */
export async function verifyingKeys(
  db: Pool | PoolClient,
  secrets: ServerSecrets,
  workspaceId: number,
): Promise<VerifyingKey[]> {
  const own = secrets.bundleKeys.map(({ id, publicKey }) => ({ key_id: id, public_key: publicKey }));
  return [...own, ...(await trustedKeys(db, workspaceId))];
}

/**
 * The newest activation approval of exactly these rules that people gave, whatever became of it since; null: there is
 * none.
 */
export async function approvalAtSource(
  db: Pool | PoolClient,
  workspaceId: number,
  bundle: { readonly id: number; readonly digest: string },
): Promise<SourceApproval | null> {
  const { rows } = await db.query<Omit<SourceApproval, 'decided_at'> & { decided_at: Date | null }>(
    `select id, requested_by, quorum, risk, four_eyes, decided_at,
            array(select voter from approval_vote where approval_id = approval.id and verdict = 'approve' order by at, voter)
              as approved_by,
            exists (select from approval_vote where approval_id = approval.id and verdict = 'approve' and self_approved)
              as self_approved
       from approval
      where workspace_id = $1 and kind = 'activation' and bundle_id = $2 and subject->>'digest' = $3
        and status in ('approved', 'used')
      order by id desc limit 1`,
    [workspaceId, bundle.id, bundle.digest],
  );
  const row = rows[0];
  return row ? { ...row, decided_at: row.decided_at?.toISOString() ?? null } : null;
}

/** Statements that are kept about one digest, half of them imported. */
export const mostEvidence = 20;

interface EvidenceRow {
  readonly id: number;
  readonly envelope: Envelope;
  readonly imported: boolean;
  readonly created_by: string;
  readonly created_at: Date;
}

const checkStatement = validator(EvidenceStatement, 'body');

/** The statements about the rules of a digest, newest first, as far as these keys vouch for them. */
export async function evidenceOf(
  db: Pool | PoolClient,
  workspaceId: number,
  digest: string,
  keys: readonly VerifyingKey[],
): Promise<Evidence[]> {
  const { rows } = await db.query<EvidenceRow>(
    `select id, envelope, imported, created_by, created_at from bundle_evidence
      where workspace_id = $1 and digest = $2 order by id desc limit $3`,
    [workspaceId, digest, mostEvidence],
  );
  return rows.map(({ envelope, ...row }) => {
    const opened = openEnvelope(envelope, statementPayloadType, keys, verifyEd25519);
    const keyId = 'key' in opened ? opened.key.key_id : null;
    const statement = readStatement(envelope);
    return {
      ...row,
      created_at: row.created_at.toISOString(),
      digest,
      key_id: keyId,
      lacks: [...(keyId === null ? ['is signed by no key that is trusted here'] : []), ...lacksOf(statement, digest)],
      statement,
      envelope,
    };
  });
}

/** The statement in an envelope, whoever signed it; null when it is none of the kind that is known here. */
export function readStatement({ payloadType, payload }: Envelope): EvidenceStatement | null {
  const bytes = payloadType === statementPayloadType ? decodeBase64(payload) : null;
  if (bytes === null) return null;
  const parsed = parseJson(Buffer.from(bytes));
  return 'value' in parsed && checkStatement(parsed.value, 0) === null ? (parsed.value as EvidenceStatement) : null;
}

/** What a statement lacks to let the rules of a digest be activated where evidence is required. */
function lacksOf(statement: EvidenceStatement | null, digest: string): string[] {
  if (statement === null) return ['is of a kind that is not known here'];
  const { subject, predicate } = statement;
  const { lint, tests } = predicate;
  return [
    ...(subject[0]?.digest.sha256 === digest ? [] : ['is about other rules']),
    ...(lint.errors === 0 ? [] : [`counts lint errors (${lint.errors})`]),
    ...(tests !== null && tests.expecting > 0 ? [] : ['tells of no test that expects something']),
    ...(tests === null || tests.failed === 0 ? [] : [`counts failed tests (${tests.failed})`]),
  ];
}
