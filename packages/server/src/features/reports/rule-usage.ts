import type { RuleUsage } from '@policy-studio/contract';
import type { Pool } from 'pg';
import { idBound } from '../decisions/queries.js';

const dayMs = 24 * 3_600_000;
/** Decisions that are looked at. */
const lookedAt = 50_000;

interface Found {
  readonly looked_at: number;
  readonly decided: number;
  readonly no_match: number;
  readonly watched: number;
  readonly rules: RuleUsage['rules'] | null;
}

const statement = `
  with looked as materialized (
    select id, bundle_id, rule_id, effect, policy_effect, failed,
      case when detail->'rollout'->'shadow' is not null then detail->'rollout'->'shadow' end as watching
    from decision where workspace_id = $1 and id >= $2 order by id desc limit ${lookedAt}
  ), answers as materialized (
    select rule_id, id, 1 as decided, 0 as watched, failed, effect <> policy_effect as overridden
    from looked where bundle_id = $3
    union all
    select watching->>'matched_rule', id, 0, 1, false, false
    from looked where bundle_id is distinct from $3 and watching->'bundle'->>'id' = $3::text
      and watching->>'effect' is not null
  ), by_rule as (
    select rule_id, sum(decided) as decided, sum(watched) as watched, count(*) filter (where failed) as failed,
      count(*) filter (where overridden) as overridden, max(id::text) as last_id
    from answers where rule_id is not null group by rule_id
  )
  select (select count(*) from looked) as looked_at,
    (select coalesce(sum(decided), 0) from answers) as decided,
    (select coalesce(sum(decided) filter (where rule_id is null), 0) from answers) as no_match,
    (select coalesce(sum(watched), 0) from answers) as watched,
    (select json_agg(json_build_object('rule_id', rule_id, 'decided', decided, 'failed', failed, 'overridden', overridden,
        'watched', watched, 'last_at', to_char(to_timestamp(
          ('x' || lpad(substr(replace(last_id, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint / 1000.0
        ) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      order by decided desc, watched desc, rule_id) from by_rule) as rules`;

/** What the rules of a bundle decided in the last `days`, of the newest decisions of that time. */
export async function ruleUsage(
  pool: Pool,
  workspaceId: number,
  { bundleId, days }: { readonly bundleId: number; readonly days: number },
  now: Date,
): Promise<RuleUsage> {
  const from = now.getTime() - days * dayMs;
  const { rows } = await pool.query<Found>(statement, [workspaceId, idBound(from), bundleId]);
  const [found] = rows;
  if (!found) throw new Error('a query of counts has one row');
  return {
    bundle_id: bundleId,
    from: new Date(from).toISOString(),
    looked_at: found.looked_at,
    complete: found.looked_at < lookedAt,
    decided: found.decided,
    no_match: found.no_match,
    watched: found.watched,
    rules: found.rules ?? [],
  };
}
