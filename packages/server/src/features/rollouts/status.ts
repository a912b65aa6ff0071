import type { BodyOf, CanaryStatus, Gate, GateCheck, operations } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bundleHead, noBundle } from '../bundles/queries.js';
import { settingsOf } from '../settings/queries.js';
import { checkMetrics } from './check-gates.js';
import { type Judged, judged, newestRolloutOf, stateOf } from './queries.js';
import { durationText, dwelled, isOver, nextStep, transition } from './transition.js';

/** How far a bundle has come, and what is next. */
export async function canaryStatus(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  { workspaceId }: Caller,
  bundleId: number,
): Promise<CanaryStatus | Refusal> {
  const now = clock.now();
  const bundle = await bundleHead(db.pool, workspaceId, bundleId);
  if (!bundle) return noBundle(bundleId);
  const row = await newestRolloutOf(db.pool, workspaceId, bundleId);
  const seen = row && !isOver(row) ? await judged(db.pool, row, now) : null;
  const decides = bundle.status === 'active' || bundle.status === 'canary';
  const since = decides ? bundle.activated_at : null;
  return {
    bundle_id: bundle.id,
    version: bundle.version,
    active: bundle.active,
    canary_pct: bundle.canary_pct,
    activated_at: bundle.activated_at?.toISOString() ?? null,
    activated_by: bundle.activated_by,
    time_active_seconds: since ? Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1000)) : 0,
    promotion_eligible: seen !== null && promotable(seen, now),
    fully_promoted: bundle.status === 'active' && bundle.canary_pct === 100,
    gates: seen ? [...seen.gates] : [],
    hold_reasons: seen ? [...seen.row.holds] : [],
    next_step: seen && nextStepText(seen, now),
    rollout_id: row?.id ?? null,
    phase: row?.phase ?? null,
  };
}

function promotable({ row, reading }: Judged, now: Date): boolean {
  const state = stateOf(row);
  return 'event' in transition(state, { kind: 'promote', targetPct: nextStep(state), reading }, now);
}

/** What happens next in one sentence. */
export function nextStepText({ row, gates, reading }: Judged, now: Date): string {
  const state = stateOf(row);
  const { dwellMs, bakeMs } = state.plan;
  const baking = row.phase === 'baking';
  const next = baking ? 'completed' : `${nextStep(state)} %`;
  const waiting = gates.find(({ verdict }) => verdict !== 'pass');
  if (row.sign_off === 'needed') return `${next} after a person has signed off what is newly allowed`;
  if (row.holds.includes('operator')) return `${next} when somebody resumes the rollout`;
  if (reading.verdict !== 'pass' || reading.holds.length > 0)
    return `${next} when all gates pass: ${waiting?.sentence}`;
  if (reading.frozen) return `${next} when the freeze is over`;
  const left = (baking ? bakeMs : dwellMs) - dwelled(state, now);
  if (row.phase === 'shadow')
    return `${next} when somebody promotes it${left > 0 ? `, from ${durationText(left)} on` : ''}`;
  return left > 0 ? `${next} after ${durationText(left)} more of healthy time` : `${next} within a minute`;
}

/** Whether the gates pass, by the telemetry of the rollout or by figures that are given. */
export async function checkGates(
  services: Services,
  caller: Caller,
  bundleId: number,
  { metrics, gate_config: config }: BodyOf<typeof operations.checkGates>,
): Promise<GateCheck | Refusal> {
  const { db } = services;
  const status = await canaryStatus(services, caller, bundleId);
  if (status instanceof Refusal) return status;
  const settings = await settingsOf(db.pool, services.config, caller.workspaceId);
  const row = status.rollout_id === null ? null : await newestRolloutOf(db.pool, caller.workspaceId, bundleId);
  const limits = { ...(row?.plan.gates ?? settings.gates), ...config };
  const gates: readonly Gate[] = metrics
    ? checkMetrics(metrics, limits)
    : row && !isOver(row)
      ? (await judged(db.pool, { ...row, plan: { ...row.plan, gates: limits } }, services.clock.now())).gates
      : [];
  const failures = gates.filter(({ verdict }) => verdict !== 'pass').map(({ sentence }) => sentence);
  if (gates.length === 0) failures.push('no rollout of this bundle runs, so there is nothing to read gates from');
  return { passed: failures.length === 0, failures, gates: [...gates], canary_status: status };
}
