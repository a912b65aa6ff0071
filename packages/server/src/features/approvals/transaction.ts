import type { Risk } from '@policy-studio/contract';
import { canonicalJson, sha256Hex } from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import { type Refusal, refuse } from '../../refusal.js';
import { recordChange } from '../events/transaction.js';
import { type ApprovalKind, type ApprovalRow, approvalById } from './queries.js';
import { stateOf, writeStatus } from './status.js';
import { approvalTransition, higherRisk, quorumFor, statusAt } from './transition.js';

export {
  type AskedAction,
  actionDigest,
  actionQuorum,
  actionVerdict,
  askForAction,
  pendingActions,
  useActionApproval,
} from './action.js';
export { approvalChannel, stateOf, writeStatus } from './status.js';
export { higherRisk } from './transition.js';

/** What an approval says yes to. The digest of it is what binds the approval. */
export type Subject = Readonly<Record<string, unknown>>;

/** SHA-256 of the RFC 8785 form of the subject. */
export function subjectDigest(subject: Subject): string {
  return sha256Hex(canonicalJson(subject));
}

/** What an approval of kind `settings` covers: the protected settings that change, with their new values. */
export function settingsSubject(settings: Subject): Subject {
  return { kind: 'settings', settings };
}

/**
 * Lets one change of what is in force happen at a time in a workspace, until the transaction ends: activations, changes
 * of lists, protected settings. Take it before any row, then lock bundles, lists, approvals, and the workspace last
 * (`recordChange`): transactions that lock in one order cannot wait for each other in a circle.
 */
export async function lockEnforcement(tx: PoolClient, workspaceId: number): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('policy_enforcement'), $1)`, [workspaceId]);
}

/** The same without waiting: false when somebody else is at it. */
export async function tryLockEnforcement(tx: PoolClient, workspaceId: number): Promise<boolean> {
  const { rows } = await tx.query<{ mine: boolean }>(
    `select pg_try_advisory_xact_lock(hashtext('policy_enforcement'), $1) as mine`,
    [workspaceId],
  );
  return rows[0]?.mine === true;
}

export interface ApprovalUse {
  readonly workspaceId: number;
  readonly approvalId: number;
  readonly kind: ApprovalKind;
  /** The change that is about to be made, as its request would state it now. */
  readonly subject: Subject;
  /** Whether four eyes is on now: what was approved while it was off does not count then. */
  readonly fourEyes: boolean;
  /** The risk as it is now, where it can have grown since the request. */
  readonly risk?: Risk | null;
  readonly now: Date;
  /** Who makes the change. */
  readonly actor: string;
}

/**
 * Uses an approval up for the change that the caller's transaction makes, or says why it does not serve:
 * `not_found`, `approval_mismatch` (another kind, or the subject changed: says what), `approval_used`,
 * `approval_expired`, `approval_not_approved`. Single use holds under concurrency, because the row is locked.
 * Call it when nothing else can refuse any more, and return its refusal before anything is written.
 */
export async function useApproval(tx: PoolClient, use: ApprovalUse): Promise<ApprovalRow | Refusal> {
  const { workspaceId, approvalId, now } = use;
  await lockEnforcement(tx, workspaceId);
  const row = await approvalById(tx, workspaceId, approvalId, 'for update');
  if (!row) {
    const path = '/approval_id';
    return refuse('not_found', `there is no approval ${approvalId}`, [{ path, message: 'is not known' }]);
  }
  const name = `approval ${approvalId}`;
  if (row.kind !== use.kind) {
    return refuse('approval_mismatch', `${name} is of kind \`${row.kind}\`, this change needs one of \`${use.kind}\``);
  }
  const change = approvalTransition(stateOf(row), { type: 'use' }, now);
  if ('refused' in change) return refuse(change.refused, `${name} cannot be used: ${change.detail}`);
  const differs = mismatch(row, use);
  if (differs !== null)
    return refuse('approval_mismatch', `${name} does not cover this: ${differs}; request a new one`);
  await tx.query(`update approval set status = 'used', used_at = $2 where id = $1`, [approvalId, now]);
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: use.actor,
    kind: 'approval.used',
    subject: `approval/${approvalId}`,
    data: { kind: row.kind, subject_digest: row.subject_digest },
  });
  return { ...row, status: 'used', used_at: now };
}

function mismatch(row: ApprovalRow, use: ApprovalUse): string | null {
  if (row.subject_digest !== subjectDigest(use.subject)) {
    return `${changedKeys(row.subject, use.subject).join(', ')} changed since it was requested`;
  }
  if (use.fourEyes && !row.four_eyes) return 'it was given while four eyes was off';
  const needed = quorumFor(higherRisk(row.risk, use.risk ?? 'low'), row.four_eyes);
  if (needed > row.quorum)
    return `what it would newly allow is of risk \`${use.risk}\` by now, which ${needed} must approve`;
  return null;
}

/** `digest`, `lists.vip_senders`: the places where two subjects differ. */
function changedKeys(before: Subject, after: Subject, prefix = ''): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => {
    const [a, b] = [before[key], after[key]];
    if (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b)) return [];
    return isObject(a) && isObject(b) ? changedKeys(a, b, `${prefix}${key}.`) : [`\`${prefix}${key}\``];
  });
}
function isObject(value: unknown): value is Subject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Withdraws what is open for a bundle that goes away. `reason` stands in the record.
 * Lock the bundle first.
 */
export async function cancelApprovalsOf(
  tx: PoolClient,
  {
    workspaceId,
    bundleId,
    actor,
    reason,
    now,
  }: {
    workspaceId: number;
    bundleId: number;
    actor: string;
    reason: string;
    now: Date;
  },
): Promise<void> {
  const { rows } = await tx.query<{ id: number; status: ApprovalRow['status']; expires_at: Date }>(
    `select id, status, expires_at from approval
      where workspace_id = $1 and bundle_id = $2 and status in ('pending', 'approved') order by id for update`,
    [workspaceId, bundleId],
  );
  for (const row of rows) {
    if (statusAt({ status: row.status, expiresAt: row.expires_at }, now) === 'expired') continue;
    await writeStatus(tx, { id: row.id, status: 'canceled', now });
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'approval.canceled',
      subject: `approval/${row.id}`,
      data: { reason },
    });
  }
}
