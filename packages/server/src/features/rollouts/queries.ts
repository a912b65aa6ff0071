import {
  type Gate,
  type HoldReason,
  type Role,
  type RolloutAction,
  type RolloutDocument,
  type RolloutPhase,
  type RolloutSummary,
  rolloutActions,
} from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { freezeAt, freezeSentence } from '../freeze-windows/queries.js';
import { type ArmEvidence, type StepEvidence, stepEvidence, total } from './evidence.js';
import { type GateLimits, judge } from './gates.js';
import {
  dwelled,
  type GateReading,
  isOver,
  nextStep,
  type Rollout,
  type RolloutCommand,
  type RolloutPlan,
  transition,
} from './transition.js';

/** The plan as it is kept with a rollout: later changes of the settings do not move it. */
export interface StoredPlan extends GateLimits {
  readonly steps: readonly number[];
  readonly dwell_ms: number;
  readonly bake_ms: number;
  readonly on_breach: RolloutPlan['onBreach'];
}

export interface SkipAsked {
  readonly target_pct: number;
  readonly reason: string;
  readonly by: string;
  /** RFC 3339 */
  readonly at: string;
}

export interface RolloutRow {
  readonly id: number;
  readonly workspace_id: number;
  readonly bundle_id: number;
  readonly digest: string;
  readonly previous_bundle_id: number | null;
  readonly approval_id: number | null;
  readonly phase: RolloutPhase;
  readonly share_pct: number;
  readonly step: number;
  readonly step_entered_at: Date;
  readonly holds: readonly HoldReason[];
  readonly dwelled_ms: number;
  readonly healthy_since: Date | null;
  /** Since when it is held, for whichever reasons one after the other; null while it is not. */
  readonly held_since: Date | null;
  readonly sign_off: Rollout['signOff'];
  readonly signed_off_by: string | null;
  readonly signed_off_at: Date | null;
  readonly skip_asked: SkipAsked | null;
  readonly plan: StoredPlan;
  readonly cost_ceiling: number | null;
  readonly generation: number;
  readonly created_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly ended_at: Date | null;
  readonly end_reason: string | null;
  /** Of the bundles; null when they are gone. */
  readonly version: string | null;
  readonly bundle_status: string | null;
  readonly previous_version: string | null;
  /** Whether the bundle before can be decided by: the lists it reads are still there. */
  readonly target_usable: boolean;
}

export const rolloutColumns = `id, workspace_id, bundle_id, digest, previous_bundle_id, approval_id, phase, share_pct, step,
  step_entered_at, holds, dwelled_ms, healthy_since, held_since, sign_off, signed_off_by, signed_off_at, skip_asked, plan,
  cost_ceiling, generation, created_by, created_at, updated_at, ended_at, end_reason,
  (select b.version from bundle b where b.id = rollout.bundle_id) as version,
  (select b.status from bundle b where b.id = rollout.bundle_id) as bundle_status,
  (select b.version from bundle b where b.id = rollout.previous_bundle_id) as previous_version,
  exists (select from bundle b where b.id = rollout.previous_bundle_id and not exists (
    select from json_object_keys(b.lists_read) as list (name) where not exists (
      select from named_list l where l.workspace_id = b.workspace_id and l.name = list.name and not l.deleted)
    )) as target_usable`;

/** One rollout, or null. `for update` holds it until the transaction ends. */
export async function rolloutById(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
  lock: '' | 'for update' = '',
): Promise<RolloutRow | null> {
  const { rows } = await db.query<RolloutRow>(
    `select ${rolloutColumns} from rollout where workspace_id = $1 and id = $2 ${lock}`,
    [workspaceId, id],
  );
  return rows[0] ?? null;
}

/** The newest rollout of a bundle, or null. */
export async function newestRolloutOf(
  db: Pool | PoolClient,
  workspaceId: number,
  bundleId: number,
): Promise<RolloutRow | null> {
  const { rows } = await db.query<RolloutRow>(
    `select ${rolloutColumns} from rollout where workspace_id = $1 and bundle_id = $2 order by id desc limit 1`,
    [workspaceId, bundleId],
  );
  return rows[0] ?? null;
}

/** The rollouts that run in a workspace, newest first. `for update` locks them in the order of their ids. */
export async function runningRollouts(
  db: Pool | PoolClient,
  workspaceId: number,
  lock: '' | 'for update' = '',
): Promise<RolloutRow[]> {
  const { rows } = await db.query<RolloutRow>(
    `select ${rolloutColumns} from rollout where workspace_id = $1 and phase in ('shadow', 'canary', 'baking')
      order by id ${lock}`,
    [workspaceId],
  );
  return rows.reverse();
}

/** The row as the transition sees it. */
export function stateOf(row: RolloutRow): Rollout {
  const { steps, dwell_ms: dwellMs, bake_ms: bakeMs, on_breach: onBreach } = row.plan;
  return {
    phase: row.phase,
    sharePct: row.share_pct,
    plan: { steps, dwellMs, bakeMs, onBreach },
    holds: row.holds,
    dwelledMs: row.dwelled_ms,
    healthySince: row.healthy_since,
    signOff: row.sign_off,
    hasTarget: row.target_usable,
  };
}

/** A rollout with what its gates say of the current step. */
export interface Judged {
  readonly row: RolloutRow;
  readonly evidence: StepEvidence;
  readonly gates: readonly Gate[];
  readonly reading: GateReading;
}

