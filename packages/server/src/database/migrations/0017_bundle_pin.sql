-- A bundle that decides everything, whatever the rollouts say: from `pinned_at` until `until_at` (null: no end of its
-- own), or until somebody ends it.
create table bundle_pin (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  bundle_id integer not null references bundle (id),
  reason text not null,
  pinned_by text not null,
  pinned_at timestamptz not null,
  until_at timestamptz check (until_at > pinned_at),
  ended_at timestamptz,
  ended_by text,
  end_reason text check (end_reason in ('unpinned', 'replaced', 'expired', 'rolled_back')),
  incident_id integer references incident (id),
  check ((ended_at is null) = (end_reason is null))
);
create unique index bundle_pin_one on bundle_pin (workspace_id) where ended_at is null;
create index bundle_pin_due on bundle_pin (until_at) where ended_at is null;
