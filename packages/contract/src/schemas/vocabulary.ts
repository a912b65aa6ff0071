import Type, { type Static, type TSchema } from 'typebox';

export const effects = ['allow', 'deny', 'needs_approval'] as const;
export const Effect = Type.Enum(effects);
export type Effect = Static<typeof Effect>;
/** Lowest first. */
export const risks = ['low', 'medium', 'high', 'critical'] as const;
export const Risk = Type.Enum(risks);
export type Risk = Static<typeof Risk>;

export const Timestamp = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });
export const Nullable = <T extends TSchema>(schema: T, options: { description?: string } = {}) =>
  Type.Union([schema, Type.Null()], options);

/** A concrete agent or action name, as in a request. The grammar is that of docs/language.md. */
export const ConcreteName = Type.String({
  pattern: '^[A-Za-z0-9_:/-]+(\\.[A-Za-z0-9_:/-]+)*$',
  minLength: 1,
  maxLength: 128,
  description: 'a name such as `inbox.triage`: letters, digits and `_ : / -`, in parts joined by dots',
});
/** A name, `*` or `prefix.*`, as in a rule or an API key. */
export const NamePattern = Type.String({
  pattern: '^(\\*|[A-Za-z0-9_:/-]+(\\.[A-Za-z0-9_:/-]+)*(\\.\\*)?)$',
  minLength: 1,
  maxLength: 128,
  description: 'a name such as `inbox.triage`, a prefix such as `inbox.*`, or `*`',
});
/** Free text a person gives about themselves or a thing: no control characters. */
export const Label = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f]+$',
    description: 'text without control characters',
  });
/** Prose: line breaks and tabs allowed, no other control characters (PostgreSQL text cannot hold U+0000). */
export const Prose = (maxLength: number) =>
  Type.String({
    maxLength,
    pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]*$',
    description: 'text; of the control characters only line breaks and tabs',
  });

/** Prose that says something: more than blanks. */
export const Statement = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern:
      '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]*[^\\s\\u0000-\\u001f][^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]*$',
    description: 'text that says something; of the control characters only line breaks and tabs',
  });

/** Why somebody did what others will ask about: ten characters, those between blanks at either end. */
export const Reason = Type.String({
  minLength: 10,
  maxLength: 2000,
  pattern:
    '^[^\\S\\u000b\\u000c]*[^\\s\\u0000-\\u001f][^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]{8,}[^\\s\\u0000-\\u001f][^\\S\\u000b\\u000c]*$',
  description:
    'text of at least ten characters, blanks at the ends not counted; of the control characters only line breaks and tabs',
});

/** The id of a bundle, an approval or a key. */
export const Id = Type.Integer({ minimum: 1, maximum: 2147483647 });
export const IdParams = Type.Object({ id: Id });

export const pageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  offset: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 }),
};
export const page = { total: Type.Integer(), limit: Type.Integer(), offset: Type.Integer() };

/** Who did something: the authenticated caller, as recorded. */
export const Actor = Type.String({ description: 'The owner of the key that acted (`admin` for the bootstrap token).' });
