-- Caps of a workspace, its agents and its sessions, on what they spend and on how often they are allowed.

-- Grows when the setting `caps` changes: calls counted under an earlier number are counted anew, since nobody counted
-- them while no cap asked for it.
alter table workspace add column caps_epoch integer not null default 0;

-- `amount`: all that counts against a cap on spend, and `reserved` the part of it that no outcome has settled.
-- `calls`: allowed decisions, kept up while a cap on calls is in force.
alter table daily_spend
  add column reserved numeric not null default 0,
  add column calls bigint not null default 0,
  add column calls_epoch integer not null default -1;

-- One account each: a session; or, under a cap on sessions, a key with an agent for one day where no session was given
-- that can be trusted (`account` of `decision_caps`).
alter table session_spend
  add column reserved numeric not null default 0,
  add column calls bigint not null default 0;

-- That a cap refused something, once for each cap, account, period and limit; a job opens an incident for it.
create table cap_breach (
  workspace_id integer not null,
  scope text not null check (scope in ('workspace', 'agent', 'session')),
  measure text not null check (measure in ('spend', 'calls')),
  -- The agent, the account of the session, or nothing for the workspace.
  subject text not null,
  -- The day, `2026-03-04`; `life` of a session.
  period text not null,
  "limit" numeric not null,
  used numeric not null,
  asked numeric not null,
  agent text not null,
  action text not null,
  decision_id uuid not null,
  resets_at timestamptz,
  at timestamptz not null,
  -- An incident tells of it.
  told boolean not null default false,
  primary key (workspace_id, scope, measure, subject, period, "limit")
);
create index cap_breach_untold on cap_breach (workspace_id, at) where not told;
create index cap_breach_age on cap_breach (workspace_id, at);

-- The limits an allowed decision must fit under, those that apply to it; USD and calls.
create type decision_caps as (
  workspace_spend numeric,
  workspace_calls numeric,
  agent_spend numeric,
  agent_calls numeric,
  session_spend numeric,
  session_calls numeric,
  -- It is answered whatever they say, and counts.
  exempt boolean,
  -- In place of the session, where that is not what the session's caps count.
  account text,
  -- Whether the account is counted for the day, and not for its life.
  daily boolean,
  -- The calendar day in the workspace's time zone.
  begins_at timestamptz,
  ends_at text,
  epoch integer
);
alter type decision_input add attribute caps decision_caps;
alter type decision_input drop attribute cap;
alter type decision_input drop attribute denied_detail;

-- Calls of a day as the roll-ups have them, of an agent or (`*`) of the workspace.
create function calls_of_day(p_workspace integer, p_agent text, p_begins timestamptz, p_ends timestamptz)
returns bigint language plpgsql stable as $$
begin
  if p_agent = '*' then
    return (
      select coalesce(sum(r.decisions), 0) from (
        select minute, effect, decisions from decision_rollup where workspace_id = p_workspace
        union all
        select minute, effect, decisions from decision_rollup_delta where workspace_id = p_workspace
      ) r where r.minute >= p_begins and r.minute < p_ends and r.effect = 'allow'
    );
  end if;
  return (
    select coalesce(sum(r.decisions), 0) from (
      select agent, minute, effect, decisions from decision_rollup where workspace_id = p_workspace
      union all
      select agent, minute, effect, decisions from decision_rollup_delta where workspace_id = p_workspace
    ) r where r.agent = p_agent and r.minute >= p_begins and r.minute < p_ends and r.effect = 'allow'
  );
end
$$;

-- The same from the account, where it was kept up under the caps in force.
create function calls_used(
  p_workspace integer, p_day date, p_agent text, p_epoch integer, p_begins timestamptz, p_ends timestamptz
)
returns bigint language sql stable as $$
  select coalesce(
    (select s.calls from daily_spend s
      where s.workspace_id = p_workspace and s.day = p_day and s.agent = p_agent and s.calls_epoch >= p_epoch),
    calls_of_day(p_workspace, p_agent, p_begins, p_ends)
  )
$$;

