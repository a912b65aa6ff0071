import type { Playbook, Severity } from '@policy-studio/contract';
import { driftDetector, leastBaseline, percent } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { openIncident } from '../incidents/transaction.js';
import { type RolloutRow, rolloutColumns } from './queries.js';

const minuteMs = 60_000;
/** Minutes are read when this old: what a server wrote late, or with another clock, is in them by then. */
const settledMs = 2 * minuteMs;
/** What lies further back after a time without servers is not made up for. */
const furthestMs = 24 * 60 * minuteMs;

interface Tally {
  readonly decisions: number;
  readonly failed: number;
  readonly denied: number;
  readonly unmatched: number;
}

type Metric = Exclude<keyof Tally, 'decisions'>;

const metrics: readonly { readonly metric: Metric; readonly name: string; readonly severity: Severity }[] = [
  { metric: 'failed', name: 'error rate', severity: 'high' },
  { metric: 'denied', name: 'deny rate', severity: 'medium' },
  { metric: 'unmatched', name: 'share of requests without a rule', severity: 'medium' },
];

/** As it is kept with the rollout. */
export interface DriftState {
  /** The first minute that is not read yet, RFC 3339. */
  readonly up_to: string;
  readonly baseline: Tally;
  readonly levels: Readonly<Partial<Record<Metric, number>>>;
}

interface Minute extends Tally {
  readonly minute: Date;
}

interface Alarm {
  readonly metric: (typeof metrics)[number];
  readonly minute: Date;
  /** Of that minute. */
  readonly rate: number;
  readonly before: number;
  readonly sample: number;
}

/**
 * The state after some minutes, in order, and the alarms that they raise. Pure. Minutes are the baseline until there are
 * enough decisions for one; an alarm begins anew.
 */
export function watchMinutes(
  state: DriftState,
  minutes: readonly Minute[],
): { readonly baseline: Tally; readonly levels: DriftState['levels']; readonly alarms: readonly Alarm[] } {
  let { baseline } = state;
  const levels: Partial<Record<Metric, number>> = { ...state.levels };
  const alarms: Alarm[] = [];
  for (const minute of minutes) {
    if (baseline.decisions < leastBaseline) {
      baseline = plus(baseline, minute);
      continue;
    }
    for (const metric of metrics) {
      const level = nextLevel(baseline, metric.metric, levels[metric.metric] ?? 0, minute);
      levels[metric.metric] = level ?? 0;
      if (level !== null) continue;
      const [rate, before] = [minute, baseline].map((one) => one[metric.metric] / one.decisions) as [number, number];
      alarms.push({ metric, minute: minute.minute, rate, before, sample: minute.decisions });
    }
  }
  return { baseline, levels, alarms };
}

/** The level after a minute; null: an alarm. */
function nextLevel(baseline: Tally, metric: Metric, level: number, minute: Minute): number | null {
  const detector = driftDetector(countsOf(baseline, metric));
  if (detector === null) return 0;
  const next = detector.next(level, countsOf(minute, metric));
  return next >= detector.alarmAt ? null : next;
}

function countsOf(tally: Tally, metric: Metric): { bad: number; good: number } {
  return { bad: tally[metric], good: tally.decisions - tally[metric] };
}

function plus(a: Tally, b: Tally): Tally {
  return {
    decisions: a.decisions + b.decisions,
    failed: a.failed + b.failed,
    denied: a.denied + b.denied,
    unmatched: a.unmatched + b.unmatched,
  };
}

/**
 * Watches the bundle that decides everything after its rollout was completed, minute by minute, against what it did while
 * it baked. A change for the worse is an incident and moves nothing: what is rolled back after the end is said in
 * `incident-rollback.ts`. Any server may do it; one does at a time.
 */
