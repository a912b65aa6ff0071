import { limits } from '@policy-studio/engine';
import Type, { type Static } from 'typebox';
import { Actor, Id, Nullable, Prose, page, Timestamp } from './vocabulary.js';

export const ListValue = Type.Union([Type.String({ maxLength: limits.stringBytes }), Type.Number(), Type.Boolean()]);
export const ListValues = Type.Array(ListValue, { maxItems: limits.listValues });
export const Normalize = Type.Enum(['lower', 'email', 'host']);

export const ListName = Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' });
export const ListParams = Type.Object({ name: ListName });

export const PutList = Type.Object(
  {
    values: ListValues,
    normalize: Type.Optional(Nullable(Normalize)),
    live: Type.Optional(
      Type.Boolean({
        description: 'Only when the list is created: later changes of values take effect at once, without an approval.',
      }),
    ),
    description: Type.Optional(Prose(500)),
    approval_id: Type.Optional(Id),
  },
  { additionalProperties: false },
);

const NamedListSummary = Type.Object({
  name: ListName,
  version: Type.Integer({ description: 'Grows by one with each change of values or normalisation.' }),
  size: Type.Integer(),
  digest: Type.String({ description: 'SHA-256 of the canonical values and normalisation.' }),
  normalize: Nullable(Normalize),
  live: Type.Boolean(),
  description: Type.String(),
  updated_at: Timestamp,
  updated_by: Actor,
});
export const NamedListDocument = Type.Object(
  { ...NamedListSummary.properties, values: Type.Array(ListValue) },
  { $id: 'NamedList' },
);
export type NamedListDocument = Static<typeof NamedListDocument>;
export const NamedListPage = Type.Object({ lists: Type.Array(NamedListSummary), ...page });
export type NamedListPage = Static<typeof NamedListPage>;

export const ListVersionPage = Type.Object({
  versions: Type.Array(
    Type.Object({
      version: Type.Integer(),
      size: Type.Integer(),
      digest: Type.String(),
      normalize: Nullable(Normalize),
      created_at: Timestamp,
      created_by: Actor,
    }),
  ),
  ...page,
});
export type ListVersionPage = Static<typeof ListVersionPage>;
