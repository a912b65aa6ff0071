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
