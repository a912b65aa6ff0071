-- Emergency switches: from `started_at` until `until_at`, or until somebody ends it, everybody gets one effect.
create table emergency_pin (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  effect text not null check (effect in ('allow', 'deny')),
  reason text not null,
  started_by text not null,
  -- The second person, where one was needed.
  confirmed_by text,
  started_at timestamptz not null,
  until_at timestamptz not null check (until_at > started_at),
  ended_at timestamptz,
  ended_by text,
  end_reason text check (end_reason in ('enabled', 'replaced', 'expired')),
  incident_id integer references incident (id),
  check ((ended_at is null) = (end_reason is null))
);
create unique index emergency_pin_one on emergency_pin (workspace_id) where ended_at is null;
create index emergency_pin_due on emergency_pin (until_at) where ended_at is null;
create index emergency_pin_newest on emergency_pin (workspace_id, started_at desc);

-- What one person asked for and a second one is to ask for too, before it is done. One for each thing.
create table second_person_request (
  workspace_id integer not null references workspace (id),
  -- `system/disable`, `catalog/agents/inbox.triage`
  subject text not null,
  -- What exactly: only the same counts as agreement.
  digest text not null,
  asked_by text not null,
  asked_at timestamptz not null,
  expires_at timestamptz not null,
  -- What was asked, for whoever is to agree.
  details json not null,
  primary key (workspace_id, subject)
);

-- Times at which nothing is activated or promoted.
create table freeze_window (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  name text not null,
  reason text not null,
  -- {type: daily | weekly | yearly | dates, ...}, in the time of `time_zone`.
  rule json not null,
  time_zone text not null,
  enabled boolean not null,
  created_by text not null,
  created_at timestamptz not null,
  updated_by text not null,
  updated_at timestamptz not null
);
create index freeze_window_workspace on freeze_window (workspace_id, id);

-- `observe`: decided and recorded, answered `allow`.
alter table catalog_agent add column mode text not null default 'enforce' check (mode in ('enforce', 'observe'));

-- The servers that share this database, and the generation of what each decides by. Times are the database's, so that
-- the clocks of the servers do not matter.
create table replica (
  id text primary key,
  host text not null,
  version text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null
);
create table replica_generation (
  workspace_id integer not null references workspace (id),
  replica_id text not null references replica (id) on delete cascade,
  generation integer not null,
  acknowledged_at timestamptz not null,
  primary key (workspace_id, replica_id)
);
create index replica_generation_replica on replica_generation (replica_id);
