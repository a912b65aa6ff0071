-- The generation that a rollback made, and when by the database's clock: whoever still decides by an older one is seen.
alter table rollout add column undone_generation integer;
alter table rollout add column undone_at timestamptz;
