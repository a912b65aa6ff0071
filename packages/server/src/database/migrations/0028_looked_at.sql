-- When the controller last looked at a rollout: time in which nobody looked is no healthy time.
alter table rollout add column looked_at timestamptz;
