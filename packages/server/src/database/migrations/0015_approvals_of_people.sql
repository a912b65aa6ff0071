-- People who are asked for certain approvals. A deleted group stays for the approvals that name it.
create table approver_group (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  name text not null,
  description text not null,
  members text[] not null check (cardinality(members) > 0),
  -- {kinds?, min_risk?, agents?, actions?}
  asked_for json not null,
  members_only boolean not null,
  remind_after_minutes integer,
  escalate_after_minutes integer,
  -- The group that may then speak for this one; null: everybody who approves.
  escalate_to integer references approver_group (id),
  updated_by text not null,
  updated_at timestamptz not null,
  deleted_at timestamptz
);
create unique index approver_group_name_idx on approver_group (workspace_id, name) where deleted_at is null;

-- Which groups an approval asks, as they were when it did; who their members are is always as of now.
create table approval_asked (
  workspace_id integer not null references workspace (id),
  approval_id integer not null references approval (id),
  group_id integer not null references approver_group (id),
  members_only boolean not null,
  asked_at timestamptz not null,
  -- When to; null: never, done, or nobody waits for it any more.
  remind_at timestamptz,
  reminded_at timestamptz,
  escalate_at timestamptz,
  escalated_at timestamptz,
  escalate_to integer references approver_group (id),
  primary key (approval_id, group_id)
);
create index approval_asked_due_idx on approval_asked (least(remind_at, escalate_at))
  where remind_at is not null or escalate_at is not null;
create index approval_asked_group_idx on approval_asked (group_id, approval_id);

-- What was said and done beside the votes.
create table approval_entry (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  approval_id integer not null references approval (id),
  at timestamptz not null,
  type text not null check (type in ('commented', 'reminded', 'escalated', 'link_made', 'link_revoked')),
  by_whom text not null,
  text text not null
);
create index approval_entry_approval_idx on approval_entry (approval_id, id);

-- One-time links. The link itself is not kept: it is proven by HMAC_SECRET over this row, the nonce included.
create table approval_link (
  -- Random, so that nobody can name a link whom it was not given.
  id text primary key,
  workspace_id integer not null references workspace (id),
  approval_id integer not null references approval (id),
  approver text not null,
  nonce text not null,
  made_by text not null,
  -- The key or member it was made with; null: the bootstrap token. It ends with that.
  key_id integer,
  made_at timestamptz not null,
  expires_at timestamptz not null,
  wrong_guesses integer not null default 0,
  used_at timestamptz,
  revoked_at timestamptz,
  check (used_at is null or revoked_at is null)
);
create index approval_link_open_idx on approval_link (approval_id) where used_at is null and revoked_at is null;

alter table approval_vote
  add column via text not null default 'key' check (via in ('key', 'link')),
  add column link_made_by text,
  add constraint approval_vote_link_check check ((via = 'link') = (link_made_by is not null));

-- What an activation would ask of people, as of the request.
alter table approval add column prediction json;
