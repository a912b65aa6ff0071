import type { BodyOf, CanaryStatus, Gate, GateCheck, operations } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bundleHead, noBundle } from '../bundles/queries.js';
import { settingsOf } from '../settings/queries.js';
import { checkMetrics } from './check-gates.js';
import { type StepEvidence, total } from './evidence.js';
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
    approvals: seen && approvalLoad(seen.evidence),
  };
}

const dayMs = 24 * 3_600_000;

/**
 * How often the candidate asks people, and how often the bundle before did, on the requests that both were asked; at the
 * pace of all requests of the step. Less than a day is taken for one.
 */
export function approvalLoad(evidence: Pick<StepEvidence, EvidenceArmName | 'stepMs'>): CanaryStatus['approvals'] {
  const { stable, shadow, canary, stepMs } = evidence;
  const compared = Math.min(total(stable, 'decisions'), total(shadow, 'decisions'));
  if (compared === 0) return null;
  const perDay = (compared + total(canary, 'decisions')) / compared / Math.max(1, stepMs / dayMs);
  const [before, after] = [total(stable, 'approvals') * perDay, total(shadow, 'approvals') * perDay];
  const rates = `${rounded(after)} instead of ${rounded(before)}`;
  const change =
    after === before
      ? `adds no approvals (${rounded(after)} a day as before)`
      : `${after > before ? 'adds' : 'saves'} ${rounded(Math.abs(after - before))} approvals a day (${rates})`;
  const time = stepMs < dayMs ? `${durationText(stepMs)}, taken for a day` : durationText(stepMs);
  const basis = `by ${compared.toLocaleString('en-US')} requests that both bundles were asked in ${time}`;
  return {
    before_per_day: before,
    after_per_day: after,
    added_per_day: after - before,
    sentence: `this change ${change}, ${basis}`,
  };
}

type EvidenceArmName = 'stable' | 'shadow' | 'canary';

function rounded(count: number): string {
  return (count < 10 ? Math.round(count * 10) / 10 : Math.round(count)).toLocaleString('en-US');
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
  if (reading.frozen !== null) return `${next} when the freeze is over: ${reading.frozen}`;
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
