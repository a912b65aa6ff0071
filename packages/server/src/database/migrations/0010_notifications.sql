-- Where notifications go.
create table channel (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  name text not null,
  kind text not null check (kind in ('webhook', 'slack', 'pagerduty')),
  topics text[] not null,
  enabled boolean not null,
  -- Address, signing secret and key, encrypted with a key that is not in the database.
  sealed text not null,
  -- What of the address may be shown.
  target text not null,
  -- One server sends to a channel at a time; it loses that right when it takes too long.
  lease uuid,
  leased_until timestamptz,
  -- Attempts in a row that failed, and when the next one is due.
  failures integer not null default 0,
  retry_at timestamptz,
  failing_since timestamptz,
  last_error text,
  last_delivered_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (workspace_id, name)
);

-- The outbox: one row for each event and channel, written with the event. What is sent is made from the event.
create table delivery (
  id uuid primary key default gen_random_uuid(),
  workspace_id integer not null references workspace (id),
  channel_id integer not null references channel (id) on delete cascade,
  seq bigint not null,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'dead')),
  attempts integer not null default 0,
  response_status integer,
  error text,
  -- When it was queued, first and last: what waits for too long is given up.
  created_at timestamptz not null,
  queued_at timestamptz not null,
  attempted_at timestamptz,
  delivered_at timestamptz,
  -- An event goes to a channel once, however often it is queued.
  unique (channel_id, seq),
  foreign key (workspace_id, seq) references event (workspace_id, seq)
);
create index delivery_pending on delivery (channel_id, seq) where status = 'pending';
create index delivery_dead on delivery (channel_id) where status = 'dead';
create index delivery_ended on delivery (created_at) where status <> 'pending';

-- Signed ends of the audit trail that left this database. Each is an event as well: `event_seq`.
create table audit_checkpoint (
  workspace_id integer not null references workspace (id),
  seq bigint not null,
  event_seq bigint not null,
  at timestamptz not null,
  primary key (workspace_id, seq)
);
