import Type, { type Static } from 'typebox';
import { roles } from '../roles.js';
import { Actor, Label, NamePattern, Nullable, page, pageQuery, Timestamp } from './vocabulary.js';

const RoleSchema = Type.Enum(roles);
const SessionTrust = Type.Enum(['trust', 'ignore'], {
  description:
    'Whether the sessions this key gives tell apart who asks. `ignore`: rollouts divide, and count evidence, by key and agent.',
});
const AgentPatterns = Type.Array(NamePattern, { minItems: 1, maxItems: 100, default: ['*'] });

export const CreateApiKey = Type.Object(
  {
    name: Label(128),
    role: RoleSchema,
    owner: Type.Optional(Label(128)),
    agents: Type.Optional(AgentPatterns),
    session: Type.Optional(SessionTrust),
    expires_in_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
  },
  { additionalProperties: false },
);
const apiKey = {
  id: Type.Integer(),
  name: Type.String(),
  role: RoleSchema,
  owner: Type.String({ description: 'The person or service that answers for this key. Four eyes compares owners.' }),
  agents: AgentPatterns,
  session: SessionTrust,
  prefix: Type.String({ description: 'The first characters of the key, to recognise it by.' }),
  created_at: Timestamp,
  expires_at: Nullable(Timestamp),
  last_used_at: Nullable(Timestamp),
};
export const ApiKey = Type.Object(apiKey, { $id: 'ApiKey' });
export type ApiKey = Static<typeof ApiKey>;
export const CreatedApiKey = Type.Object({ ...apiKey, key: Type.String({ description: 'Shown this once.' }) });
export type CreatedApiKey = Static<typeof CreatedApiKey>;
export const ApiKeyPage = Type.Object({ api_keys: Type.Array(ApiKey), ...page });
export const ApiKeyListQuery = Type.Object(pageQuery);

export const Whoami = Type.Object({
  workspace: Type.String(),
  owner: Actor,
  role: RoleSchema,
  key_id: Nullable(Type.Integer()),
  member_id: Nullable(Type.Integer({ description: 'Of a person who signed in, or a service that showed a JWT.' })),
  session_id: Nullable(Type.Integer({ description: 'Of the browser session that asks.' })),
  agents: Type.Array(Type.String()),
});
