-- For what happened to one thing: a rollout, its bundle, its approval.
create index event_workspace_id_subject_seq_idx on event (workspace_id, subject, seq desc);
