import type { Effect, RolloutChanges } from '@policy-studio/contract';
import type { Pool } from 'pg';
import { idBound } from '../decisions/queries.js';
import type { RolloutRow } from '../rollouts/queries.js';

/** Decisions that are looked at, and groups that are told of. */
const lookedAt = 20_000;
const mostGroups = 200;
const examples = 5;

type Group = RolloutChanges['groups'][number];

interface GroupRow {
  readonly kind: Group['kind'];
  readonly agent: string;
  readonly action: string;
  readonly from_effect: Effect;
  readonly from_rule: string | null;
  readonly to_effect: Effect;
  readonly to_rule: string | null;
  readonly count: number;
  readonly examples: string[];
}

interface Found {
  readonly looked_at: number;
  readonly compared: number;
  readonly newly_denied: number;
  readonly newly_allowed: number;
  readonly other: number;
  readonly groups: GroupRow[] | null;
  readonly group_count: number;
}

// What decided and what watched: which of them is the candidate, the bundle says.
const statement = `
  with looked as materialized (
    select id, bundle_id, agent, action, policy_effect, rule_id, detail->'rollout' as rollout
    from decision where workspace_id = $1 and id >= $2 and id < $3 order by id desc limit ${lookedAt}
  ), compared as materialized (
    select id, agent, action,
      case when bundle_id = $5 then watching else policy_effect end as from_effect,
      case when bundle_id = $5 then watching_rule else rule_id end as from_rule,
      case when bundle_id = $5 then policy_effect else watching end as to_effect,
      case when bundle_id = $5 then rule_id else watching_rule end as to_rule
    from looked, lateral (
      select rollout->'shadow'->>'effect' as watching, rollout->'shadow'->>'matched_rule' as watching_rule
    ) as watched
    where rollout is not null and (rollout->>'id')::integer = $4 and watching is not null
  ), changed as (
    select *, case when to_effect = 'deny' then 'newly_denied' when from_effect = 'deny' then 'newly_allowed'
      else 'other' end as kind
    from compared where from_effect <> to_effect
  ), grouped as materialized (
    select kind, agent, action, from_effect, from_rule, to_effect, to_rule, count(*) as count,
      (array_agg(id order by id desc))[1:${examples}] as examples
    from changed group by 1, 2, 3, 4, 5, 6, 7
  )
  select (select count(*) from looked) as looked_at, (select count(*) from compared) as compared,
    (select count(*) from grouped) as group_count,
    (select coalesce(sum(count), 0) from grouped where kind = 'newly_denied') as newly_denied,
    (select coalesce(sum(count), 0) from grouped where kind = 'newly_allowed') as newly_allowed,
    (select coalesce(sum(count), 0) from grouped where kind = 'other') as other,
    (select json_agg(g) from (
      select * from grouped
      order by array_position(array['newly_denied', 'newly_allowed', 'other'], kind), count desc, agent, action, to_rule
      limit ${mostGroups}
    ) g) as groups`;

/** Decisions of the step a rollout is in (or was last in) that come out differently by the candidate. */
export async function rolloutChanges(pool: Pool, row: RolloutRow, now: Date): Promise<RolloutChanges> {
  const { workspace_id: workspaceId, id, bundle_id: bundleId, step_entered_at: entered } = row;
  const until = row.ended_at?.getTime() ?? now.getTime() + 60_000;
  const { rows } = await pool.query<Found>(statement, [
    workspaceId,
    idBound(entered.getTime()),
    idBound(until),
    id,
    bundleId,
  ]);
  const [found] = rows;
  if (!found) throw new Error('a query of counts has one row');
  const groups = found.groups ?? [];
  return {
    rollout_id: id,
    from: entered.toISOString(),
    looked_at: found.looked_at,
    complete: found.looked_at < lookedAt && found.group_count <= mostGroups,
    compared: found.compared,
    totals: { newly_denied: found.newly_denied, newly_allowed: found.newly_allowed, other: found.other },
    groups: groups.map((group) => ({
      kind: group.kind,
      agent: group.agent,
      action: group.action,
      from: { effect: group.from_effect, rule: group.from_rule },
      to: { effect: group.to_effect, rule: group.to_rule },
      count: group.count,
      examples: group.examples,
    })),
  };
}
