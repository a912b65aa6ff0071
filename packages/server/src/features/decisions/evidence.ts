import { type CostSums, quantile } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import type { EvidenceArm } from './arms.js';
import { idBound, timeOfId } from './decision-id.js';
import { foldBlocks, forgetBlocks } from './evidence-blocks.js';
import type { DecisionRow } from './record.js';

/** What one principal did in one arm of one step. */
export interface PrincipalEvidence {
  readonly decisions: number;
  /** Evaluations that threw or exhausted their work; they count in nothing below. */
  readonly failed: number;
  readonly denied: number;
  readonly approvals: number;
  /** Decided by the default effect. */
  readonly unmatched: number;
  /** With at least one type mismatch. */
  readonly mismatched: number;
  /** Denied here and not by the other bundle to the same request; denied by the other and not here. */
  readonly newlyDenied: number;
  readonly newlyAllowed: number;
  /** Without a rule here and with one in the other bundle; the other way round. */
  readonly newlyUnmatched: number;
  readonly newlyMatched: number;
  /** Reported of these decisions, and of those the failed ones. */
  readonly outcomes: number;
  readonly outcomeErrors: number;
}

export interface ArmEvidence {
  /**
   * The thousand that decided most, one by one, largest first; all the others in equal parts, none larger than a
   * hundredth of them, so that the many small ones are never taken for one large one.
   */
  readonly byPrincipal: readonly PrincipalEvidence[];
  /** How many there are, all told. */
  readonly principals: number;
  /** Winsorised at the ceiling of the step. Empty for `shadow`. */
  readonly cost: CostSums;
  /** The same without the principal whose decisions cost most, of the thousand. */
  readonly costOfOthers: CostSums;
  /** The minute of the newest decision; null: there is none. */
  readonly lastAt: Date | null;
}

export type EvidenceByArm = Readonly<Record<EvidenceArm, ArmEvidence>>;

const counts = [
  ['decisions', 'decisions'],
  ['failed', 'failed'],
  ['denied', 'denied'],
  ['approvals', 'approvals'],
  ['unmatched', 'unmatched'],
  ['mismatched', 'mismatched'],
  ['newlyDenied', 'newly_denied'],
  ['newlyAllowed', 'newly_allowed'],
  ['newlyUnmatched', 'newly_unmatched'],
  ['newlyMatched', 'newly_matched'],
  ['outcomes', 'outcomes'],
  ['outcomeErrors', 'outcome_errors'],
] as const satisfies readonly (readonly [keyof PrincipalEvidence, string])[];
const costs = ['cost_count', 'cost_sum', 'cost_squares'] as const;
const summed = [...counts.map(([, column]) => column), ...costs];

const largestOnes = 1_000;
const restParts = 100;

interface ArmRow {
  readonly arm: EvidenceArm;
  readonly principals: number;
  readonly last_at: Date | null;
  /** In the order of `summed`. */
  readonly total: readonly number[];
  readonly largest: readonly (readonly number[])[] | null;
}

const sums = (prefix: string): string => summed.map((column) => `sum(${prefix}${column}) as ${column}`).join(', ');
const list = (prefix: string): string => summed.map((column) => `${prefix}${column}`).join(', ');

/**
 * One statement, so that what a fold moves meanwhile is seen once. Who is among the largest is either seen in a delta or
 * among the largest that are folded; both are few beside all principals.
 */
const evidenceStatement = `
  with recent as materialized (
    select arm, principal, ${sums('')}, max(last_at) as last_at
    from rollout_evidence_delta where rollout_id = $1 and step = $2 group by arm, principal
  ), seen as materialized (
    select r.arm, r.principal, f.principal is null as is_new,
      ${summed.map((column) => `r.${column} + coalesce(f.${column}, 0) as ${column}`).join(', ')}
    from recent r left join rollout_evidence f
      on f.rollout_id = $1 and f.step = $2 and f.arm = r.arm and f.principal = r.principal
  ), largest_folded as materialized (
    select f.arm, f.principal, ${list('f.')} from unnest(array['stable', 'canary', 'shadow']) as a (arm), lateral (
      select * from rollout_evidence where rollout_id = $1 and step = $2 and rollout_evidence.arm = a.arm
      order by decisions desc limit ${largestOnes}
    ) f
  ), ranked as (
    select arm, ${list('')}, row_number() over (partition by arm order by decisions desc) as place from (
      select arm, ${list('')} from seen
      union all
      select f.arm, ${list('f.')} from largest_folded f left join seen s using (arm, principal) where s.principal is null
    ) every
  ), largest as (
    select arm, json_agg(json_build_array(${list('')}) order by place) as rows from ranked
    where place <= ${largestOnes} group by arm
  ), total as (
    select arm, sum(principals) as principals, max(last_at) as last_at, ${sums('')} from (
      select arm, principals, last_at, ${list('')} from rollout_evidence_sum where rollout_id = $1 and step = $2
      union all
      select arm, 0, max(last_at), ${sums('')} from recent group by arm
      union all
      select arm, count(*), null, ${summed.map(() => '0').join(', ')} from seen where is_new group by arm
    ) parts group by arm
  )
  select t.arm, t.principals, t.last_at, json_build_array(${list('t.')}) as total, l.rows as largest
  from total t left join largest l using (arm)`;

