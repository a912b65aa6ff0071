import type { PoolClient } from 'pg';
import { channelKindsFor, topicsOf } from './routing.js';

/**
 * Queues an event for the channels that are told of its kind, in the transaction that records it: whoever sees the event
 * knows that the message will be tried, and nothing is sent for a change that was rolled back. A channel is never told
 * of its own troubles. The event row comes first, and the workspace row is locked.
 */
export async function enqueueDeliveries(
  tx: PoolClient,
  event: {
    readonly workspaceId: number;
    readonly seq: number;
    readonly kind: string;
    readonly subject: string;
    readonly at: Date;
  },
): Promise<void> {
  const topics = topicsOf(event.kind);
  if (topics.length === 0) return;
  const own = /^channel\/(\d+)$/.exec(event.subject)?.[1];
  await tx.query(
    `insert into delivery (workspace_id, channel_id, seq, created_at, queued_at)
     select workspace_id, id, $2, $3, $3 from channel
      where workspace_id = $1 and enabled and topics && $4 and kind = any ($5) and id <> $6`,
    [event.workspaceId, event.seq, event.at, topics, channelKindsFor(event.kind), own === undefined ? 0 : Number(own)],
  );
}
