import { auditEntryHash } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { enqueueDeliveries } from '../channels/transaction.js';

/** Channel on which replicas hear that what is in force changed: payload `<workspace id>:<generation>`. */
export const generationChannel = 'policy_generation';

/** Channel on which replicas hear that something changed: payload `<workspace id>:<seq>`. */
export const eventChannel = 'policy_event';

export interface Change {
  readonly workspaceId: number;
  readonly at: Date;
  readonly actor: string;
  /** `<thing>.<what happened>`, in the past tense: `bundle.activated`. */
  readonly kind: string;
  /** `bundle/3`, `list/vip_senders` */
  readonly subject: string;
  readonly data?: Readonly<Record<string, unknown>>;
  /** True when decisions may come out differently from now on: takes the next generation and tells every replica. */
  readonly enforcement?: boolean;
}

/**
 * Records one change inside the transaction that makes it: appends the event to the workspace's hash chain and, for a
 * change of enforcement, takes the next generation; queues the messages to channels that are told of it. Locks the workspace row until the transaction ends, so events are
 * numbered in commit order without gaps. Take other locks before this one. (Not `for update`: inserts that refer to the
 * workspace share a lock on its key, and two of them would wait for each other.)
 */
export async function recordChange(tx: PoolClient, change: Change): Promise<{ seq: number; generation: number }> {
  const head = await tx.query<{ event_seq: number; event_hash: string; generation: number }>(
    'select event_seq, event_hash, generation from workspace where id = $1 for no key update',
    [change.workspaceId],
  );
  const row = head.rows[0];
  if (!row) throw new Error(`workspace ${change.workspaceId} does not exist`);
  const seq = row.event_seq + 1;
  const generation = row.generation + (change.enforcement ? 1 : 0);
  const data = change.data ?? {};
  const hash = auditEntryHash(row.event_hash, { ...change, at: change.at.toISOString(), seq, data: { ...data } });
  await tx.query(
    'insert into event (workspace_id, seq, at, actor, kind, subject, data, hash) values ($1, $2, $3, $4, $5, $6, $7, $8)',
    [change.workspaceId, seq, change.at, change.actor, change.kind, change.subject, JSON.stringify(data), hash],
  );
  await tx.query('update workspace set event_seq = $2, event_hash = $3, generation = $4 where id = $1', [
    change.workspaceId,
    seq,
    hash,
    generation,
  ]);
  await enqueueDeliveries(tx, { ...change, seq });
  await tx.query('select pg_notify($1, $2)', [eventChannel, `${change.workspaceId}:${seq}`]);
  if (change.enforcement) {
    await tx.query('select pg_notify($1, $2)', [generationChannel, `${change.workspaceId}:${generation}`]);
  }
  return { seq, generation };
}