/** What was seen in one step of a rollout, folded or not; arms that saw nothing are empty. */
export async function evidenceOf(db: Pool | PoolClient, rolloutId: number, step: number): Promise<EvidenceByArm> {
  const { rows } = await db.query<ArmRow>({
    name: 'rollout_evidence',
    text: evidenceStatement,
    values: [rolloutId, step],
  });
  const arm = (name: EvidenceArm): ArmEvidence => armEvidence(rows.find((row) => row.arm === name));
  return { stable: arm('stable'), canary: arm('canary'), shadow: arm('shadow') };
}

function armEvidence(row: ArmRow | undefined): ArmEvidence {
  if (row === undefined) {
    const cost = { count: 0, sum: 0, squares: 0 };
    return { byPrincipal: [], principals: 0, cost, costOfOthers: cost, lastAt: null };
  }
  const largest = row.largest ?? [];
  const others = row.principals - largest.length;
  const rest = row.total.map((value, column) => largest.reduce((left, one) => left - (one[column] ?? 0), value));
  const parts = Math.min(restParts, others);
  const part = principalEvidence(rest.map((value) => value / parts));
  const cost = costIn(row.total);
  const costliest = largest.map(costIn).reduce((most, one) => (one.sum > most.sum ? one : most), costIn([]));
  return {
    byPrincipal: [...largest.map(principalEvidence), ...Array.from({ length: parts }, () => part)],
    principals: row.principals,
    cost,
    costOfOthers: {
      count: cost.count - costliest.count,
      sum: cost.sum - costliest.sum,
      squares: cost.squares - costliest.squares,
    },
    lastAt: row.last_at,
  };
}

function costIn(values: readonly number[]): CostSums {
  const [count = 0, sum = 0, squares = 0] = values.slice(counts.length);
  return { count, sum, squares };
}

function principalEvidence(values: readonly number[]): PrincipalEvidence {
  return Object.fromEntries(
    counts.map(([name], column) => [name, values[column] ?? 0]),
  ) as unknown as PrincipalEvidence;
}

/** Decisions made since a time by a bundle, and by all others, to the minute. */
export async function decidedSince(
  db: Pool | PoolClient,
  workspaceId: number,
  bundleId: number,
  since: Date,
): Promise<{ readonly byBundle: number; readonly byOthers: number }> {
  const { rows } = await db.query<{ by_bundle: number; by_others: number }>(
    `select coalesce(sum(decisions) filter (where bundle_id = $2), 0) as by_bundle,
       coalesce(sum(decisions) filter (where bundle_id <> $2), 0) as by_others
     from (
       select bundle_id, decisions from decision_rollup where workspace_id = $1 and minute >= date_trunc('minute', $3::timestamptz)
       union all
       select bundle_id, decisions from decision_rollup_delta where workspace_id = $1 and minute >= date_trunc('minute', $3::timestamptz)
     ) r`,
    [workspaceId, bundleId, since],
  );
  return { byBundle: rows[0]?.by_bundle ?? 0, byOthers: rows[0]?.by_others ?? 0 };
}

/** USD that the decisions of a bundle cost since a time, to the minute: as reported, else as reserved. */
export async function spentSince(
  db: Pool | PoolClient,
  workspaceId: number,
  bundleId: number,
  since: Date,
): Promise<number> {
  const { rows } = await db.query<{ spent: number }>(
    `select coalesce(sum(cost), 0)::float8 as spent from (
       select cost from decision_rollup where workspace_id = $1 and bundle_id = $2 and minute > $3
       union all
       select cost from decision_rollup_delta where workspace_id = $1 and bundle_id = $2 and minute > $3
     ) both_tables`,
    [workspaceId, bundleId, since],
  );
  return rows[0]?.spent ?? 0;
}

/** How many decisions of the last day are looked at for a ceiling. */
const ceilingDecisions = 10_000;
/** Fewer costs than this say nothing about a tail. */
const leastCosts = 100;

/**
 * USD at which both arms' costs are cut in a step that begins now: the 99th percentile of what the decisions of this
 * bundle cost that cost anything, of its newest 10,000 within a day. null: fewer than 100 did.
 */
