import type { BodyOf, operations, TrustedKey } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { readPublicKey, signingKeyId } from '../../ed25519.js';
import { invalid } from '../../http/route.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { trustedKeys } from './queries.js';

const mostKeys = 100;

export async function addTrustedKey(
  { db, clock }: Services,
  caller: Caller,
  { name, public_key: given }: BodyOf<typeof operations.addTrustedKey>,
): Promise<TrustedKey | Refusal> {
  const { workspaceId, owner: actor } = caller;
  const bytes = readPublicKey(given);
  if (bytes === null) {
    const message = /PRIVATE KEY/.test(given)
      ? 'is a private key, which is to stay where it is; give the public one'
      : 'is no Ed25519 public key, in PEM or the 32 bytes in base64';
    return invalid([{ path: '/public_key', message }]);
  }
  const now = clock.now();
  const [publicKey, keyId] = [bytes.toString('base64'), signingKeyId(bytes)];
  return withTransaction(db.pool, async (tx) => {
    await tx.query('select 1 from workspace where id = $1 for no key update', [workspaceId]);
    const known = await trustedKeys(tx, workspaceId);
    const same = known.find((key) => key.public_key === publicKey);
    if (same) return refuse('key_trusted', `this key is trusted as \`${same.name}\``);
    if (known.some((key) => key.name === name)) return refuse('name_taken', `there is a trusted key \`${name}\``);
    if (known.length >= mostKeys) {
      return refuse('trusted_keys_full', `a workspace trusts at most ${mostKeys} keys; remove one first`);
    }
    const { rows } = await tx.query<{ id: number }>(
      `insert into trusted_key (workspace_id, name, key_id, public_key, created_by, created_at)
       values ($1, $2, $3, $4, $5, $6) returning id`,
      [workspaceId, name, keyId, publicKey, actor, now],
    );
    const { id } = rows[0] as { id: number };
    const key = { name, key_id: keyId, public_key: publicKey };
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'trusted_key.added',
      subject: `trusted-key/${id}`,
      data: key,
    });
    return { id, ...key, created_by: actor, created_at: now.toISOString() };
  });
}

export async function removeTrustedKey(
  { db, clock }: Services,
  caller: Caller,
  id: number,
): Promise<Refusal | undefined> {
  const { workspaceId, owner: actor } = caller;
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    const { rows } = await tx.query<{ name: string; key_id: string; public_key: string }>(
      'delete from trusted_key where workspace_id = $1 and id = $2 returning name, key_id, public_key',
      [workspaceId, id],
    );
    const key = rows[0];
    if (!key) return refuse('not_found', `there is no trusted key ${id}; list them with GET /policy/trusted-keys`);
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'trusted_key.removed',
      subject: `trusted-key/${id}`,
      data: key,
    });
    return undefined;
  });
}
