import type { Risk } from '@policy-studio/contract';
import { canonicalJson, sha256Hex } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import { recordChange } from '../events/transaction.js';
import { askGroups, type Matter } from './asked.js';
import { approvalById } from './queries.js';
import { stateOf, writeStatus } from './status.js';
import { approvalTransition, higherRisk, quorumFor, statusAt } from './transition.js';

/** Requests of one key that wait for people at a time: beyond it an agent keeps people from everything else. */
const maxPendingOfKey = 1_000;
const lifetimeMs = 24 * 3600 * 1000;
const attempts = 3;

/** One action of an agent, and what it takes to approve it now. */
export interface AskedAction {
  readonly workspaceId: number;
  readonly keyId: number;
  readonly owner: string;
  readonly agent: string;
  readonly action: string;
  /** See `actionDigest`. */
  readonly digest: string;
  /** As people are to see it. */
  readonly context: unknown;
  readonly redacted: readonly string[];
  readonly reason: string;
  readonly risk: Risk;
  readonly quorum: number;
  readonly fourEyes: boolean;
  readonly now: Date;
}

/** An approval of an action that is not decided yet. */
export interface OpenApproval {
  readonly id: number;
  readonly expiresAt: Date;
}

/** What an approval of an action is bound to, beside its workspace; `context` without facts. 64 hex digits. */
export function actionDigest(
  keyId: number,
  { agent, action }: { readonly agent: string; readonly action: string },
  context: Readonly<Record<string, unknown>>,
): string {
  return sha256Hex(canonicalJson({ kind: 'action', key_id: keyId, agent, action, context }));
}

/** What it takes to approve an action of this risk by a rule that wants so many (null: says nothing). */
export function actionQuorum(risk: Risk, fourEyes: boolean, minApprovers: number | null): number {
  return quorumFor(risk, fourEyes, minApprovers ?? 1);
}

/** The requests among these that wait for people already, and need no more of them than they have asked. */
export async function pendingActions(
  db: Pool,
  workspaceId: number,
  keyId: number,
  asked: readonly Pick<AskedAction, 'digest' | 'quorum' | 'fourEyes'>[],
  now: Date,
): Promise<ReadonlyMap<string, OpenApproval>> {
  const { rows } = await db.query<{ digest: string; id: number; expires_at: Date; quorum: number; four_eyes: boolean }>(
    `select subject_digest as digest, id, expires_at, quorum, four_eyes from approval
      where workspace_id = $1 and key_id = $2 and kind = 'action' and status = 'pending'
        and subject_digest = any ($3) and expires_at > $4`,
    [workspaceId, keyId, asked.map(({ digest }) => digest), now],
  );
  const serves = rows.filter((row) =>
    asked.every((one) => one.digest !== row.digest || (one.quorum <= row.quorum && (row.four_eyes || !one.fourEyes))),
  );
  return new Map(serves.map(({ digest, id, expires_at }) => [digest, { id, expiresAt: expires_at }]));
}

/**
 * Asks people about an action, or joins what its key has asked already; null when the key has too much waiting. What is
 * joined is raised to the quorum that is needed now.
 */
export async function askForAction(
  tx: PoolClient,
  asked: AskedAction,
): Promise<(OpenApproval & { readonly opened: boolean }) | null> {
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const joined = await join(tx, asked);
    if (joined) return { ...joined, opened: false };
    if (await tooManyPending(tx, asked)) return null;
    const opened = await open(tx, asked);
    if (opened) return { ...opened, opened: true };
  }
  throw new Error(`approval of ${asked.digest} was opened and closed by others ${attempts} times`);
}

async function join(tx: PoolClient, asked: AskedAction): Promise<OpenApproval | null> {
  const { workspaceId, keyId, digest, now, quorum, risk } = asked;
  const { rows } = await tx.query<{
    id: number;
    expires_at: Date;
    quorum: number;
    four_eyes: boolean;
    risk: Risk;
  }>(
    `select id, expires_at, quorum, four_eyes, risk from approval
      where workspace_id = $1 and key_id = $2 and kind = 'action' and status = 'pending' and subject_digest = $3
      for update`,
    [workspaceId, keyId, digest],
  );
  const [row] = rows;
  if (!row) return null;
  const { id, expires_at: expiresAt } = row;
  const change = (kind: string, data: object) =>
    recordChange(tx, {
      workspaceId,
      at: now,
      actor: 'system',
      kind,
      subject: `approval/${id}`,
      data: { key_id: keyId, ...data },
    });
  if (statusAt({ status: 'pending', expiresAt }, now) === 'expired') {
    await writeStatus(tx, { id, status: 'expired', now });
    await change('approval.expired', { status_before: 'pending', expired_at: expiresAt.toISOString() });
    return null;
  }
  if (asked.fourEyes && !row.four_eyes) {
    await writeStatus(tx, { id, status: 'canceled', now });
    await change('approval.canceled', { reason: 'it was asked for while four eyes was off' });
    return null;
  }
  if (quorum > row.quorum) {
    const raised = higherRisk(risk, row.risk);
    await tx.query('update approval set quorum = $2, risk = $3 where id = $1', [id, quorum, raised]);
    const groups = await askGroups(tx, matterOf(asked, id, raised));
    await change('approval.raised', { quorum, quorum_before: row.quorum, risk: raised, groups });
  }
  return { id, expiresAt };
}