export async function costCeiling(
  db: Pool | PoolClient,
  workspaceId: number,
  bundleId: number,
  now: Date,
): Promise<number | null> {
  const { rows } = await db.query<{ cost: number }>(
    `select cost from (
       select bundle_id, case when effect = 'deny' then 0 else coalesce(outcome_cost, reserved, 0) end as cost
       from decision where workspace_id = $1 and id >= $3 order by id desc limit ${ceilingDecisions}
     ) newest where bundle_id = $2 and cost > 0`,
    [workspaceId, bundleId, idBound(now.getTime() - 24 * 3_600_000)],
  );
  if (rows.length < leastCosts) return null;
  return quantile(
    rows.map(({ cost }) => cost),
    0.99,
  );
}

/**
 * Adds what a reported outcome changes to the evidence of the decision's step: the outcome, whether it was an error, and
 * the difference to the cost that was counted. `cost` is the reported one; null: none that counts.
 */
export async function correctEvidence(
  tx: PoolClient,
  workspaceId: number,
  { id, session, reserved, detail: { rollout } }: DecisionRow,
  { error, cost }: { readonly error: boolean; readonly cost: number | null },
): Promise<void> {
  const counted = rollout?.counted;
  const principal = counted?.principal ?? session;
  if (!rollout || !counted || principal === null) return;
  const ceiling = counted.ceiling ?? Number.POSITIVE_INFINITY;
  const before = Math.min(reserved ?? 0, ceiling);
  const after = cost === null ? before : Math.min(cost, ceiling);
  const timeMs = timeOfId(id);
  await tx.query(
    `insert into rollout_evidence_delta (
       rollout_id, step, arm, principal, workspace_id, decisions, failed, mismatched, denied, approvals, unmatched,
       newly_denied, newly_allowed, newly_unmatched, newly_matched, outcomes, outcome_errors,
       cost_count, cost_sum, cost_squares, last_at
     ) values ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, $6, 0, $7, $8, $9)`,
    [
      rollout.id,
      rollout.step,
      counted.arm,
      principal,
      workspaceId,
      error ? 1 : 0,
      after - before,
      after * after - before * before,
      new Date(timeMs - (timeMs % 60_000)),
    ],
  );
}

const foldRows = 20_000;
const maxFolds = 20;
/** One folds at a time: sums are few rows that all would wait for. Arbitrary, but fixed for ever. */
const foldLock = 7_082_011_848;

/**
 * Folds the deltas of evidence into the table and its sums, in batches, and returns how many it took: all, or 400,000;
 * 0 when another server is at it.
 */
export async function foldEvidence(pool: Pool): Promise<number> {
  let folded = 0;
  for (let batch = 0; batch < maxFolds; batch += 1) {
    const taken = await foldBatch(pool);
    folded += taken;
    if (taken < foldRows) break;
  }
  await forgetBlocks(pool);
  return folded;
}

function foldBatch(pool: Pool): Promise<number> {
  return withTransaction(pool, async (tx) => {
    const lock = await tx.query<{ mine: boolean }>('select pg_try_advisory_xact_lock($1) as mine', [foldLock]);
    if (!lock.rows[0]?.mine) return 0;
    const { rows } = await tx.query<{ taken: number }>(foldStatement);
    return rows[0]?.taken ?? 0;
  });
}

const key = 'rollout_id, step, arm';
const addUp = summed.map((column) => `${column} = e.${column} + excluded.${column}`).join(', ');
const newest = 'last_at = greatest(e.last_at, excluded.last_at)';
const foldStatement = `
  with taken as (
    delete from rollout_evidence_delta
    where ctid = any (array(select ctid from rollout_evidence_delta limit ${foldRows} for update skip locked))
    returning *
  ), folded as (
    insert into rollout_evidence as e (${key}, principal, workspace_id, ${summed.join(', ')}, last_at)
    select ${key}, principal, workspace_id, ${sums('')}, max(last_at) from taken group by ${key}, principal, workspace_id
    on conflict (${key}, principal) do update set ${addUp}, ${newest}
    returning ${key}, xmax = 0 as is_new
  ), added as (
    select ${key}, count(*) filter (where is_new) as principals from folded group by ${key}
  ), blocks as (${foldBlocks}
  ), added_up as (
    insert into rollout_evidence_sum as e (${key}, workspace_id, ${summed.join(', ')}, last_at, first_at, principals)
    select t.*, a.principals from (
      select ${key}, workspace_id, ${sums('')}, max(last_at), min(arrived_at) from taken group by ${key}, workspace_id
    ) t join added a using (${key})
    on conflict (${key}) do update set ${addUp}, ${newest}, first_at = least(e.first_at, excluded.first_at),
      principals = e.principals + excluded.principals
  )
  select count(*) as taken from taken`;
