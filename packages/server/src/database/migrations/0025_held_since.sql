-- Since when a rollout stands still, for whichever reasons one after the other: what has waited for a day is told to people.
alter table rollout add column held_since timestamptz;
update rollout set held_since = updated_at where holds <> '{}' and ended_at is null;
