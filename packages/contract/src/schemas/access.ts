import Type, { type Static } from 'typebox';
import { roles } from '../roles.js';
import { AgentPatterns } from './bundle.js';
import { Actor, Label, Nullable, page, pageQuery, Timestamp } from './common.js';

export const RoleSchema = Type.Enum(roles);

export const CreateApiKey = Type.Object(
  {
    name: Label(128),
    role: RoleSchema,
    owner: Type.Optional(Label(128)),
    agents: Type.Optional(AgentPatterns),
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
  prefix: Type.String({ description: 'The first characters of the key, to recognise it by.' }),
  created_at: Timestamp,
  expires_at: Nullable(Timestamp),
  last_used_at: Nullable(Timestamp),
};
export const ApiKey = Type.Object(apiKey, { $id: 'ApiKey' });
export type ApiKey = Static<typeof ApiKey>;
export const CreatedApiKey = Type.Object({ ...apiKey, key: Type.String({ description: 'Shown this once.' }) });
export const ApiKeyPage = Type.Object({ api_keys: Type.Array(ApiKey), ...page });
export const ApiKeyListQuery = Type.Object(pageQuery);

export const Whoami = Type.Object({
  workspace: Type.String(),
  owner: Actor,
  role: RoleSchema,
  key_id: Nullable(Type.Integer()),
  agents: Type.Array(Type.String()),
});

export const AuditEntry = Type.Object({
  seq: Type.Integer({ description: 'Numbered in commit order, without gaps in a workspace.' }),
  at: Timestamp,
  actor: Actor,
  kind: Type.String({ examples: ['bundle.created', 'bundle.activated'] }),
  subject: Type.String({ examples: ['bundle/3'] }),
  data: Type.Record(Type.String(), Type.Unknown()),
  hash: Type.String({ description: 'SHA-256 over the previous hash and this entry.' }),
});
export const AuditQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  before: Type.Optional(Type.Integer({ minimum: 1, description: 'Entries older than this `seq`.' })),
});
export const AuditPage = Type.Object({ entries: Type.Array(AuditEntry), next_before: Nullable(Type.Integer()) });

export const SystemStatus = Type.Object({
  version: Type.String(),
  workspace: Type.String(),
  database: Type.Enum(['ok', 'away']),
  generation: Type.Integer(),
  bundle: Nullable(Type.Object({ id: Type.Integer(), version: Type.String(), digest: Type.String() })),
  default_effect: Type.String(),
  decision_log: Type.Enum(['durable', 'async']),
  waiting_records: Type.Integer({ description: 'Decisions answered or about to be, not yet in the database.' }),
  spooled_records: Type.Integer({ description: 'Decisions kept on disk while the database was away.' }),
  stale_seconds: Type.Integer({ description: 'Since the snapshot was last confirmed against the database.' }),
});
