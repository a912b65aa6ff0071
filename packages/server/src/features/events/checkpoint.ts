import { type AuditCheckpoint, checkpointText } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import type { SigningKey } from '../../server-secrets.js';
import type { Services } from '../../services.js';
import { recordChange } from './transaction.js';

/** A checkpoint leaves at most so often, and only when something has changed since the last. */
const everyMs = 3_600_000;

/** The end of a workspace's audit trail as it is now, signed; null when nothing has changed there yet. */
export async function currentCheckpoint(
  tx: Pool | PoolClient,
  signingKey: SigningKey,
  workspaceId: number,
  now: Date,
): Promise<AuditCheckpoint | null> {
  // One statement, so that all of it is of one moment.
  const { rows } = await tx.query<{ name: string; seq: number; head: string; count: number }>(
    `select name, event_seq as seq, event_hash as head,
            (select count(*) from event where workspace_id = workspace.id and seq <= event_seq) as count
       from workspace where id = $1`,
    [workspaceId],
  );
  const row = rows[0];
  if (!row || row.seq === 0) return null;
  const unsigned: AuditCheckpoint = {
    format: 'policy-studio-audit-checkpoint-1',
    workspace: row.name,
    seq: row.seq,
    head: row.head,
    count: row.count,
    at: now.toISOString(),
    key_id: signingKey.id,
    public_key: signingKey.publicKey,
    signature: '',
  };
  return { ...unsigned, signature: signingKey.sign(checkpointText(unsigned)) };
}

/**
 * Lets a signed checkpoint of every workspace that changed leave this database: as an event, which the channels of the
 * topic `audit` are told of, and as a line of the log. Kept elsewhere, it shows later whether the trail was cut or
 * rewritten. How many left. Several servers may do so at once.
 */
export async function leaveCheckpoints({ db, log, secrets }: Services, now: Date): Promise<number> {
  const { rows } = await db.pool.query<{ id: number }>(
    `select w.id from workspace w
       left join lateral (select event_seq, at from audit_checkpoint where workspace_id = w.id order by seq desc limit 1) c on true
      where w.event_seq > coalesce(c.event_seq, 0) and (c.at is null or c.at <= $1) order by w.id`,
    [new Date(now.getTime() - everyMs)],
  );
  let left = 0;
  for (const { id } of rows) {
    const checkpoint = await inWorkspace(id, () =>
      withTransaction(db.pool, (tx) => leaveCheckpoint(tx, secrets.signingKey, id, now)),
    );
    if (checkpoint === null) continue;
    log.info({ checkpoint }, 'audit checkpoint');
    left += 1;
  }
  return left;
}

async function leaveCheckpoint(
  tx: PoolClient,
  signingKey: SigningKey,
  workspaceId: number,
  now: Date,
): Promise<AuditCheckpoint | null> {
  await tx.query('select 1 from workspace where id = $1 for no key update', [workspaceId]);
  const last = await tx.query<{ at: Date }>(
    'select at from audit_checkpoint where workspace_id = $1 order by seq desc limit 1',
    [workspaceId],
  );
  // Another server was first.
  if (last.rows[0] && now.getTime() - last.rows[0].at.getTime() < everyMs) return null;
  const checkpoint = await currentCheckpoint(tx, signingKey, workspaceId, now);
  if (!checkpoint) return null;
  const { seq: eventSeq } = await recordChange(tx, {
    workspaceId,
    at: now,
    actor: 'system',
    kind: 'audit.checkpoint',
    subject: `audit/${checkpoint.seq}`,
    data: checkpoint,
  });
  await tx.query('insert into audit_checkpoint (workspace_id, seq, event_seq, at) values ($1, $2, $3, $4)', [
    workspaceId,
    checkpoint.seq,
    eventSeq,
    now,
  ]);
  return checkpoint;
}
