-- A decision's id is a UUIDv7, so its day bounds are id bounds: one index serves uniqueness, lookup, cursor and time order.
-- `context` and `detail` are json, not jsonb: the text goes in as it came, which is cheaper and keeps U+0000.
create table decision (
  workspace_id integer not null,
  id uuid not null,
  generation integer not null,
  -- null: nothing was active
  bundle_id integer,
  arm text not null,
  agent text not null,
  action text not null,
  session text,
  -- 0: the bootstrap token
  key_id integer not null,
  owner text not null,
  request_id text,
  effect text not null,
  policy_effect text not null,
  rule_id text,
  -- The evaluation failed, or the outcome was an error.
  failed boolean not null,
  source text not null,
  -- USD that the answer reserved; null: nothing.
  reserved numeric,
  -- The calendar day (workspace time zone) the reservation counts for.
  day date not null,
  context json not null,
  -- {bundle {version, digest}, default_effect, lists, reason, default, budget, errors, facts, overlays}
  detail json not null,
  outcome_status text,
  outcome_cost numeric,
  outcome_compute double precision,
  outcome_message text,
  outcome_at timestamptz,
  primary key (workspace_id, id)
) partition by range (id);
create index decision_by_rule on decision (workspace_id, rule_id, id desc);
create index decision_failed on decision (workspace_id, id desc) where failed;
create index decision_by_session on decision (workspace_id, session, id desc) where session is not null;

-- Who used a request_id first. Kept 24 to 48 hours.
create table request_claim (
  workspace_id integer not null,
  key_id integer not null,
  request_id text not null,
  decision_id uuid not null,
  digest bytea not null,
  generation integer not null,
  primary key (workspace_id, key_id, request_id)
);
-- Cleaned by age, which the id tells.
create index request_claim_age on request_claim (decision_id);

-- Reserved and settled cost of a day in the workspace's time zone. The row of agent `*` is the whole workspace: the cap is
-- checked under its lock, and it is locked before the agents' rows.
create table daily_spend (
  workspace_id integer not null,
  day date not null,
  agent text not null,
  amount numeric not null,
  primary key (workspace_id, day, agent)
) with (fillfactor = 50);

create table session_spend (
  workspace_id integer not null,
  session text not null,
  amount numeric not null,
  updated_at timestamptz not null,
  primary key (workspace_id, session)
) with (fillfactor = 50);

-- Roll-ups by minute: deltas are only ever appended, a job folds them into the table, readers add both up.
create table decision_rollup (
  workspace_id integer not null,
  minute timestamptz not null,
  -- 0: nothing was active
  bundle_id integer not null,
  arm text not null,
  agent text not null,
  action text not null,
  effect text not null,
  decisions bigint not null,
  failed bigint not null,
  mismatched bigint not null,
  unmatched bigint not null,
  cost numeric not null,
  primary key (workspace_id, agent, minute, bundle_id, arm, action, effect)
);
create table decision_rollup_delta (like decision_rollup);
create index decision_rollup_delta_agent on decision_rollup_delta (workspace_id, agent, minute);

-- When an agent's error rate was last seen to open its circuit. The rate alone cannot tell: what an open circuit denies
-- counts as decisions and thins it out.
create table circuit_trip (
  workspace_id integer not null,
  agent text not null,
  at timestamptz not null,
  primary key (workspace_id, agent)
);

-- One decision on its way into the log, as the server sends it.
create type decision_input as (
  "position" integer,
  id uuid,
  generation integer,
  bundle_id integer,
  arm text,
  agent text,
  action text,
  session text,
  key_id integer,
  owner text,
  request_id text,
  -- hexadecimal; of what a repeated request_id must repeat
  digest text,
  effect text,
  policy_effect text,
  rule_id text,
  failed boolean,
  mismatched boolean,
  source text,
  -- what an allowed decision reserves, and the cap it must fit under (null: none)
  cost numeric,
  cap numeric,
  day date,
  minute timestamptz,
  context text,
  detail text,
  -- `detail` if the cap denies it
  denied_detail text
);

-- Records a group of one workspace and returns what did not come out as sent: `exhausted` (recorded as denied by the cap),
-- `repeated` (not recorded, `stored_id` holds the answer), `reused` and `superseded` (not recorded, refused).
--
-- The order matters. Request ids are claimed first, so that a repeated request reserves nothing; claims are taken in key
-- order and the workspace's day row is locked before any other spend, so that two groups cannot deadlock; the cap is
-- checked under that lock, on the committed amount.
--
-- `p_given`: the answers are out already (they were spooled). Then everything is recorded as it was answered, once.
create function record_decisions(p_workspace integer, p_rows json, p_claims boolean, p_costs boolean, p_given boolean)
returns table (at_position integer, verdict text, stored_id uuid)
language plpgsql as $$
declare
  asked decision_input[] := array(select r from json_populate_recordset(null::decision_input, p_rows) r);
  lost integer[] := '{}';
  denied integer[] := '{}';
  stored uuid[];
  candidate record;
  spent numeric;
  spent_day date;
