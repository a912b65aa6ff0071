import type { Channel, ChannelKind, ChannelPage, ChannelTopic, Delivery, DeliveryPage } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';

export interface ChannelRow {
  readonly id: number;
  readonly name: string;
  readonly kind: ChannelKind;
  readonly topics: ChannelTopic[];
  readonly enabled: boolean;
  readonly sealed: string;
  readonly target: string;
  readonly pending: number;
  readonly dead: number;
  readonly failing_since: Date | null;
  readonly last_error: string | null;
  readonly last_delivered_at: Date | null;
  readonly retry_at: Date | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const columns = `c.id, c.name, c.kind, c.topics, c.enabled, c.sealed, c.target, c.failing_since, c.last_error,
  c.last_delivered_at, c.retry_at, c.created_by, c.created_at, c.updated_at,
  (select count(*) from delivery d where d.channel_id = c.id and d.status = 'pending') as pending,
  (select count(*) from delivery d where d.channel_id = c.id and d.status = 'dead') as dead`;

export async function channelById(tx: Pool | PoolClient, workspaceId: number, id: number): Promise<ChannelRow | null> {
  const { rows } = await tx.query<ChannelRow>(
    `select ${columns} from channel c where c.workspace_id = $1 and c.id = $2`,
    [workspaceId, id],
  );
  return rows[0] ?? null;
}

/** Without what is secret. */
export function channelDocument(row: ChannelRow): Channel {
  const { sealed: _, ...shown } = row;
  return {
    ...shown,
    failing_since: row.failing_since?.toISOString() ?? null,
    last_delivered_at: row.last_delivered_at?.toISOString() ?? null,
    retry_at: row.retry_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** Channels of a workspace, by name. */
export async function channelPage(
  pool: Pool,
  workspaceId: number,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<ChannelPage> {
  const [{ rows }, total] = await Promise.all([
    pool.query<ChannelRow>(
      `select ${columns} from channel c where c.workspace_id = $1 order by c.name limit $2 offset $3`,
      [workspaceId, limit, offset],
    ),
    channelCount(pool, workspaceId),
  ]);
  return { channels: rows.map(channelDocument), total, limit, offset };
}

export async function channelCount(tx: Pool | PoolClient, workspaceId: number): Promise<number> {
  const { rows } = await tx.query<{ total: number }>('select count(*) as total from channel where workspace_id = $1', [
    workspaceId,
  ]);
  return rows[0]?.total ?? 0;
}

interface DeliveryRow extends Omit<Delivery, 'created_at' | 'attempted_at' | 'delivered_at'> {
  readonly created_at: Date;
  readonly attempted_at: Date | null;
  readonly delivered_at: Date | null;
}

/** What was and is to be sent to a channel, newest event first. */
export async function deliveryPage(
  pool: Pool,
  workspaceId: number,
  channelId: number,
  { status, limit, before }: { status?: Delivery['status'] | undefined; limit: number; before?: number | undefined },
): Promise<DeliveryPage> {
  const { rows } = await pool.query<DeliveryRow>(
    `select d.id, d.channel_id, d.seq, e.kind, e.subject, d.status, d.attempts, d.response_status, d.error,
            d.created_at, d.attempted_at, d.delivered_at
       from delivery d join event e using (workspace_id, seq)
      where d.workspace_id = $1 and d.channel_id = $2 and ($3::text is null or d.status = $3)
        and ($4::bigint is null or d.seq < $4)
      order by d.seq desc limit $5`,
    [workspaceId, channelId, status ?? null, before ?? null, limit],
  );
  return {
    deliveries: rows.map((row) => ({
      ...row,
      created_at: row.created_at.toISOString(),
      attempted_at: row.attempted_at?.toISOString() ?? null,
      delivered_at: row.delivered_at?.toISOString() ?? null,
    })),
    next_before: rows.length === limit ? (rows.at(-1)?.seq ?? null) : null,
  };
}
