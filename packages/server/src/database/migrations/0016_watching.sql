-- The generation that a rollback made, and when by the database's clock: whoever still decides by an older one is seen.
alter table rollout add column undone_generation integer;
alter table rollout add column undone_at timestamptz;

-- When evidence arrived, by the database's clock: what gates read as a sequence must be in one order for all servers.
alter table rollout_evidence_delta add column arrived_at timestamptz not null default now();
alter table rollout_evidence_sum add column first_at timestamptz;

-- What arrived in each block of time, in 256 parts by principal, so that a failure is seen however long the health before
-- it: blocks of 5 seconds for the last minutes, of 5 minutes for the last hours. Older ones are dropped.
create table rollout_evidence_block (
  rollout_id integer not null,
  step integer not null,
  seconds smallint not null,
  -- Seconds since 1970 at which the block begins.
  at bigint not null,
  arm text not null,
  part smallint not null,
  workspace_id integer not null,
  decisions bigint not null,
  failed bigint not null,
  denied bigint not null,
  newly_denied bigint not null,
  newly_allowed bigint not null,
  newly_unmatched bigint not null,
  outcomes bigint not null,
  outcome_errors bigint not null,
  cost_count bigint not null,
  cost_sum double precision not null,
  cost_squares double precision not null,
  primary key (rollout_id, step, seconds, at, arm, part)
);
create index rollout_evidence_block_age on rollout_evidence_block (seconds, at);
