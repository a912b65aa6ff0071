-- What is in force is counted per workspace: every change of it takes the next generation.
-- The event head lives on the same row, so that locking it numbers events in commit order.
alter table workspace
  add column generation integer not null default 0,
  add column event_seq bigint not null default 0,
  add column event_hash text not null default '';

create table event (
  workspace_id integer not null references workspace (id),
  seq bigint not null,
  at timestamptz not null,
  actor text not null,
  kind text not null,
  subject text not null,
  data json not null,
  hash text not null,
  primary key (workspace_id, seq)
);

create table bundle (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  version text not null,
  rules json not null,
  notes text not null default '',
  metadata json not null default '{}',
  status text not null default 'draft'
    check (status in ('draft', 'shadow', 'canary', 'active', 'superseded', 'rolled_back', 'archived')),
  active boolean not null default false,
  canary_pct integer not null default 0 check (canary_pct between 0 and 100),
  traffic_pct integer not null default 0 check (traffic_pct between 0 and 100),
  digest text not null,
  lint json not null,
  -- Grows with every change of the row; the ETag.
  revision integer not null default 1,
  source text not null default 'api' check (source in ('api', 'imported')),
  source_signature text,
  approval_id integer,
  created_by text not null,
  created_by_claimed text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  activated_by text,
  activated_by_claimed text,
  activated_at timestamptz,
  unique (workspace_id, version)
);
create unique index bundle_one_active on bundle (workspace_id) where active;
create unique index bundle_one_in_force on bundle (workspace_id) where status = 'active';
create index bundle_newest on bundle (workspace_id, created_at desc, id desc);

-- A deleted list keeps its versions: recorded decisions still name them.
create table named_list (
  workspace_id integer not null references workspace (id),
  name text not null,
  version integer not null,
  live boolean not null,
  description text not null default '',
  deleted boolean not null default false,
  primary key (workspace_id, name)
);
create table named_list_version (
  workspace_id integer not null,
  name text not null,
  version integer not null,
  "values" json not null,
  size integer not null,
  normalize text check (normalize in ('lower', 'email', 'host')),
  digest text not null,
  created_by text not null,
  created_at timestamptz not null,
  primary key (workspace_id, name, version),
  foreign key (workspace_id, name) references named_list (workspace_id, name)
);

-- Only what differs from the defaults.
create table setting (
  workspace_id integer primary key references workspace (id),
  "values" json not null,
  updated_by text not null,
  updated_at timestamptz not null
);

create table approval (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  kind text not null check (kind in ('activation', 'list', 'settings')),
  status text not null default 'pending'
    check (status in ('pending', 'approved', 'rejected', 'canceled', 'expired', 'used')),
  subject json not null,
  subject_digest text not null,
  bundle_id integer references bundle (id) on delete set null,
  initial_pct integer,
  justification text not null,
  risk text not null,
  rollback_plan text not null,
  quorum integer not null check (quorum >= 1),
  four_eyes boolean not null,
  requested_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  decided_at timestamptz,
  used_at timestamptz
);
create index approval_newest on approval (workspace_id, id desc);
create index approval_pending on approval (workspace_id, expires_at) where status = 'pending';

-- One voice a person and approval: the key's owner, not the key.
create table approval_vote (
  approval_id integer not null references approval (id),
  voter text not null,
  verdict text not null check (verdict in ('approve', 'reject')),
  comment text not null,
  self_approved boolean not null,
  at timestamptz not null,
  primary key (approval_id, voter)
);

create table api_key (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  name text not null,
  role text not null,
  owner text not null,
  agents text[] not null,
  prefix text not null,
  -- SHA-256 of a key of 256 random bits: nothing to brute-force, so no slow hash.
  hash bytea not null unique,
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_key_current on api_key (workspace_id, id) where revoked_at is null;

alter table bundle
  -- Names of the lists its rules read, with the digests those lists had when `lint` was made (null: no such list).
  add column lists_read json not null default '{}',
  -- What the bundle weighs as JSON, so that a page of bundles can be cut before it is read.
  add column bytes integer not null default 0;

-- A request that was approved expires too when nobody uses it.
create index approval_open on approval (expires_at) where status in ('pending', 'approved');
create index approval_of_bundle on approval (bundle_id) where bundle_id is not null;

alter table approval_vote add column workspace_id integer not null references workspace (id);
