import {
  type Bucket,
  buckets as bucketNames,
  bucketSeconds,
  type DecisionSummary,
  type DecisionSummaryQuery,
  mostBuckets,
} from '@policy-studio/contract';
import type { Pool } from 'pg';
import { type Refusal, refuse } from '../../refusal.js';
import { rollupRows } from './rollup-rows.js';

const hourMs = 3_600_000;
const defaultSpanMs = 24 * hourMs;
/** Without a `bucket` no more than this many. */
const handyBuckets = 200;
/** Shorter buckets than an hour say nothing over more than this. */
const fineSpanMs = 48 * hourMs;

type Counts = DecisionSummary['totals'];
const none: Counts = { decisions: 0, allow: 0, deny: 0, needs_approval: 0, no_match: 0, failed: 0, cost: 0 };

interface CountRow extends Counts {
  readonly at: number;
}

/** Decisions of a time by effect, in buckets aligned to UTC, or `validation_failed` for a time that will not do. */
export async function decisionSummary(
  pool: Pool,
  workspaceId: number,
  query: DecisionSummaryQuery,
  now: Date,
): Promise<DecisionSummary | Refusal> {
  const span = spanOf(query, now);
  if (!('bucket' in span)) return span;
  const { fromMs, toMs, bucket } = span;
  const lengthMs = bucketSeconds[bucket] * 1000;
  const values: unknown[] = [workspaceId, new Date(fromMs), new Date(toMs), bucketSeconds[bucket]];
  const where = (['agent', 'action', 'bundle_id'] as const).flatMap((column) =>
    query[column] === undefined ? [] : [`${column} = $${values.push(query[column])}`],
  );
  const matched = (effect: string): string =>
    `coalesce(sum(decisions - unmatched) filter (where effect = '${effect}'), 0) as ${effect}`;
  const { rows } = await pool.query<CountRow>(
    `select (floor(extract(epoch from minute) / $4) * $4)::float8 as at, coalesce(sum(decisions), 0) as decisions,
       ${['allow', 'deny', 'needs_approval'].map(matched).join(', ')},
       coalesce(sum(unmatched), 0) as no_match, coalesce(sum(failed), 0) as failed, coalesce(sum(cost), 0)::float8 as cost
     from ${rollupRows('minute, effect, decisions, unmatched, failed, cost', ['minute >= $2', 'minute < $3', ...where].join(' and '))}
     group by 1 order by 1`,
    values,
  );
  const found = new Map(rows.map(({ at, ...counts }) => [at * 1000, counts]));
  const filled: DecisionSummary['buckets'] = [];
  const totals = { ...none };
  for (let at = fromMs; at < toMs; at += lengthMs) {
    const counts = found.get(at) ?? none;
    filled.push({ at: new Date(at).toISOString(), ...counts });
    for (const name of Object.keys(none) as (keyof Counts)[]) totals[name] += counts[name];
  }
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), bucket, buckets: filled, totals };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bucket: Bucket;
}

/** The time asked for, out to whole buckets. */
function spanOf({ from, to, bucket: asked }: DecisionSummaryQuery, now: Date): Span | Refusal {
  const toMs = to === undefined ? now.getTime() : Date.parse(to);
  const fromMs = from === undefined ? toMs - defaultSpanMs : Date.parse(from);
  if (fromMs >= toMs) return refuse('validation_failed', '`from` is not before `to`; give an earlier `from`');
  const fits = (bucket: Bucket, most: number): boolean => {
    const lengthMs = bucketSeconds[bucket] * 1000;
    return Math.ceil((toMs - fromMs) / lengthMs) <= most && (lengthMs >= hourMs || toMs - fromMs <= fineSpanMs);
  };
  const bucket = asked ?? bucketNames.find((name) => fits(name, handyBuckets)) ?? '1d';
  if (!fits(bucket, mostBuckets)) {
    return refuse(
      'validation_failed',
      `the time from \`from\` to \`to\` is too long for buckets of \`${bucket}\`: at most ${mostBuckets} of them, and 48 hours below \`1h\`; ask for longer ones, or for less time`,
    );
  }
  const lengthMs = bucketSeconds[bucket] * 1000;
  return { fromMs: Math.floor(fromMs / lengthMs) * lengthMs, toMs: Math.ceil(toMs / lengthMs) * lengthMs, bucket };
}
