-- No row: the catalog that every workspace begins with; its first change writes all of it down.
create table catalog (
  workspace_id integer primary key references workspace (id),
  revision integer not null,
  -- New with every change, and the same nowhere else: servers keep what they compile under it.
  stamp uuid not null default gen_random_uuid()
);
create table catalog_agent (
  workspace_id integer not null references catalog (workspace_id),
  agent text not null,
  description text not null,
  primary key (workspace_id, agent)
);
-- The action as clients see it: agents, schema, risk, cost, description, annotations.
create table catalog_action (
  workspace_id integer not null references catalog (workspace_id),
  action text not null,
  document json not null,
  primary key (workspace_id, action)
);
