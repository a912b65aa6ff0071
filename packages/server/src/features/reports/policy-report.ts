import type { PolicyReport } from '@policy-studio/contract';
import type { RuleInput } from '@policy-studio/engine';
import type { Pool } from 'pg';
import { bundleInForce } from '../bundles/queries.js';
import { catalogOf } from '../catalog/queries.js';
import { type ChangeStory, type RolloutMoment, storyOf } from './change-story.js';

const dayMs = 24 * 3_600_000;
const mostChanges = 1_000;
const mostMoments = 50_000;
const mostUncovered = 50;
const targets = { rolledBack: 0.05, canariesPassed: 0.9, actionsCovered: 1, rollbackSeconds: 300 } as const;

type Figures = PolicyReport['figures'];
type Verdict = Figures['rolled_back']['verdict'];

/** The five figures of the last `days`. */
export async function policyReport(pool: Pool, workspaceId: number, days: number, now: Date): Promise<PolicyReport> {
  const from = new Date(now.getTime() - days * dayMs);
  const stories = await storiesSince(pool, workspaceId, from);
  const decided = stories.filter(({ arrived, rolledBack }) => arrived || rolledBack !== null);
  const canaries = decided.filter(({ isCanary }) => isCanary);
  const back = decided.filter(({ rolledBack }) => rolledBack !== null);
  const toRollback = back.flatMap(({ rolledBack }) => (rolledBack?.seconds == null ? [] : [rolledBack.seconds]));
  return {
    from: from.toISOString(),
    to: now.toISOString(),
    days,
    changes: decided.length,
    figures: {
      rolled_back: share(back.length, decided.length, targets.rolledBack, (value, target) => value < target),
      canaries_passed: share(
        canaries.filter(({ arrived, skipped }) => arrived && !skipped).length,
        canaries.length,
        targets.canariesPassed,
        (value, target) => value > target,
      ),
      actions_covered: await actionsCovered(pool, workspaceId),
      creation_to_activation: duration(await activationTimes(pool, workspaceId, from), null),
      time_to_rollback: duration(toRollback, targets.rollbackSeconds),
    },
  };
}

function share(
  count: number,
  of: number,
  target: number,
  meets: (value: number, target: number) => boolean,
): Figures['rolled_back'] {
  const value = of === 0 ? null : count / of;
  return { count, of, share: value, target, verdict: value === null ? 'unknown' : verdict(meets(value, target)) };
}

function duration(seconds: readonly number[], targetSeconds: number | null): Figures['time_to_rollback'] {
  const median = medianOf(seconds);
  return {
    median_seconds: median,
    count: seconds.length,
    target_seconds: targetSeconds,
    verdict: median === null || targetSeconds === null ? 'unknown' : verdict(median < targetSeconds),
  };
}

function verdict(met: boolean): Verdict {
  return met ? 'met' : 'missed';
}

function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}

/** The newest rollouts that began in this time, each as it went. */
async function storiesSince(pool: Pool, workspaceId: number, from: Date): Promise<ChangeStory[]> {
  const rollouts = await pool.query<{ id: number; incident_at: Date | null }>(
    `select id, (
         select min(i.created_at) from incident i
          where i.workspace_id = $1 and (i.key = 'rollout/' || rollout.id or starts_with(i.key, 'rollout/' || rollout.id || '/'))
       ) as incident_at
       from rollout where workspace_id = $1 and created_at >= $2 order by id desc limit ${mostChanges}`,
    [workspaceId, from],
  );
  const { rows } = await pool.query<RolloutMoment & { readonly subject: string }>(
    `select subject, kind, at, actor, data from (
       select e.seq, e.subject, e.kind, e.at, e.actor,
         json_build_object('from', e.data->'from', 'to', e.data->'to', 'holds', e.data->'holds',
           'skipped', e.data->'asked_first_by' is not null) as data
       from unnest($2::text[]) as s (subject), lateral (
         select * from event where workspace_id = $1 and event.subject = s.subject
           and kind in ('rollout.started', 'rollout.promoted', 'rollout.held', 'rollout.released', 'rollout.rolled_back')
       ) e order by e.seq desc limit ${mostMoments}
     ) moments order by seq`,
    [workspaceId, rollouts.rows.map(({ id }) => `rollout/${id}`)],
  );
  const bySubject = grouped(rows);
  return rollouts.rows.map(({ id, incident_at: incidentAt }) =>
    storyOf(bySubject.get(`rollout/${id}`) ?? [], incidentAt),
  );
}

function grouped<T extends { readonly subject: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.subject);
    if (group) group.push(row);
    else groups.set(row.subject, [row]);
  }
  return groups;
}

async function actionsCovered(pool: Pool, workspaceId: number): Promise<Figures['actions_covered']> {
  const { compiled } = await catalogOf(pool, workspaceId);
  const inForce = await bundleInForce(pool, workspaceId);
  const rules = ((inForce?.rules ?? []) as unknown as readonly RuleInput[]).map(
    ({ agent, action, enabled = true }) => ({ agent, action, enabled }),
  );
  const { actions, covered, uncovered } = compiled.coverage(rules);
  const counted = share(covered, actions, targets.actionsCovered, (value, target) => value >= target);
  return { ...counted, uncovered: uncovered.slice(0, mostUncovered) };
}

/** Seconds from a draft's creation to its first activation, of the bundles first activated in this time. */
async function activationTimes(pool: Pool, workspaceId: number, from: Date): Promise<number[]> {
  const { rows } = await pool.query<{ seconds: number }>(
    `select extract(epoch from r.activated_at - b.created_at)::float8 as seconds
       from (select bundle_id, min(created_at) as activated_at from rollout where workspace_id = $1 group by bundle_id) r
       join bundle b on b.id = r.bundle_id and b.workspace_id = $1
      where r.activated_at >= $2 order by r.activated_at desc limit ${mostChanges}`,
    [workspaceId, from],
  );
  return rows.map(({ seconds }) => Math.max(0, seconds));
}
