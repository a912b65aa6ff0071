-- Approvals of one action of an agent: asked for by a decision, bound to the key that asked.
alter table approval drop constraint approval_kind_check;
alter table approval add constraint approval_kind_check check (kind in ('activation', 'list', 'settings', 'action'));
-- 0: the bootstrap token; null: people asked.
alter table approval add column key_id integer;
alter table approval add constraint approval_key_check check ((kind = 'action') = (key_id is not null));

-- The same request of the same key joins what is pending.
create unique index approval_action_pending on approval (workspace_id, key_id, subject_digest)
  where kind = 'action' and status = 'pending';
create index approval_of_key on approval (workspace_id, key_id, id desc) where key_id is not null;
