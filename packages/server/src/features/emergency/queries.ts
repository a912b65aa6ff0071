import type { BundlePin, BundleRef, Pin, PinRequest } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { waitingRequest } from './transaction.js';

/** Of the requests that wait for a second person: the switch. */
export const disableSubject = 'system/disable';

export interface PinRow {
  readonly id: number;
  readonly effect: Pin['effect'];
  readonly reason: string;
  readonly startedBy: string;
  readonly confirmedBy: string | null;
  readonly startedAt: Date;
  readonly until: Date;
  readonly incidentId: number | null;
}

/**
 * The emergency switch of a workspace that nobody has ended; null: none. It may be past its time: look at `until`.
 * Inside a transaction pass its client.
 */
export async function lastPin(db: Pool | PoolClient, workspaceId: number): Promise<PinRow | null> {
  const { rows } = await db.query<PinRow>(
    `select id, effect, reason, started_by as "startedBy", confirmed_by as "confirmedBy", started_at as "startedAt",
            until_at as until, incident_id as "incidentId"
       from emergency_pin where workspace_id = $1 and ended_at is null`,
    [workspaceId],
  );
  return rows[0] ?? null;
}

/** The pin as clients see it while it is on; null for none, or when it is over. */
export function pinDocument(row: PinRow | null, now: Date): Pin | null {
  if (row === null || row.until <= now) return null;
  return {
    effect: row.effect,
    reason: row.reason,
    started_by: row.startedBy,
    confirmed_by: row.confirmedBy,
    started_at: row.startedAt.toISOString(),
    until: row.until.toISOString(),
    incident_id: row.incidentId,
  };
}

/** The switch that waits for a second person at `now`; null: none does. */
export async function waitingPin(db: Pool | PoolClient, workspaceId: number, now: Date): Promise<PinRequest | null> {
  const waiting = await waitingRequest(db, { workspaceId, subject: disableSubject, now });
  if (!waiting) return null;
  const { effect, reason, ttl_minutes } = waiting.details as Pick<PinRequest, 'effect' | 'reason' | 'ttl_minutes'>;
  return {
    effect,
    reason,
    ttl_minutes,
    asked_by: waiting.askedBy,
    asked_at: waiting.askedAt.toISOString(),
    expires_at: waiting.expiresAt.toISOString(),
  };
}

export interface BundlePinRow {
  readonly id: number;
  readonly bundle: BundleRef;
  readonly reason: string;
  readonly pinnedBy: string;
  readonly pinnedAt: Date;
  /** null: until somebody ends it. */
  readonly until: Date | null;
  readonly incidentId: number | null;
}

/**
 * The pinned bundle of a workspace that nobody has ended; null: none. It may be past its time: `bundlePinAt` looks.
 * Inside a transaction pass its client.
 */
export async function lastBundlePin(db: Pool | PoolClient, workspaceId: number): Promise<BundlePinRow | null> {
  const { rows } = await db.query<BundlePinRow>(
    `select p.id, json_build_object('id', b.id, 'version', b.version, 'digest', b.digest) as bundle, p.reason,
            p.pinned_by as "pinnedBy", p.pinned_at as "pinnedAt", p.until_at as until, p.incident_id as "incidentId"
       from bundle_pin p join bundle b on b.id = p.bundle_id
      where p.workspace_id = $1 and p.ended_at is null`,
    [workspaceId],
  );
  return rows[0] ?? null;
}

export function isBundlePinOver({ until }: BundlePinRow, now: Date): boolean {
  return until !== null && until <= now;
}

/** The bundle that is pinned at `now`; null: none. */
export async function bundlePinAt(db: Pool | PoolClient, workspaceId: number, now: Date): Promise<BundlePinRow | null> {
  const row = await lastBundlePin(db, workspaceId);
  return row === null || isBundlePinOver(row, now) ? null : row;
}

/** The pinned bundle as clients see it; null for none. */
export function bundlePinDocument(row: BundlePinRow | null): BundlePin | null {
  return (
    row && {
      bundle: row.bundle,
      reason: row.reason,
      pinned_by: row.pinnedBy,
      pinned_at: row.pinnedAt.toISOString(),
      until: row.until?.toISOString() ?? null,
      incident_id: row.incidentId,
    }
  );
}

/** The generation of what is in force in the workspace. */
export async function generationNow(db: Pool, workspaceId: number): Promise<number> {
  const { rows } = await db.query<{ generation: number }>('select generation from workspace where id = $1', [
    workspaceId,
  ]);
  return rows[0]?.generation ?? 0;
}
