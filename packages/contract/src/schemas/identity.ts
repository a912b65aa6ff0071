import Type, { type Static } from 'typebox';
import { roles } from '../roles.js';
import { Actor, Id, Label, Nullable, page, pageQuery, Timestamp } from './vocabulary.js';

/** What a person can be in a workspace: every role but the one of programs. */
const PersonRole = Type.Enum(['viewer', 'author', 'approver', 'operator', 'admin']);
const MemberRole = Type.Enum(roles);

export const Member = Type.Object(
  {
    id: Id,
    kind: Type.Enum(['person', 'service'], {
      description: 'A service shows itself by JWTs; it is never an approver or an admin.',
    }),
    name: Type.String({ description: 'Four eyes compares it with the owners of keys.' }),
    role: MemberRole,
    managed_by: Type.Enum(['admin', 'claims'], {
      description: 'Who says which role: an admin of the workspace, or the claims of the identity provider each time.',
    }),
    identity: Nullable(Type.Object({ issuer: Type.String(), subject: Type.String() }), {
      description: 'At the identity provider, bound at the first sign-in.',
    }),
    created_by: Actor,
    created_at: Timestamp,
    last_seen_at: Nullable(Timestamp),
    removed_at: Nullable(Timestamp, { description: 'From then on the member is refused, until it is added again.' }),
  },
  { $id: 'Member' },
);
export type Member = Static<typeof Member>;
export const MemberPage = Type.Object({ members: Type.Array(Member), ...page });
export const MemberListQuery = Type.Object({
  removed: Type.Boolean({ default: false, description: 'Also those that were removed.' }),
  ...pageQuery,
});
export const CreateMember = Type.Object({ name: Label(128), role: PersonRole }, { additionalProperties: false });
export const PutMember = Type.Object({ role: PersonRole }, { additionalProperties: false });

export const CreateSignInLink = Type.Object(
  { expires_in_minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440, default: 60 })) },
  { additionalProperties: false },
);
export const SignInLink = Type.Object({
  url: Type.String({ description: 'Opens the sign-in page, once; shown this once. Whoever has it is that member.' }),
  expires_at: Timestamp,
});
export type SignInLink = Static<typeof SignInLink>;

export const SignIn = Type.Object(
  {
    token: Type.Optional(
      Type.String({ minLength: 1, maxLength: 512, description: 'An API key of a person, or the admin token.' }),
    ),
    link: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: 'What a sign-in link carries.' })),
  },
  { additionalProperties: false, description: 'Exactly one of the two.' },
);

const browserSession = {
  id: Id,
  person: Type.String(),
  role: MemberRole,
  via: Type.Enum(['link', 'token', 'oidc'], { description: 'How it began.' }),
  key_id: Nullable(Id, { description: 'The API key it was begun with, and ends with.' }),
  member_id: Nullable(Id),
  address: Type.String({ description: 'Where the browser was when it began.' }),
  user_agent: Type.String(),
  created_at: Timestamp,
  last_seen_at: Timestamp,
  expires_at: Timestamp,
  current: Type.Boolean({ description: 'It is the one that asks.' }),
};
export const BrowserSession = Type.Object(browserSession, { $id: 'BrowserSession' });
export type BrowserSession = Static<typeof BrowserSession>;
export const BrowserSessionPage = Type.Object({ sessions: Type.Array(BrowserSession), ...page });
export const BrowserSessionListQuery = Type.Object(pageQuery);

export const OwnSession = Type.Object({
  workspace: Type.String(),
  ...browserSession,
  idle_minutes: Type.Integer({ description: 'Without a request for so long it ends.' }),
  csrf_token: Type.String({ description: 'To be sent as `X-CSRF-Token` with everything but GET.' }),
});
export type OwnSession = Static<typeof OwnSession>;