export async function watchDrift(pool: Pool, workspaceId: number, now: Date): Promise<void> {
  const settled = floorMinute(now.getTime() - settledMs);
  const row = await watchedRollout(pool, workspaceId);
  if (!row || (row.drift && Date.parse(row.drift.up_to) >= settled)) return;
  await withTransaction(pool, async (tx) => {
    const locked = await tx.query<{ drift: DriftState | null }>(
      `select drift from rollout where workspace_id = $1 and id = $2 for update skip locked`,
      [workspaceId, row.id],
    );
    if (!locked.rows[0]) return;
    const state = locked.rows[0].drift ?? (await firstState(tx, row));
    const from = Math.max(Date.parse(state.up_to), settled - furthestMs);
    if (from >= settled) return;
    const minutes = await minutesOf(tx, row, new Date(from), new Date(settled));
    const { baseline, levels, alarms } = watchMinutes(state, minutes);
    const next: DriftState = { up_to: new Date(settled).toISOString(), baseline, levels };
    await tx.query('update rollout set drift = $2 where id = $1', [row.id, JSON.stringify(next)]);
    for (const alarm of alarms) await pageDrift(tx, row, alarm, now);
  });
}

type Watched = RolloutRow & { readonly drift: DriftState | null };

async function watchedRollout(pool: Pool, workspaceId: number): Promise<Watched | null> {
  const { rows } = await pool.query<Watched>(
    `select ${rolloutColumns}, drift from rollout
      where workspace_id = $1 and phase = 'completed'
        and bundle_id = (select id from bundle where workspace_id = $1 and status = 'active')
      order by id desc limit 1`,
    [workspaceId],
  );
  return rows[0] ?? null;
}

async function firstState(tx: PoolClient, row: RolloutRow): Promise<DriftState> {
  const end = new Date(floorMinute((row.ended_at ?? row.updated_at).getTime()));
  const baked = await minutesOf(tx, row, row.step_entered_at, end);
  const nothing: Tally = { decisions: 0, failed: 0, denied: 0, unmatched: 0 };
  return { up_to: end.toISOString(), baseline: baked.reduce<Tally>(plus, nothing), levels: {} };
}

/** What the bundle decided in each minute; those in which an emergency switch was on say nothing about it. */
async function minutesOf(tx: PoolClient, row: RolloutRow, from: Date, to: Date): Promise<Minute[]> {
  const { rows } = await tx.query<Minute>(
    `select minute, sum(decisions)::float8 as decisions, sum(failed)::float8 as failed,
            coalesce(sum(decisions) filter (where effect = 'deny'), 0)::float8 as denied, sum(unmatched)::float8 as unmatched
       from (
         select minute, effect, decisions, failed, unmatched from decision_rollup
          where workspace_id = $1 and bundle_id = $2 and minute >= $3 and minute < $4
         union all
         select minute, effect, decisions, failed, unmatched from decision_rollup_delta
          where workspace_id = $1 and bundle_id = $2 and minute >= $3 and minute < $4) both_tables
      where not exists (
        select from emergency_pin p where p.workspace_id = $1 and p.started_at < minute + interval '1 minute'
           and coalesce(p.ended_at, p.until_at) >= minute)
      group by minute having sum(decisions) > 0 order by minute`,
    [row.workspace_id, row.bundle_id, from, to],
  );
  return rows;
}

const playbooks: readonly Playbook[] = [
  {
    title: 'A bundle behaves otherwise than when it was rolled out',
    steps: [
      'Look at the decisions since the minute named in the details: policy-studio decisions list',
      'A tool that fails, an agent that is new, or a list that changed is more likely than the rules, which are the same',
      'If the rules are at fault: policy-studio bundles rollback, with a reason',
      'Resolve this incident when the rate is back, or when it is understood and right',
    ],
    url: null,
  },
];

async function pageDrift(tx: PoolClient, row: RolloutRow, alarm: Alarm, now: Date): Promise<void> {
  const { metric, minute, rate, before, sample } = alarm;
  await openIncident(tx, {
    workspaceId: row.workspace_id,
    kind: 'drift',
    key: `rollout/${row.id}/drift/${metric.metric}`,
    severity: metric.severity,
    summary: `the ${metric.name} of bundle ${row.version ?? row.bundle_id} has risen since its rollout: ${percent(rate)} at last, ${percent(before)} when it baked`,
    details: {
      rollout_id: row.id,
      minute: minute.toISOString(),
      metric: { name: metric.metric, before, after: rate, limit: null, sample },
      bundles: { from: row.bundle_id },
    },
    playbooks,
    at: now,
    actor: 'controller',
  });
}

function floorMinute(ms: number): number {
  return ms - (ms % minuteMs);
}
