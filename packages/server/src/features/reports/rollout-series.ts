import type { RolloutSeries, SeriesQuery } from '@policy-studio/contract';
import type { Pool } from 'pg';
import { type ArmEvidence, evidenceOf } from '../decisions/queries.js';
import { type RolloutRow, rolloutSummary } from '../rollouts/queries.js';
import { rollupRows } from './rollup-rows.js';

const minuteMs = 60_000;

type Measure = RolloutSeries['measures'][number];
type Point = Measure['canary'][number];

interface PartRow {
  readonly part: number;
  readonly candidate: boolean;
  readonly decisions: number;
  readonly denied: number;
  readonly failed: number;
  readonly unmatched: number;
  readonly cost: number;
}
type Counted = 'denied' | 'failed' | 'unmatched' | 'cost';

/** How sure the figures of an arm are: by how much more principals vary than single decisions, and costs among them. */
interface Spread {
  readonly designEffect: number;
  readonly costVariance: number;
}

/** What the gates measure over the time of a step, or of the whole rollout, in both arms. */
export async function rolloutSeries(
  pool: Pool,
  row: RolloutRow,
  { points, span }: SeriesQuery,
  now: Date,
): Promise<RolloutSeries> {
  const begun = (span === 'step' ? row.step_entered_at : row.created_at).getTime();
  const fromMs = begun - (begun % minuteMs);
  const toMs = Math.max(row.ended_at?.getTime() ?? now.getTime(), begun + 1);
  const lengthMs = Math.max(1, Math.ceil((toMs - fromMs) / points / minuteMs)) * minuteMs;
  const parts = Math.ceil((toMs - fromMs) / lengthMs);
  const rows = await partRows(pool, row, { fromMs, toMs, lengthMs });
  const evidence = await evidenceOf(pool, row.id, row.step);
  const spread = { canary: spreadOf(evidence.canary), stable: spreadOf(evidence.stable) };
  const { gates, critical } = row.plan;
  const measure = (gate: Measure['gate'], count: Counted, limits: Omit<Measure, 'gate' | 'canary' | 'stable'>) => {
    const arm = (candidate: boolean): Point[] => {
      const own = rows.filter((one) => one.candidate === candidate);
      return pointsOf(own, { parts, count, spread: candidate ? spread.canary : spread.stable });
    };
    return { gate, ...limits, canary: arm(true), stable: arm(false) };
  };
  const share = (limit: number | null, criticalLimit: number | null, relative = false) =>
    ({ unit: 'share', limit, critical_limit: criticalLimit, relative }) as const;
  return {
    rollout_id: row.id,
    phase: row.phase,
    share_pct: row.share_pct,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    bucket_seconds: lengthMs / 1000,
    next: nextOf(row, now),
    canary: { bundle_id: row.bundle_id, version: row.version, design_effect: spread.canary.designEffect },
    stable: {
      bundle_id: row.previous_bundle_id,
      version: row.previous_version,
      design_effect: spread.stable.designEffect,
    },
    at: Array.from({ length: parts }, (_, part) => new Date(fromMs + part * lengthMs).toISOString()),
    measures: [
      measure('deny_rate', 'denied', share(gates.max_deny_rate, critical.max_deny_rate)),
      measure('error_rate', 'failed', share(gates.max_error_rate, critical.max_error_rate)),
      measure('no_match', 'unmatched', share(null, critical.max_no_match_increase, true)),
      measure('cost_increase', 'cost', {
        unit: 'usd',
        limit: gates.max_cost_increase,
        critical_limit: critical.max_cost_increase,
        relative: true,
      }),
    ],
  };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lengthMs: number;
}