/** Reads the evidence of the current step and judges it. */
export async function judged(db: Pool | PoolClient, row: RolloutRow, now: Date): Promise<Judged> {
  const evidence = await stepEvidence(db, row, now);
  const state = stateOf(row);
  const { gates, reading } = judge({ ...state, limits: row.plan }, evidence);
  const freeze = await freezeAt(db, row.workspace_id, now);
  return { row, evidence, gates, reading: { ...reading, frozen: freeze && freezeSentence(freeze) } };
}

export interface RolloutFilter {
  readonly phase?: RolloutPhase;
  readonly bundle_id?: number;
  readonly limit: number;
  readonly offset: number;
}

/** Rollouts, newest first. */
export async function rolloutPage(
  db: Pool,
  workspaceId: number,
  filter: RolloutFilter,
): Promise<{ rows: RolloutRow[]; total: number; limit: number; offset: number }> {
  const { limit, offset } = filter;
  const where = 'workspace_id = $1 and ($2::text is null or phase = $2) and ($3::integer is null or bundle_id = $3)';
  const values = [workspaceId, filter.phase ?? null, filter.bundle_id ?? null];
  const { rows } = await db.query<RolloutRow>(
    `select ${rolloutColumns} from rollout where ${where} order by id desc limit $4 offset $5`,
    [...values, limit, offset],
  );
  const count = await db.query<{ total: number }>(`select count(*) as total from rollout where ${where}`, values);
  return { rows, total: count.rows[0]?.total ?? 0, limit, offset };
}

const hourMs = 3_600_000;

/** The rollout as this role sees it at `now`; `reading` is null where it is over. */
export function rolloutSummary(row: RolloutRow, reading: GateReading | null, role: Role, now: Date): RolloutSummary {
  const state = stateOf(row);
  const { plan } = row;
  const rising = row.phase === 'shadow' || row.phase === 'canary';
  return {
    id: row.id,
    bundle_id: row.bundle_id,
    version: row.version,
    digest: row.digest,
    previous_bundle_id: row.previous_bundle_id,
    previous_version: row.previous_version,
    approval_id: row.approval_id,
    phase: row.phase,
    share_pct: row.share_pct,
    next_step_pct: rising ? nextStep(state) : null,
    step_entered_at: row.step_entered_at.toISOString(),
    dwelled_seconds: Math.floor(dwelled(state, now) / 1000),
    dwell_seconds: Math.ceil((rising ? plan.dwell_ms : plan.bake_ms) / 1000),
    holds: [...row.holds],
    sign_off: row.sign_off,
    signed_off_by: row.signed_off_by,
    signed_off_at: row.signed_off_at?.toISOString() ?? null,
    skip_asked: row.skip_asked,
    plan: {
      steps: [...plan.steps],
      dwell_hours: plan.dwell_ms / hourMs,
      bake_hours: plan.bake_ms / hourMs,
      on_breach: plan.on_breach,
      gates: plan.gates,
      critical: plan.critical,
    },
    generation: row.generation,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
    end_reason: row.end_reason,
    allowed_actions: allowedActions(row, reading, role, now),
  };
}

/** The same with its gates and what they were read from. */
export function rolloutDocument({ row, evidence, gates, reading }: Judged, role: Role, now: Date): RolloutDocument {
  const { stable, canary, shadow } = evidence;
  return {
    ...rolloutSummary(row, isOver(row) ? null : reading, role, now),
    gates: isOver(row) ? [] : [...gates],
    evidence: { stable: seenIn(stable), canary: seenIn(canary), shadow: seenIn(shadow) },
  };
}

function seenIn(arm: ArmEvidence): RolloutDocument['evidence']['stable'] {
  const count = (name: Parameters<typeof total>[1]): number => Math.round(total(arm, name));
  return {
    decisions: count('decisions'),
    principals: arm.principals,
    failed: count('failed'),
    denied: count('denied'),
    needs_approval: count('approvals'),
    no_match: count('unmatched'),
    type_mismatches: count('mismatched'),
    newly_denied: count('newlyDenied'),
    newly_allowed: count('newlyAllowed'),
    outcomes: count('outcomes'),
    outcome_errors: count('outcomeErrors'),
    cost: arm.cost.sum,
  };
}

const whoMay: Readonly<Record<RolloutAction, readonly Role[]>> = {
  pause: ['operator', 'admin'],
  resume: ['operator', 'admin'],
  promote: ['operator', 'admin'],
  skip: ['operator', 'admin'],
  sign_off: ['approver', 'operator', 'admin'],
  rollback: ['operator', 'admin'],
};

function allowedActions(row: RolloutRow, reading: GateReading | null, role: Role, now: Date): RolloutAction[] {
  const state = stateOf(row);
  const targetPct = nextStep(state);
  const commands: Readonly<Record<RolloutAction, RolloutCommand | null>> = {
    pause: { kind: 'pause' },
    resume: { kind: 'resume' },
    promote: reading && { kind: 'promote', targetPct, reading },
    skip: reading && { kind: 'skip', targetPct, frozen: reading.frozen },
    sign_off: { kind: 'sign_off' },
    // After its end a rollout can be taken back only while nothing has followed it.
    rollback: row.phase === 'completed' && row.bundle_status !== 'active' ? null : { kind: 'rollback' },
  };
  return rolloutActions.filter((action) => {
    const command = commands[action];
    return whoMay[action].includes(role) && command !== null && 'event' in transition(state, command, now);
  });
}