-- Decides which of a group's decisions fit under their caps, in their order, and says of the others which cap refuses
-- them: the first of workspace, agent, session, spend before calls. Locks the accounts that caps limit until
-- the transaction ends, always in this order: days of the workspace (agent `*`), days of agents, sessions; each by name.
-- The workspace's day comes first whatever the caps are: so groups and outcomes of one day pass one after another, and
-- rows of its agents are only waited for by who holds that day. Sessions, which groups of two days may share, come last.
create function fit_under_caps(p_workspace integer, p_rows decision_input[])
returns table (at_position integer, cap json)
language plpgsql as $$
declare
  counting decision_input[] := array(
    select r from unnest(p_rows) r
    where r.cost > 0 or (r.caps).workspace_calls is not null or (r.caps).agent_calls is not null
      or (r.caps).session_calls is not null
    order by r.day, r."position"
  );
  -- Whether any cap of that scope applies to one of them; accounts that nothing limits are not looked at.
  of_agents boolean;
  of_sessions boolean;
  days date[];
  agent_days date[];
  agents text[];
  accounts text[];
  spent_w numeric[]; spent_a numeric[]; spent_s numeric[];
  calls_w bigint[]; calls_a bigint[]; calls_s bigint[];
  epoch_w integer[]; epoch_a integer[];
  c record;
  -- In the order of the attributes of `decision_caps`.
  broken integer;
  lasts boolean;
begin
  select bool_or(num_nonnulls((r.caps).agent_spend, (r.caps).agent_calls) > 0),
      bool_or(num_nonnulls((r.caps).session_spend, (r.caps).session_calls) > 0)
    into of_agents, of_sessions from unnest(counting) r;

  -- Each account is made if it is missing, else locked, changing nothing. `offset 0`: then each is looked up by its key,
  -- however many there are of others.
  select array_agg(k.day order by k.day) into days from (select distinct r.day from unnest(counting) r) k;
  insert into daily_spend (workspace_id, day, agent, amount)
    select p_workspace, k.day, '*', 0 from unnest(days) with ordinality as k (day, place) order by k.place
    on conflict (workspace_id, day, agent) do update set amount = 0 where false;
  select array_agg(s.amount order by k.place), array_agg(s.calls order by k.place),
      array_agg(s.calls_epoch order by k.place)
    into spent_w, calls_w, epoch_w
    from unnest(days) with ordinality as k (day, place), lateral (
      select d.amount, d.calls, d.calls_epoch from daily_spend d
      where d.workspace_id = p_workspace and d.day = k.day and d.agent = '*' offset 0
    ) s;
  if of_agents then
    select array_agg(k.day order by k.day, k.agent collate "C"), array_agg(k.agent order by k.day, k.agent collate "C")
      into agent_days, agents
      from (select distinct r.day, r.agent from unnest(counting) r) k;
    insert into daily_spend (workspace_id, day, agent, amount)
      select p_workspace, k.day, k.agent, 0 from unnest(agent_days, agents) with ordinality as k (day, agent, place)
      order by k.place
      on conflict (workspace_id, day, agent) do update set amount = 0 where false;
    select array_agg(s.amount order by k.place), array_agg(s.calls order by k.place),
        array_agg(s.calls_epoch order by k.place)
      into spent_a, calls_a, epoch_a
      from unnest(agent_days, agents) with ordinality as k (day, agent, place), lateral (
        select d.amount, d.calls, d.calls_epoch from daily_spend d
        where d.workspace_id = p_workspace and d.day = k.day and d.agent = k.agent offset 0
      ) s;
  end if;
  if of_sessions then
    select array_agg(k.account order by k.account collate "C") into accounts
      from (select distinct coalesce((r.caps).account, r.session) as account from unnest(counting) r) k
      where k.account is not null;
    insert into session_spend (workspace_id, session, amount, updated_at)
      select p_workspace, k.account, 0, counting[1].minute from unnest(accounts) with ordinality as k (account, place)
      order by k.place
      on conflict (workspace_id, session) do update set amount = 0 where false;
    select array_agg(s.amount order by k.place), array_agg(s.calls order by k.place)
      into spent_s, calls_s
      from unnest(accounts) with ordinality as k (account, place), lateral (
        select d.amount, d.calls from session_spend d
        where d.workspace_id = p_workspace and d.session = k.account offset 0
      ) s;
  end if;

  for c in
    select r."position" as place, r.day as on_day, coalesce(r.cost, 0) as price, r.agent, r.session, (r.caps).*,
      dense_rank() over (order by r.day) as w,
      dense_rank() over (order by r.day, r.agent collate "C") as a,
      case when charged.account is not null then dense_rank() over (order by charged.account collate "C" nulls last) end
        as s
    from unnest(counting) r, lateral (select coalesce((r.caps).account, r.session)) as charged (account)
    order by r.day, r."position"
  loop
    -- Calls counted under other caps, or not at all, are counted anew: all that is recorded so far stands in the roll-ups.
    if c.workspace_calls is not null and epoch_w[c.w] < c.epoch then
      calls_w[c.w] := calls_of_day(p_workspace, '*', c.begins_at, c.ends_at::timestamptz);
      epoch_w[c.w] := c.epoch;
      update daily_spend d set calls = calls_w[c.w], calls_epoch = c.epoch
        where d.workspace_id = p_workspace and d.day = c.on_day and d.agent = '*';
    end if;
    if c.agent_calls is not null and epoch_a[c.a] < c.epoch then
      calls_a[c.a] := calls_of_day(p_workspace, c.agent, c.begins_at, c.ends_at::timestamptz);
      epoch_a[c.a] := c.epoch;
      update daily_spend d set calls = calls_a[c.a], calls_epoch = c.epoch
        where d.workspace_id = p_workspace and d.day = c.on_day and d.agent = c.agent;
    end if;
    broken := case
      when c.exempt then null
      when c.price > 0 and spent_w[c.w] + c.price > c.workspace_spend then 1
      when calls_w[c.w] >= c.workspace_calls then 2
      when c.price > 0 and spent_a[c.a] + c.price > c.agent_spend then 3
      when calls_a[c.a] >= c.agent_calls then 4
      when c.price > 0 and spent_s[c.s] + c.price > c.session_spend then 5
      when calls_s[c.s] >= c.session_calls then 6
    end;
    if broken is null then
      spent_w[c.w] := spent_w[c.w] + c.price;
      if c.workspace_calls is not null then calls_w[c.w] := calls_w[c.w] + 1; end if;
      if of_agents then
        spent_a[c.a] := spent_a[c.a] + c.price;
        if c.agent_calls is not null then calls_a[c.a] := calls_a[c.a] + 1; end if;
      end if;
      if of_sessions and c.s is not null then
        spent_s[c.s] := spent_s[c.s] + c.price;
        if c.session_calls is not null then calls_s[c.s] := calls_s[c.s] + 1; end if;
      end if;
    else
      at_position := c.place;
      lasts := broken > 4 and not coalesce(c.daily, false);
      cap := json_build_object(
        'scope', (array['workspace', 'agent', 'session'])[(broken + 1) / 2],
        'measure', (array['calls', 'spend'])[broken % 2 + 1],
        'subject', case when broken > 4 then coalesce(c.account, c.session) when broken > 2 then c.agent end,
        'limit', (array[c.workspace_spend, c.workspace_calls, c.agent_spend, c.agent_calls, c.session_spend,
          c.session_calls])[broken],
        'used', (array[spent_w[c.w], calls_w[c.w], spent_a[c.a], calls_a[c.a], spent_s[c.s], calls_s[c.s]])[broken],
        'asked', case when broken % 2 = 1 then c.price else 1 end,
        'period', case when lasts then 'life' else c.on_day::text end,
        'resets_at', case when not lasts then c.ends_at end
      );
      return next;
    end if;
  end loop;
