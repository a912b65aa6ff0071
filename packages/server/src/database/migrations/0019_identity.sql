-- Who is known in a workspace beside the owners of keys. Ids are numbered together with those of keys, since decisions,
-- approvals of actions and idempotency keys are told apart by that number whoever asked.
create table member (
  id integer primary key default nextval(pg_get_serial_sequence('api_key', 'id')),
  workspace_id integer not null references workspace (id),
  -- A service is known by its JWT and never counts as a person who approves.
  kind text not null check (kind in ('person', 'service')),
  name text not null,
  -- How the name looks in capitals and in small letters; two members may not look the same in either.
  looks_capital text not null,
  looks_small text not null,
  role text not null check (role in ('viewer', 'agent', 'author', 'approver', 'operator', 'admin')),
  -- Who says which role: an admin here, or the claims of the identity provider at every sign-in.
  managed_by text not null check (managed_by in ('admin', 'claims')),
  -- The identity at the provider, bound at the first sign-in.
  issuer text,
  subject text,
  created_by text not null,
  created_at timestamptz not null,
  last_seen_at timestamptz,
  -- A member that was removed stays out, whatever the provider says, until an admin adds it again.
  removed_at timestamptz,
  check ((issuer is null) = (subject is null)),
  check (kind = 'person' or issuer is not null),
  check (kind = 'person' or role not in ('approver', 'admin')),
  check (kind = 'service' or role <> 'agent')
);
create unique index member_workspace_id_looks_capital_idx on member (workspace_id, looks_capital);
create unique index member_workspace_id_looks_small_idx on member (workspace_id, looks_small);
create unique index member_workspace_id_issuer_subject_idx on member (workspace_id, issuer, subject)
  where issuer is not null;

-- A browser that is signed in: for a key, for a member, or for who holds the admin token.
create table browser_session (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  -- SHA-256 of the cookie, 256 random bits.
  hash bytea not null unique,
  key_id integer references api_key (id),
  member_id integer references member (id),
  -- Tells admin tokens apart without telling them: another token ends the sessions of the one before.
  admin_token text,
  person text not null,
  via text not null check (via in ('link', 'token', 'oidc')),
  address text not null,
  user_agent text not null,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  check (num_nonnulls(key_id, member_id, admin_token) = 1)
);
create index browser_session_current_idx on browser_session (workspace_id, id) where ended_at is null;
create index browser_session_key_id_idx on browser_session (key_id) where key_id is not null;
create index browser_session_member_id_idx on browser_session (member_id) where member_id is not null;
create index browser_session_expires_at_idx on browser_session (expires_at);

-- Serves once: for one member, or for who sits at the console of the server that holds this admin token.
create table sign_in_link (
  -- Finds the link; what proves it is hashed.
  prefix text primary key,
  workspace_id integer not null references workspace (id),
  hash bytea not null,
  member_id integer references member (id),
  admin_token text,
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- Wrong proofs for this prefix; a few of them end the link.
  failures integer not null default 0,
  used_at timestamptz,
  check (num_nonnulls(member_id, admin_token) = 1)
);
create index sign_in_link_expires_at_idx on sign_in_link (expires_at);
