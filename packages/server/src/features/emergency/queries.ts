import type { Pin, PinRequest } from '@policy-studio/contract';
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
