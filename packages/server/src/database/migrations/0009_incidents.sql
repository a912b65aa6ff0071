create table incident (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  kind text not null,
  -- What makes two openings one incident, among those of the same source that are not closed.
  key text not null,
  source text not null check (source in ('system', 'external')),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  status text not null default 'open' check (status in ('open', 'acknowledged', 'mitigated', 'resolved', 'closed')),
  summary text not null,
  details json not null,
  playbooks json not null,
  tied_to_policy boolean not null,
  -- How often it was opened: 1 and every repetition.
  occurrences integer not null default 1,
  last_seen_at timestamptz not null,
  assigned_to text,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  acknowledged_at timestamptz,
  mitigated_at timestamptz,
  resolved_at timestamptz,
  closed_at timestamptz,
  -- When it was decided whether this incident rolls a bundle back: that happens once.
  rollback_settled_at timestamptz,
  -- Entries of the timeline.
  entries integer not null default 0,
  check ((status = 'closed') = (closed_at is not null))
);
create unique index incident_one_open on incident (workspace_id, source, key) where status <> 'closed';
create index incident_newest on incident (workspace_id, id desc);
create index incident_unsettled on incident (workspace_id)
  where source = 'external' and tied_to_policy and rollback_settled_at is null and status in ('open', 'acknowledged');

create table incident_entry (
  workspace_id integer not null references workspace (id),
  incident_id integer not null references incident (id),
  seq integer not null,
  at timestamptz not null,
  actor text not null,
  type text not null,
  text text not null,
  data json not null,
  primary key (incident_id, seq)
);

-- What else changed around the time of an incident.
create index event_at on event (workspace_id, at);