begin
  if p_claims then
    insert into request_claim (workspace_id, key_id, request_id, decision_id, digest, generation)
      select p_workspace, r.key_id, r.request_id, r.id, decode(r.digest, 'hex'), r.generation
      from unnest(asked) r
      where r.request_id is not null
      order by r.key_id, r.request_id, r."position"
      on conflict do nothing;
    if not p_given then
      lost := array(
        select r."position" from unnest(asked) r
        join request_claim c on c.workspace_id = p_workspace and c.key_id = r.key_id and c.request_id = r.request_id
        where c.decision_id <> r.id
      );
    end if;
  end if;

  if p_costs and not p_given then
    for candidate in
      select r."position" as place, r.day as on_day, r.cost as price, r.cap as ceiling
      from unnest(asked) r
      where r.cost > 0 and r."position" <> all (lost)
      order by r.day, r."position"
    loop
      if spent_day is distinct from candidate.on_day then
        spent_day := candidate.on_day;
        insert into daily_spend (workspace_id, day, agent, amount) values (p_workspace, spent_day, '*', 0)
          on conflict do nothing;
        select s.amount into spent from daily_spend s
          where s.workspace_id = p_workspace and s.day = spent_day and s.agent = '*' for update;
      end if;
      if candidate.ceiling is null or spent + candidate.price <= candidate.ceiling then
        spent := spent + candidate.price;
      else
        denied := denied || candidate.place;
      end if;
    end loop;
  end if;

  with written as (
    insert into decision (
      workspace_id, id, generation, bundle_id, arm, agent, action, session, key_id, owner, request_id,
      effect, policy_effect, rule_id, failed, source, reserved, day, context, detail
    )
    select p_workspace, r.id, r.generation, r.bundle_id, r.arm, r.agent, r.action, r.session, r.key_id, r.owner,
      r.request_id, case when refuses then 'deny' else r.effect end, r.policy_effect, r.rule_id, r.failed, r.source,
      case when refuses then null else r.cost end, r.day, r.context::json,
      (case when refuses then r.denied_detail else r.detail end)::json
    from unnest(asked) r, lateral (select r."position" = any (denied)) as cap (refuses)
    where r."position" <> all (lost)
    on conflict do nothing
    returning decision.id
  )
  select array(select w.id from written w) into stored;

  insert into decision_rollup_delta
    select p_workspace, r.minute, coalesce(r.bundle_id, 0), r.arm, r.agent, r.action,
      case when refuses then 'deny' else r.effect end, count(*), count(*) filter (where r.failed),
      count(*) filter (where r.mismatched), count(*) filter (where r.rule_id is null),
      coalesce(sum(r.cost) filter (where not refuses), 0)
    from unnest(asked) r join unnest(stored) as kept (id) on kept.id = r.id,
      lateral (select r."position" = any (denied)) as cap (refuses)
    group by 2, 3, 4, 5, 6, 7;

  if p_costs then
    insert into daily_spend as s (workspace_id, day, agent, amount)
      select p_workspace, r.day, spender, sum(r.cost)
      from unnest(asked) r join unnest(stored) as kept (id) on kept.id = r.id,
        lateral (values ('*'), (r.agent)) as either (spender)
      where r.cost > 0 and r."position" <> all (denied)
      group by r.day, spender
      order by r.day, spender collate "C"
      on conflict (workspace_id, day, agent) do update set amount = s.amount + excluded.amount;
    insert into session_spend as s (workspace_id, session, amount, updated_at)
      select p_workspace, r.session, sum(r.cost), max(r.minute)
      from unnest(asked) r join unnest(stored) as kept (id) on kept.id = r.id
      where r.cost > 0 and r.session is not null and r."position" <> all (denied)
      group by r.session
      order by r.session collate "C"
      on conflict (workspace_id, session) do update
        set amount = s.amount + excluded.amount, updated_at = greatest(s.updated_at, excluded.updated_at);
  end if;

  return query
    select place, 'exhausted', null::uuid from unnest(denied) as place
    union all
    select r."position",
      case when c.digest <> decode(r.digest, 'hex') then 'reused'
        when c.generation < r.generation then 'superseded'
        else 'repeated' end,
      c.decision_id
    from unnest(asked) r
    join request_claim c on c.workspace_id = p_workspace and c.key_id = r.key_id and c.request_id = r.request_id
    where r."position" = any (lost);
end
$$;
