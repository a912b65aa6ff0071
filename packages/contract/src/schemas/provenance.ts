import Type, { type Static } from 'typebox';
import { Actor, Nullable, Risk, Timestamp } from './vocabulary.js';

/** The activation approval that a bundle had where it came from. */
export const SourceApproval = Type.Object({
  id: Type.Integer(),
  requested_by: Actor,
  approved_by: Type.Array(Actor),
  quorum: Type.Integer(),
  risk: Risk,
  four_eyes: Type.Boolean(),
  self_approved: Type.Boolean(),
  decided_at: Nullable(Timestamp),
});
export type SourceApproval = Static<typeof SourceApproval>;

export const ExportedFrom = Type.Object({
  server: Nullable(Type.String(), { description: 'Where people reach it, if it knows (`PUBLIC_URL`).' }),
  workspace: Nullable(Type.String(), { description: 'Null: signed without a server.' }),
});
export type ExportedFrom = Static<typeof ExportedFrom>;

/** One way that a bundle came, from one server to the next. */
export const Provenance = Type.Object(
  {
    version: Type.String({ description: 'As it was called where it came from.' }),
    digest: Type.String({
      description:
        'Of the rules as they arrived. Where the next one, or the bundle itself, has another, they were edited.',
    }),
    status: Nullable(Type.String(), { description: 'At the source.' }),
    approval: Nullable(SourceApproval, { description: 'Null: its source never approved it.' }),
    exported_from: ExportedFrom,
    exported_at: Timestamp,
    algorithm: Type.Enum(['hmac-sha256', 'ed25519']),
    key_id: Type.String(),
    imported_at: Timestamp,
    imported_by: Actor,
  },
  { $id: 'Provenance' },
);
export type Provenance = Static<typeof Provenance>;
