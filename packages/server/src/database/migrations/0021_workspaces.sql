-- What becomes of workspaces. `archived_at` of the first migration says that a workspace is closed: its grace period is
-- over, nobody gets in, its rows are being deleted. Until then it is at most read-only.
comment on column workspace.archived_at is 'when it was closed for good, to be deleted';

alter table workspace
  add column description text not null default '',
  add column created_by text not null default 'system',
  add column read_only_at timestamptz,
  add column read_only_by text,
  add column read_only_reason text,
  add column deletion_asked_at timestamptz,
  add column deletion_asked_by text,
  add column deletion_reason text,
  add column delete_at timestamptz,
  -- Rows deleted so far.
  add column rows_deleted bigint not null default 0,
  -- {bundles, rules_per_bundle, decisions_per_second, decisions_kept}; what is absent or null has no limit.
  add column quotas json not null default '{}',
  -- The log holds as many decisions as it may: looked at by a job, so that no decision counts them.
  add column storage_full boolean not null default false,
  add check ((delete_at is null) = (deletion_asked_at is null)),
  add check (delete_at is null or read_only_at is not null),
  add check (archived_at is null or delete_at is not null);

-- What stays of a workspace. Of the installation, so it has no workspace_id.
create table deleted_workspace (
  id integer primary key,
  name text not null,
  created_at timestamptz not null,
  asked_by text not null,
  asked_at timestamptz not null,
  reason text not null,
  deleted_at timestamptz not null,
  rows bigint not null,
  checkpoint json
);
create index deleted_workspace_newest on deleted_workspace (deleted_at desc, id desc);

-- Quotas of bundles hold whichever way a bundle comes: made, imported, changed. The message is for people.
create function check_bundle_quota() returns trigger
language plpgsql as $$
declare
  quotas json := (select w.quotas from workspace w where w.id = new.workspace_id);
  rules integer := json_array_length(new.rules);
  held bigint;
begin
  if rules > (quotas->>'rules_per_bundle')::integer then
    raise exception using errcode = 'PS001', message = format(
      'the bundle has %s rules and this workspace may have %s in one; take rules out, or ask the instance admin for a larger quota',
      rules, quotas->>'rules_per_bundle');
  end if;
  if tg_op = 'INSERT' and quotas->>'bundles' is not null then
    -- One at a time, or two at once could both find the last place. Key: that this is about bundles.
    perform pg_advisory_xact_lock(7082011, new.workspace_id);
    held := (select count(*) from bundle b where b.workspace_id = new.workspace_id);
    if held >= (quotas->>'bundles')::bigint then
      raise exception using errcode = 'PS001', message = format(
        'this workspace has %s bundles and may have %s; delete drafts that are not needed, or ask the instance admin for a larger quota',
        held, quotas->>'bundles');
    end if;
  end if;
  return new;
end
$$;
create trigger bundle_quota before insert on bundle for each row execute function check_bundle_quota();
create trigger bundle_rules_quota before update of rules on bundle for each row
  when (old.rules::text is distinct from new.rules::text) execute function check_bundle_quota();
