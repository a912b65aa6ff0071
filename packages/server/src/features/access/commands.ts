import type { BodyOf, CreatedApiKey, operations } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { newKey } from './credential.js';
import { apiKeyOf, type KeyRow } from './queries.js';
import { announceEnd } from './transaction.js';

const dayMs = 24 * 3600 * 1000;

/** Makes a key; the answer holds it, this once. Without an owner the name stands for one. */
export async function createApiKey(
  { db, clock }: Services,
  caller: Caller,
  body: BodyOf<typeof operations.createApiKey>,
): Promise<CreatedApiKey> {
  const now = clock.now();
  const { key, prefix, hash } = newKey();
  const expiresAt = body.expires_in_days === undefined ? null : new Date(now.getTime() + body.expires_in_days * dayMs);
  const owner = body.owner ?? body.name;
  const agents = body.agents ?? ['*'];
  const session = body.session ?? 'trust';
  const row = await withTransaction(db.pool, async (tx) => {
    const { rows } = await tx.query<KeyRow>(
      `insert into api_key (workspace_id, name, role, owner, agents, session, prefix, hash, created_by, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       returning id, name, role, owner, agents, session, prefix, created_at, expires_at, last_used_at`,
      [caller.workspaceId, body.name, body.role, owner, agents, session, prefix, hash, caller.owner, now, expiresAt],
    );
    const made = rows[0] as KeyRow;
    await recordChange(tx, {
      workspaceId: caller.workspaceId,
      at: now,
      actor: caller.owner,
      kind: 'api_key.created',
      subject: `api_key/${made.id}`,
      data: {
        name: body.name,
        role: body.role,
        owner,
        agents,
        session,
        prefix,
        expires_at: expiresAt?.toISOString() ?? null,
      },
    });
    return made;
  });
  return { ...apiKeyOf(row), key };
}

/** From the answer on this server refuses the key; every other one within a second. */
export async function revokeApiKey(
  { db, clock, keys }: Services,
  caller: Caller,
  keyId: number,
): Promise<Refusal | undefined> {
  const now = clock.now();
  const revoked = await withTransaction(db.pool, async (tx) => {
    const { rows } = await tx.query<{ name: string; prefix: string }>(
      `update api_key set revoked_at = $3 where workspace_id = $1 and id = $2 and revoked_at is null
       returning name, prefix`,
      [caller.workspaceId, keyId, now],
    );
    const row = rows[0];
    if (!row) return false;
    await recordChange(tx, {
      workspaceId: caller.workspaceId,
      at: now,
      actor: caller.owner,
      kind: 'api_key.revoked',
      subject: `api_key/${keyId}`,
      data: row,
    });
    await announceEnd(tx, `key/${keyId}`);
    return true;
  });
  if (!revoked) return refuse('not_found', `there is no API key ${keyId}, or it is revoked already`);
  keys.forget(`key/${keyId}`);
  return undefined;
}