end
$$;

-- As before (0008_rollouts.sql), but for the caps: `p_caps` says that some row has any. What they refuse is recorded as
-- denied with `cap` added to its detail, which is returned as well.
drop function record_decisions(integer, json, boolean, boolean, boolean, boolean);
create function record_decisions(
  p_workspace integer, p_rows json, p_claims boolean, p_costs boolean, p_given boolean, p_evidence boolean default false,
  p_caps boolean default false
)
returns table (at_position integer, verdict text, stored_id uuid, cap json)
language plpgsql as $$
declare
  asked decision_input[] := array(select r from json_populate_recordset(null::decision_input, p_rows) r);
  lost integer[] := '{}';
  refused integer[] := '{}';
  because json[] := '{}';
  stored uuid[];
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

  if p_caps and not p_given then
    select coalesce(array_agg(f.at_position), '{}'), coalesce(array_agg(f.cap), '{}') into refused, because
      from fit_under_caps(
        p_workspace, array(select r from unnest(asked) r where r."position" <> all (lost))
      ) f;
  end if;

  with written as (
    insert into decision (
      workspace_id, id, generation, bundle_id, arm, agent, action, session, key_id, owner, request_id,
      effect, policy_effect, rule_id, failed, source, reserved, day, context, detail
    )
    select p_workspace, r.id, r.generation, r.bundle_id, r.arm, r.agent, r.action, r.session, r.key_id, r.owner,
      r.request_id, case when why is null then r.effect else 'deny' end, r.policy_effect, r.rule_id, r.failed, r.source,
      case when why is null then r.cost end, r.day, r.context::json,
      (case when why is null then r.detail else left(r.detail, -1) || ',"cap":' || why::text || '}' end)::json
    from unnest(asked) r, lateral (select because[array_position(refused, r."position")]) as cap (why)
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
      lateral (select r."position" = any (refused)) as cap (refuses)
    group by 2, 3, 4, 5, 6, 7;

  if p_evidence then
    insert into rollout_evidence_delta (
      rollout_id, step, arm, principal, workspace_id, decisions, failed, mismatched, denied, approvals, unmatched,
      newly_denied, newly_allowed, newly_unmatched, newly_matched, outcomes, outcome_errors,
      cost_count, cost_sum, cost_squares, last_at
    )
    select e.rollout_id, e.step, a.arm, e.principal, p_workspace, count(*), coalesce(sum(a.failed), 0),
      coalesce(sum(a.mismatched), 0), coalesce(sum(a.denied), 0), coalesce(sum(a.approvals), 0),
      coalesce(sum(a.unmatched), 0), coalesce(sum(a.newly_denied), 0), coalesce(sum(a.newly_allowed), 0),
      coalesce(sum(a.newly_unmatched), 0), coalesce(sum(a.newly_matched), 0), 0, 0,
      count(*) filter (where a.arm <> 'shadow'), coalesce(sum(price), 0), coalesce(sum(price * price), 0),
      max(r.minute)
    from unnest(asked) r join unnest(stored) as kept (id) on kept.id = r.id,
      json_to_record(r.evidence) as e (rollout_id integer, step integer, principal text, arms json),
      json_to_recordset(e.arms) as a (
        arm text, failed integer, mismatched integer, denied integer, approvals integer, unmatched integer,
        newly_denied integer, newly_allowed integer, newly_unmatched integer, newly_matched integer,
        cost double precision
      ),
      -- What the cap refuses costs nothing.
      lateral (select case when r."position" = any (refused) then 0 else coalesce(a.cost, 0) end) as c (price)
    where r.evidence is not null
    group by 1, 2, 3, 4;
  end if;

  -- In the order in which `fit_under_caps` locks.
  if p_costs or p_caps then
    insert into daily_spend as s (workspace_id, day, agent, amount, reserved, calls)
      select p_workspace, r.day, spender, coalesce(sum(r.cost), 0), coalesce(sum(r.cost), 0),
        count(*) filter (where counts)
      from unnest(asked) r join unnest(stored) as kept (id) on kept.id = r.id,
        lateral (
          values ('*', (r.caps).workspace_calls is not null), (r.agent, (r.caps).agent_calls is not null)
        ) as either (spender, counts)
      where (r.cost > 0 or counts) and r."position" <> all (refused)
      group by r.day, spender
      order by spender <> '*', r.day, spender collate "C"
      on conflict (workspace_id, day, agent) do update
        set amount = s.amount + excluded.amount, reserved = s.reserved + excluded.reserved, calls = s.calls + excluded.calls;
    insert into session_spend as s (workspace_id, session, amount, reserved, calls, updated_at)
      select p_workspace, account, coalesce(sum(r.cost), 0), coalesce(sum(r.cost), 0),
        count(*) filter (where (r.caps).session_calls is not null), max(r.minute)
      from unnest(asked) r join unnest(stored) as kept (id) on kept.id = r.id,
        lateral (select coalesce((r.caps).account, r.session)) as charged (account)
      where (r.cost > 0 or (r.caps).session_calls is not null) and account is not null and r."position" <> all (refused)
      group by account
      order by account collate "C"
      on conflict (workspace_id, session) do update
        set amount = s.amount + excluded.amount, reserved = s.reserved + excluded.reserved,
          calls = s.calls + excluded.calls, updated_at = greatest(s.updated_at, excluded.updated_at);
  end if;

  if refused <> '{}' then
    insert into cap_breach (workspace_id, scope, measure, subject, period, "limit", used, asked, agent, action,
                            decision_id, resets_at, at)
      select distinct on (b.scope, b.measure, b.subject collate "C", b.period, b."limit")
        p_workspace, b.scope, b.measure, coalesce(b.subject, ''), b.period, b."limit", b.used, b.asked, r.agent, r.action,
        r.id, b.resets_at, r.minute
      from unnest(refused, because) as why (place, cap)
        join unnest(asked) r on r."position" = why.place
        join unnest(stored) as kept (id) on kept.id = r.id,
        json_to_record(why.cap) as b (scope text, measure text, subject text, period text, "limit" numeric,
          used numeric, asked numeric, resets_at timestamptz)
      order by b.scope, b.measure, b.subject collate "C", b.period, b."limit", r."position"
      on conflict do nothing;
  end if;

  return query
    select why.place, 'exhausted', null::uuid, why.cap from unnest(refused, because) as why (place, cap)
    union all
    select r."position",
      case when c.digest <> decode(r.digest, 'hex') then 'reused'
        when c.generation < r.generation then 'superseded'
        else 'repeated' end,
      c.decision_id, null::json
    from unnest(asked) r
    join request_claim c on c.workspace_id = p_workspace and c.key_id = r.key_id and c.request_id = r.request_id
    where r."position" = any (lost);
end
$$;
