-- Row-level security: the second wall between workspaces. Every query is made for one workspace, or by the server for
-- all of them; the program says which by the setting `policy_studio.workspace` (an id, or *), and rows of others are not
-- there, whatever the query's own filter says. A query that says nothing fails.

create function scope_workspace() returns text
language plpgsql stable parallel safe as $$
declare
  scope text := current_setting('policy_studio.workspace', true);
begin
  if scope is null or scope = '' then
    raise exception using errcode = 'insufficient_privilege',
      message = 'this query is made for no workspace, so it may see no rows of any',
      hint = 'In the server, run it within inWorkspace(id, ..) or asSystem(..). In psql, set policy_studio.workspace to a workspace id, or to ''*''.';
  end if;
  return scope;
end
$$;

-- The id, or null for everybody. Both are asked once a statement, not once a row.
create function scope_workspace_id() returns integer
language sql stable parallel safe as $$ select nullif(scope_workspace(), '*')::integer $$;

create function scope_is_everybody() returns boolean
language sql stable parallel safe as $$ select scope_workspace() = '*' $$;

-- Puts the wall before a table; a migration that makes a table with `workspace_id` calls it. `force`, because the
-- program owns the tables, and owners pass otherwise.
create procedure wall_off(walled regclass, workspace_column name default 'workspace_id')
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', walled);
  execute format('alter table %s force row level security', walled);
  execute format(
    'create policy own_workspace on %s using (%I = (select scope_workspace_id()) or (select scope_is_everybody()))',
    walled, workspace_column);
end
$$;

-- Parts of the decision log are read through the log alone: walled off without a policy, so nobody sees them otherwise.
create procedure wall_off_part(walled regclass)
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', walled);
  execute format('alter table %s force row level security', walled);
end
$$;

do $$
declare
  found regclass;
begin
  for found in
    select c.oid from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
     where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
     order by c.relname
  loop
    call wall_off(found);
  end loop;
  for found in
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relispartition order by c.relname
  loop
    call wall_off_part(found);
  end loop;
end
$$;
call wall_off('workspace', 'id');
