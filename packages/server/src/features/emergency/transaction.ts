import { canonicalJson, sha256Hex } from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import { samePerson } from '../../person.js';
import { recordChange } from '../events/transaction.js';
import { noteIncident } from '../incidents/transaction.js';
import { type BundlePinRow, isBundlePinOver, lastBundlePin } from './queries.js';

/** What takes two people: both ask for the same, within a time. */
export interface TwoPersonRequest {
  readonly workspaceId: number;
  /** The thing it is done to: `system/disable`. One request at a time waits for each. */
  readonly subject: string;
  /** What counts as the same. */
  readonly same: unknown;
  /** What is told to whoever is to agree. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly by: string;
  readonly now: Date;
  /** How long the first request waits. */
  readonly ttlMs: number;
}

/** A request that waits for a second person. */
export interface WaitingRequest {
  readonly askedBy: string;
  readonly askedAt: Date;
  readonly expiresAt: Date;
  readonly details: Readonly<Record<string, unknown>>;
}

interface Row extends WaitingRequest {
  readonly digest: string;
}

/**
 * Agreement of two people. Asked by the second one for the same: what the first one asked, which is used up; the caller
 * does it in this transaction. Otherwise the request is kept (in place of an earlier one that is expired, of something
 * else or of the same person) and `null` is the answer. Take `lockEnforcement` before.
 */
export async function secondPerson(tx: PoolClient, request: TwoPersonRequest): Promise<WaitingRequest | null> {
  const { workspaceId, subject, details, by, now, ttlMs } = request;
  const digest = sha256Hex(canonicalJson(request.same));
  const first = await readRequest(tx, workspaceId, subject);
  if (first && first.digest === digest && first.expiresAt > now && !samePerson(first.askedBy, by)) {
    await forgetRequest(tx, workspaceId, subject);
    return first;
  }
  await tx.query(
    `insert into second_person_request (workspace_id, subject, digest, asked_by, asked_at, expires_at, details)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (workspace_id, subject) do update
       set digest = excluded.digest, asked_by = excluded.asked_by, asked_at = excluded.asked_at,
           expires_at = excluded.expires_at, details = excluded.details`,
    [workspaceId, subject, digest, by, now, new Date(now.getTime() + ttlMs), JSON.stringify(details)],
  );
  return null;
}

/** What waits for a second person at `now`, or null. */
export async function waitingRequest(
  tx: Pick<PoolClient, 'query'>,
  { workspaceId, subject, now }: { readonly workspaceId: number; readonly subject: string; readonly now: Date },
): Promise<WaitingRequest | null> {
  const row = await readRequest(tx, workspaceId, subject);
  return row && row.expiresAt > now ? row : null;
}

/** Whether there was one. */
export async function forgetRequest(tx: PoolClient, workspaceId: number, subject: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from second_person_request where workspace_id = $1 and subject = $2', [
    workspaceId,
    subject,
  ]);
  return rowCount === 1;
}

async function readRequest(
  tx: Pick<PoolClient, 'query'>,
  workspaceId: number,
  subject: string,
): Promise<Row | undefined> {
  const { rows } = await tx.query<Row>(
    `select digest, asked_by as "askedBy", asked_at as "askedAt", expires_at as "expiresAt", details
       from second_person_request where workspace_id = $1 and subject = $2`,
    [workspaceId, subject],
  );
  return rows[0];
}

export interface BundlePinEnd {
  readonly workspaceId: number;
  readonly pin: BundlePinRow;
  readonly end: 'unpinned' | 'expired' | 'rolled_back';
  readonly by: string;
  /** A pin that expired ends at its own time; this is when that was seen. */
  readonly at: Date;
  readonly reason?: string;
}

const kinds = {
  unpinned: 'system.bundle_unpinned',
  expired: 'system.bundle_pin_expired',
  rolled_back: 'system.bundle_unpinned',
} as const;

/**
 * Ends the pin of a bundle in the caller's transaction, with its event and the incident's entry; the generation from which
 * on the rollouts decide. Take `lockEnforcement` before.
 */
export async function endBundlePin(tx: PoolClient, ended: BundlePinEnd): Promise<number> {
  const { workspaceId, pin, end, by, at, reason = '' } = ended;
  await closeBundlePin(tx, workspaceId, pin, { at: end === 'expired' && pin.until ? pin.until : at, by, end });
  if (pin.incidentId !== null) {
    const how = {
      unpinned: 'the pin was ended',
      expired: 'the pin is over by itself',
      rolled_back: 'it was rolled back',
    };
    const told = `bundle ${pin.bundle.version} is pinned no more, ${how[end]}: the rollouts decide again`;
    const text = reason === '' ? told : `${told}: ${reason}`;
    await noteIncident(tx, { workspaceId, id: pin.incidentId, text, at, actor: by });
  }
  const { generation } = await recordChange(tx, {
    workspaceId,
    at,
    actor: by,
    kind: kinds[end],
    subject: `bundle/${pin.bundle.id}`,
    data: {
      bundle: pin.bundle,
      end,
      pinned_by: pin.pinnedBy,
      pinned_at: pin.pinnedAt.toISOString(),
      until: pin.until?.toISOString() ?? null,
      incident_id: pin.incidentId,
      reason,
    },
    enforcement: true,
  });
  return generation;
}

/** Writes the end of a pin alone; the caller records what follows. */
export async function closeBundlePin(
  tx: PoolClient,
  workspaceId: number,
  { id }: BundlePinRow,
  { at, by, end }: { readonly at: Date; readonly by: string; readonly end: BundlePinEnd['end'] | 'replaced' },
): Promise<void> {
  await tx.query(
    'update bundle_pin set ended_at = $3, ended_by = $4, end_reason = $5 where workspace_id = $1 and id = $2',
    [workspaceId, id, at, by, end],
  );
}

/**
 * Ends the pin of a bundle that a person rolls back: that it is to be enforced no more holds for its pin as well. Null:
 * it is not pinned. Take `lockEnforcement` before.
 */
export async function unpinRolledBack(
  tx: PoolClient,
  { workspaceId, bundleId, by, at, reason }: RolledBack,
): Promise<{ readonly changed: true; readonly incidentId: number | null; readonly generation: number } | null> {
  const pin = await lastBundlePin(tx, workspaceId);
  if (pin === null || pin.bundle.id !== bundleId || isBundlePinOver(pin, at)) return null;
  const generation = await endBundlePin(tx, { workspaceId, pin, end: 'rolled_back', by, at, reason });
  return { changed: true, incidentId: pin.incidentId, generation };
}

interface RolledBack {
  readonly workspaceId: number;
  readonly bundleId: number;
  readonly by: string;
  readonly at: Date;
  readonly reason: string;
}