async function partRows(pool: Pool, row: RolloutRow, { fromMs, toMs, lengthMs }: Span): Promise<PartRow[]> {
  const columns = 'minute, bundle_id, effect, decisions, failed, unmatched, cost';
  const where = 'minute >= $2 and minute < $3 and bundle_id in ($4, $5)';
  const { rows } = await pool.query<PartRow>(
    `select floor(extract(epoch from minute - $2) / $6)::integer as part, bundle_id = $4 as candidate,
       sum(decisions) as decisions, coalesce(sum(decisions) filter (where effect = 'deny'), 0) as denied,
       sum(failed) as failed, sum(unmatched) as unmatched, sum(cost)::float8 as cost
     from ${rollupRows(columns, where)} group by 1, 2 order by 1`,
    [
      row.workspace_id,
      new Date(fromMs),
      new Date(toMs),
      row.bundle_id,
      row.previous_bundle_id ?? row.bundle_id,
      lengthMs / 1000,
    ],
  );
  return rows;
}

interface Drawn {
  readonly parts: number;
  readonly count: Counted;
  readonly spread: Spread;
}

function pointsOf(rows: readonly PartRow[], { parts, count, spread }: Drawn): Point[] {
  const byPart = new Map(rows.map((row) => [row.part, row]));
  let decisions = 0;
  let counted = 0;
  return Array.from({ length: parts }, (_, part) => {
    const own = byPart.get(part);
    decisions += own?.decisions ?? 0;
    counted += own?.[count] ?? 0;
    const here = { decisions: own?.decisions ?? 0, rate: own && own.decisions > 0 ? own[count] / own.decisions : null };
    if (decisions === 0) return { ...here, value: null, low: null, high: null };
    const value = counted / decisions;
    const sure = decisions / spread.designEffect;
    return { ...here, value, ...(count === 'cost' ? around(value, spread.costVariance, sure) : wilson(value, sure)) };
  });
}

/** 97.5 % of a normal distribution lie below it. */
const z = 1.959964;

/** The interval of a share that was seen in so many independent observations (Wilson 1927). */
function wilson(share: number, count: number): { low: number; high: number } {
  const shrink = 1 + (z * z) / count;
  const middle = (share + (z * z) / (2 * count)) / shrink;
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

function around(mean: number, variance: number, count: number): { low: number; high: number } {
  const half = z * Math.sqrt(variance / count);
  return { low: Math.max(0, mean - half), high: mean + half };
}

/**
 * Those who ask often answer alike, so a thousand decisions of ten principals tell less than a thousand of a thousand:
 * the ratio of the variance between principals to that of single decisions. With one principal all is one observation.
 */
function spreadOf({ byPrincipal, principals, cost }: ArmEvidence): Spread {
  const sum = (count: 'decisions' | 'denied'): number => byPrincipal.reduce((all, one) => all + one[count], 0);
  const decisions = sum('decisions');
  const mean = cost.count === 0 ? 0 : cost.sum / cost.count;
  const costVariance = cost.count === 0 ? 0 : Math.max(0, cost.squares / cost.count - mean * mean);
  if (decisions === 0) return { designEffect: 1, costVariance };
  if (principals < 2) return { designEffect: Math.max(1, decisions), costVariance };
  const share = sum('denied') / decisions;
  const plain = decisions * share * (1 - share);
  const between = byPrincipal.reduce((all, one) => all + (one.denied - share * one.decisions) ** 2, 0);
  const designEffect = plain === 0 ? 1 : Math.max(1, (between / plain) * (principals / (principals - 1)));
  return { designEffect, costVariance };
}

function nextOf(row: RolloutRow, now: Date): RolloutSeries['next'] {
  const {
    dwell_seconds: needed,
    dwelled_seconds: had,
    holds,
    phase,
    ...rest
  } = rolloutSummary(row, null, 'viewer', now);
  const held = holds.length > 0;
  if (phase !== 'shadow' && phase !== 'canary' && phase !== 'baking') {
    return { step_pct: null, seconds_left: null, at: null, held };
  }
  const left = Math.max(0, needed - had);
  const at = new Date(now.getTime() + left * 1000).toISOString();
  return { step_pct: rest.next_step_pct, seconds_left: left, at, held };
}
