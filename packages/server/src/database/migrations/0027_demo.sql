-- The workspaces that hold made-up data to look at.
create table demo (
  workspace_id integer primary key references workspace (id),
  -- Whose key the simulated agents ask with; null: it is not made yet.
  agent_key_id integer,
  -- When its history was told; null: that goes on, or was cut off.
  seeded_at timestamptz,
  -- When a simulated agent last asked: one server at a time takes its turn by it.
  acted_at timestamptz not null
);
call wall_off('demo');
