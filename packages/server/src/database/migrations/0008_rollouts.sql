-- The passage of one bundle from approval to all traffic, or back.
create table rollout (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  -- No foreign key: a rollout that never began gives its draft back, which may then be deleted.
  bundle_id integer not null,
  digest text not null,
  -- What is gone back to; null: nothing was in force before.
  previous_bundle_id integer references bundle (id),
  approval_id integer,
  phase text not null
    check (phase in ('approved', 'shadow', 'canary', 'baking', 'completed', 'rolled_back', 'aborted', 'superseded')),
  share_pct integer not null check (share_pct between 0 and 100),
  -- Grows by one with every step entered, so that evidence of one step never counts for another.
  step integer not null default 0,
  step_entered_at timestamptz not null,
  holds text[] not null default '{}',
  dwelled_ms bigint not null default 0,
  healthy_since timestamptz,
  sign_off text not null default 'not_needed' check (sign_off in ('not_needed', 'needed', 'given')),
  signed_off_by text,
  signed_off_at timestamptz,
  -- A skip of gates that waits for a second person: {target_pct, reason, by, at}. Gone with its step.
  skip_asked json,
  -- {steps, dwell_ms, bake_ms, on_breach, gates, critical}
  plan json not null,
  -- USD at which the costs of both arms are cut in this step: stable's p99 when the step began. null: they are not.
  cost_ceiling double precision,
  -- Compared and swapped by every command.
  generation integer not null default 1,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  check ((phase in ('completed', 'rolled_back', 'aborted', 'superseded')) = (ended_at is not null))
);
create unique index rollout_one_rising on rollout (workspace_id) where phase in ('shadow', 'canary');
create index rollout_newest on rollout (workspace_id, id desc);
create index rollout_running on rollout (workspace_id) where phase in ('shadow', 'canary', 'baking');
create index rollout_of_bundle on rollout (bundle_id, id desc);
-- What was activated before there were rollouts has arrived: every bundle in force has a rollout to go back by.
insert into rollout (workspace_id, bundle_id, digest, previous_bundle_id, approval_id, phase, share_pct, step,
                     step_entered_at, plan, created_by, created_at, updated_at, ended_at, end_reason)
  select b.workspace_id, b.id, b.digest,
    (select p.id from bundle p where p.workspace_id = b.workspace_id and p.status = 'superseded'
      order by p.activated_at desc nulls last, p.id desc limit 1),
    b.approval_id, 'completed', 100, 1, b.updated_at,
    '{"steps": [100], "dwell_ms": 0, "bake_ms": 0, "on_breach": "rollback",
      "gates": {"max_error_rate": 0.05, "max_deny_rate": 0.3, "max_cost_increase": 0.2, "min_sample_size": 100},
      "critical": {"max_error_rate": 0.1, "max_deny_rate": 0.5, "max_cost_increase": 0.5,
                   "max_no_match_increase": 0.2}}',
    coalesce(b.activated_by, 'system'), b.updated_at, b.updated_at, b.updated_at, 'completed'
  from bundle b where b.status = 'active';

-- Commands that named an Idempotency-Key: the first answer is given again. Kept as long as request ids.
create table command_answer (
  workspace_id integer not null references workspace (id),
  key_id integer not null,
  idempotency_key text not null,
  -- Of the command and its body: the same key for another command is refused.
  digest text not null,
  status integer not null,
  body json not null,
  at timestamptz not null,
  primary key (workspace_id, key_id, idempotency_key)
);
create index command_answer_age on command_answer (at);

-- After a rollback with nothing to go back to: the built-in safe bundle denies everything, whatever `default_effect`
-- says, until a bundle is activated.
alter table workspace add column safe boolean not null default false;