function matterOf({ workspaceId, agent, action, now }: AskedAction, approvalId: number, risk: Risk): Matter {
  return { workspaceId, approvalId, kind: 'action', risk, pair: { agent, action }, now };
}

async function tooManyPending(tx: PoolClient, { workspaceId, keyId, now }: AskedAction): Promise<boolean> {
  const { rows } = await tx.query<{ full: boolean }>(
    `select count(*) >= $4 as full from (
       select 1 from approval
        where workspace_id = $1 and key_id = $2 and kind = 'action' and status = 'pending' and expires_at > $3
        limit $4) as waiting`,
    [workspaceId, keyId, now, maxPendingOfKey],
  );
  return rows[0]?.full === true;
}

async function open(tx: PoolClient, asked: AskedAction): Promise<OpenApproval | null> {
  const { workspaceId, keyId, agent, action, context, redacted, risk, quorum, now } = asked;
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  const subject = { kind: 'action', key_id: keyId, agent, action, context, ...(redacted.length > 0 && { redacted }) };
  const { rows } = await tx.query<{ id: number }>(
    `insert into approval (workspace_id, kind, subject, subject_digest, justification, risk, rollback_plan, quorum,
                           four_eyes, requested_by, created_at, expires_at, key_id)
     values ($1, 'action', $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11)
     on conflict (workspace_id, key_id, subject_digest) where kind = 'action' and status = 'pending' do nothing
     returning id`,
    [
      workspaceId,
      JSON.stringify(subject),
      asked.digest,
      // Which the text of a rule may hold, and that of a column not.
      asked.reason.replaceAll('\u0000', '\ufffd'),
      risk,
      quorum,
      asked.fourEyes,
      asked.owner,
      now,
      expiresAt,
      keyId,
    ],
  );
  const [row] = rows;
  if (!row) return null;
  const groups = await askGroups(tx, matterOf(asked, row.id, risk));
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: asked.owner,
    kind: 'approval.requested',
    subject: `approval/${row.id}`,
    data: { kind: 'action', key_id: keyId, agent, action, subject_digest: asked.digest, risk, quorum, groups },
  });
  return { id: row.id, expiresAt };
}

/** Whether an approval allows an action now. */
export type ActionVerdict =
  | { readonly verdict: 'allows' }
  /** Not decided yet. */
  | { readonly verdict: 'waits'; readonly approval: OpenApproval }
  | { readonly verdict: 'refused'; readonly detail: string };

/**
 * What approval `id` says to an action, and locks it until the transaction ends, so that of those who ask at once one
 * finds it unused. To an approval of another key it says what it says to one that is not there.
 */
export async function actionVerdict(tx: PoolClient, id: number, asked: AskedAction): Promise<ActionVerdict> {
  const row = await approvalById(tx, asked.workspaceId, id, 'for update');
  const name = `approval ${id}`;
  const refused = (detail: string): ActionVerdict => ({ verdict: 'refused', detail });
  if (row?.kind !== 'action' || row.key_id !== asked.keyId) return refused(`this key asked for no ${name}`);
  if (row.subject_digest !== asked.digest) {
    return refused(`${name} does not cover this: agent, action or context differ from what was approved`);
  }
  const change = approvalTransition(stateOf(row), { type: 'use' }, asked.now);
  if ('refused' in change) {
    const waits = statusAt({ status: row.status, expiresAt: row.expires_at }, asked.now) === 'pending';
    if (waits) return { verdict: 'waits', approval: { id, expiresAt: row.expires_at } };
    return refused(`${name} cannot be used: ${change.detail}`);
  }
  if (asked.fourEyes && !row.four_eyes) return refused(`${name} was given while four eyes was off`);
  if (asked.quorum > row.quorum) {
    return refused(
      `${name} was given by ${row.quorum}, and by the policy now in force ${asked.quorum} must approve this`,
    );
  }
  return { verdict: 'allows' };
}

/** Uses up an approval that `actionVerdict` said allows, for the decision recorded in the same transaction. */
export async function useActionApproval(
  tx: PoolClient,
  id: number,
  { workspaceId, keyId, owner, digest, now }: AskedAction,
  decisionId: string,
): Promise<void> {
  await tx.query(`update approval set status = 'used', used_at = $2 where id = $1`, [id, now]);
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: owner,
    kind: 'approval.used',
    subject: `approval/${id}`,
    data: { kind: 'action', key_id: keyId, subject_digest: digest, decision_id: decisionId },
  });
}
