-- Work that takes longer than a request: any server does it, and another one takes it over when that server is lost.
create table job (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  kind text not null,
  status text not null default 'queued' check (status in ('queued', 'running', 'done', 'failed', 'canceled')),
  done integer not null default 0,
  total integer,
  -- What is to be done and what came of it, as JSON, gzipped. The input goes when the job ends.
  input bytea,
  result bytea,
  -- Of the JSON.
  result_bytes integer,
  error text,
  created_by text not null,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  -- Another one for every attempt: who has lost the job can write nothing to it any more.
  runner uuid,
  attempts integer not null default 0,
  -- By the clock of the database, which the servers share.
  heartbeat_at timestamptz,
  check ((status = 'running') = (runner is not null)),
  check ((status in ('done', 'failed', 'canceled')) = (finished_at is not null)),
  check ((status = 'done') = (result is not null))
);
create index job_newest on job (workspace_id, id desc);
create index job_open on job (id) where status in ('queued', 'running');
create index job_ended on job (finished_at) where finished_at is not null;
