import Type, { type Static } from 'typebox';
import { Actor, Nullable, pageQuery, Timestamp } from './vocabulary.js';

export const AuditEntry = Type.Object(
  {
    seq: Type.Integer({ description: 'Numbered in commit order, without gaps in a workspace.' }),
    at: Timestamp,
    actor: Actor,
    kind: Type.String({ examples: ['bundle.created', 'bundle.activated'] }),
    subject: Type.String({ examples: ['bundle/3'] }),
    data: Type.Record(Type.String(), Type.Unknown()),
    hash: Type.String({ description: 'SHA-256 over the previous hash and this entry.' }),
  },
  { $id: 'AuditEntry' },
);
export type AuditEntry = Static<typeof AuditEntry>;
export const AuditQuery = Type.Object({
  limit: pageQuery.limit,
  before: Type.Optional(
    Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Entries older than this `seq`.' }),
  ),
});
export const AuditPage = Type.Object({ entries: Type.Array(AuditEntry), next_before: Nullable(Type.Integer()) });
export type AuditPage = Static<typeof AuditPage>;

/** What a trail looked like at a moment, signed by the server. */
export const AuditCheckpoint = Type.Object(
  {
    format: Type.Literal('policy-studio-audit-checkpoint-1'),
    workspace: Type.String(),
    seq: Type.Integer({ description: 'The newest entry.' }),
    head: Type.String({ description: 'Its hash.' }),
    count: Type.Integer({ description: 'How many entries there are.' }),
    at: Timestamp,
    key_id: Type.String({ description: 'The first 16 digits of the SHA-256 of the public key.' }),
    public_key: Type.String({ description: 'Ed25519, 32 bytes, base64. The same as long as HMAC_SECRET is.' }),
    signature: Type.String({ description: 'Ed25519 over the RFC 8785 form of everything else; base64.' }),
  },
  { $id: 'AuditCheckpoint' },
);
export type AuditCheckpoint = Static<typeof AuditCheckpoint>;