-- What the gates of a rollout's step weigh, for each principal whose evidence counts as one. Deltas are only ever
-- appended, a job folds them into the table and its sums, readers add all up.
--
-- arm `stable`: requests of principals outside the canary, as the previous bundle answered them.
-- arm `shadow`: the same requests, as the candidate would have answered them.
-- arm `canary`: requests of principals in the canary, as the candidate answered them (in baking: everybody's).
-- (`decision.arm` and the roll-ups say `stable` in baking, as from then on: the bundle tells the two apart.)
-- So `canary` and `shadow` together are the candidate on all traffic, and what is `newly_` so stands there, compared
-- with the other bundle on the same request. Effects are those of the policy, before overlays.
create table rollout_evidence (
  rollout_id integer not null,
  step integer not null,
  arm text not null,
  principal text not null,
  workspace_id integer not null,
  decisions bigint not null,
  -- Evaluations that exhausted their work limit or broke; they count in nothing below but `outcomes` and cost.
  failed bigint not null,
  mismatched bigint not null,
  denied bigint not null,
  -- needs_approval
  approvals bigint not null,
  unmatched bigint not null,
  -- Denied here and not by the other bundle; denied by the other and not here; the same of requests that no rule matched.
  newly_denied bigint not null,
  newly_allowed bigint not null,
  newly_unmatched bigint not null,
  newly_matched bigint not null,
  -- Reported outcomes of these decisions; of decisions whose evaluation failed they are left out.
  outcomes bigint not null,
  outcome_errors bigint not null,
  -- Reported, else reserved, else 0; each cut at the step's ceiling. None in `shadow`.
  cost_count bigint not null,
  cost_sum double precision not null,
  cost_squares double precision not null,
  -- The minute of the newest of these decisions.
  last_at timestamptz not null,
  primary key (rollout_id, step, arm, principal)
);
create index rollout_evidence_largest on rollout_evidence (rollout_id, step, arm, decisions desc);

create table rollout_evidence_delta (like rollout_evidence);
create index rollout_evidence_delta_step on rollout_evidence_delta (rollout_id, step);

-- What the folded rows of an arm add up to, so that a step with a million principals is read at once.
create table rollout_evidence_sum (
  like rollout_evidence,
  principals bigint not null,
  primary key (rollout_id, step, arm)
);
alter table rollout_evidence_sum drop column principal;

-- For what was decided in the last minutes, by whatever agents.
create index decision_rollup_minute on decision_rollup (workspace_id, minute);

-- A rollout's part of a decision, while one runs: {rollout_id, step, principal, arms: [{arm, what counts as 1 ...}]}.
alter type decision_input add attribute evidence json;

-- As before (0004_decisions.sql), and with `p_evidence` what the rows say for a rollout, of those that are recorded.
drop function record_decisions(integer, json, boolean, boolean, boolean);
create function record_decisions(
  p_workspace integer, p_rows json, p_claims boolean, p_costs boolean, p_given boolean, p_evidence boolean default false
)
returns table (at_position integer, verdict text, stored_id uuid)
language plpgsql as $$
declare
  asked decision_input[] := array(select r from json_populate_recordset(null::decision_input, p_rows) r);
  lost integer[] := '{}';
  refused integer[] := '{}';
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
        refused := refused || candidate.place;
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
    from unnest(asked) r, lateral (select r."position" = any (refused)) as cap (refuses)
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

  if p_costs then
    insert into daily_spend as s (workspace_id, day, agent, amount)
      select p_workspace, r.day, spender, sum(r.cost)
      from unnest(asked) r join unnest(stored) as kept (id) on kept.id = r.id,
        lateral (values ('*'), (r.agent)) as either (spender)
      where r.cost > 0 and r."position" <> all (refused)
      group by r.day, spender
      order by r.day, spender collate "C"
      on conflict (workspace_id, day, agent) do update set amount = s.amount + excluded.amount;
    insert into session_spend as s (workspace_id, session, amount, updated_at)
      select p_workspace, r.session, sum(r.cost), max(r.minute)
      from unnest(asked) r join unnest(stored) as kept (id) on kept.id = r.id
      where r.cost > 0 and r.session is not null and r."position" <> all (refused)
      group by r.session
      order by r.session collate "C"
      on conflict (workspace_id, session) do update
        set amount = s.amount + excluded.amount, updated_at = greatest(s.updated_at, excluded.updated_at);
  end if;

  return query
    select place, 'exhausted', null::uuid from unnest(refused) as place
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

-- `ignore`: what this key gives as a session tells nothing about who asks, so its evidence counts by key and agent.
alter table api_key add column session text not null default 'trust' check (session in ('trust', 'ignore'));
