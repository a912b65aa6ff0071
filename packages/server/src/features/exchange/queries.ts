import type { SourceApproval, TrustedKey, VerifyingKey } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
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
