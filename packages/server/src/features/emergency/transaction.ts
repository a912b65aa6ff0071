import { canonicalJson, sha256Hex } from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import { samePerson } from '../approvals/transaction.js';

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
