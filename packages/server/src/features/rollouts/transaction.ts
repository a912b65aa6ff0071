import type { BundleStatus, RolloutPhase } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { type Refusal, refuse } from '../../refusal.js';
import { costCeiling } from '../decisions/queries.js';
import { recordChange } from '../events/transaction.js';
import { freezeAt, freezeSentence } from '../freeze-windows/queries.js';
import { type RolloutRow, rolloutById, rolloutColumns, runningRollouts, type StoredPlan, stateOf } from './queries.js';
import { isOver, type Rollout, type RolloutEvent, transition } from './transition.js';

/** A bundle in one of the two places of a rollout. */
interface Place {
  readonly status: BundleStatus;
  readonly active: boolean;
  readonly canaryPct: number;
  readonly trafficPct: number;
}

const all: Place = { status: 'active', active: true, canaryPct: 100, trafficPct: 100 };
const none = { active: false, canaryPct: 0, trafficPct: 0 };

/** The one table from rollouts to bundles: the places of the candidate and of the bundle before it. */
export function placesOf(
  phase: RolloutPhase,
  sharePct: number,
): { readonly candidate: Place; readonly previous: Place } {
  switch (phase) {
    case 'approved':
      return { candidate: { ...none, status: 'draft' }, previous: all };
    case 'shadow':
      return { candidate: { ...none, status: 'shadow' }, previous: all };
    case 'canary':
      return {
        candidate: { status: 'canary', active: true, canaryPct: sharePct, trafficPct: sharePct },
        previous: { status: 'active', active: false, canaryPct: 0, trafficPct: 100 - sharePct },
      };
    case 'baking':
    case 'completed':
      return { candidate: all, previous: { ...none, status: 'superseded' } };
    case 'rolled_back':
    case 'aborted':
      return { candidate: { ...none, status: 'rolled_back' }, previous: all };
    case 'superseded':
      return { candidate: { ...none, status: 'superseded' }, previous: all };
  }
}

/** Moves both bundles to their places; who leaves a place goes first, since there is one of each. */
async function place(tx: PoolClient, row: RolloutRow, { phase, sharePct }: Rollout, now: Date): Promise<void> {
  // An end that only says that it has arrived: what was archived meanwhile stays so.
  if (phase === 'completed') return;
  const { candidate, previous } = placesOf(phase, sharePct);
  const moves: (readonly [number | null, Place])[] = [
    [row.bundle_id, candidate],
    [row.target_usable ? row.previous_bundle_id : null, previous],
  ];
  moves.sort(([, a], [, b]) => Number(a.active) - Number(b.active));
  for (const [id, to] of moves) {
    if (id === null) continue;
    await tx.query(
      `update bundle set status = $3, active = $4, canary_pct = $5, traffic_pct = $6, updated_at = $7,
                         revision = revision + 1
        where workspace_id = $1 and id = $2
          and (status, active, canary_pct, traffic_pct) is distinct from ($3, $4, $5, $6)`,
      [row.workspace_id, id, to.status, to.active, to.canaryPct, to.trafficPct, now],
    );
  }
  if (phase === 'baking')
    await tx.query('update workspace set safe = false where id = $1 and safe', [row.workspace_id]);
}

export interface RolloutChange {
  readonly row: RolloutRow;
  readonly to: Rollout;
  readonly event: RolloutEvent;
  readonly actor: string;
  readonly now: Date;
  /** Besides what every event of a rollout tells. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly endReason?: string;
  /** False where the caller takes the next generation of what is in force with a change of its own. */
  readonly enforcement?: boolean;
}

export interface ChangedRollout {
  readonly row: RolloutRow;
  /** What servers must reach; null when they enforce the same as before. */
  readonly generation: number | null;
}

/**
 * Writes what a transition made of a locked rollout: its row, the places of its bundles and the event, in the caller's
 * transaction. Lock enforcement and the bundles before (`lockEnforcement`).
 */
export async function writeRollout(tx: PoolClient, change: RolloutChange): Promise<ChangedRollout> {
  const { row, to, event, actor, now, data = {} } = change;
  const moved = to.phase !== row.phase || to.sharePct !== row.share_pct;
  const over = isOver(to);
  const entered = moved && !over;
  const signed = to.signOff === 'given' && row.sign_off !== 'given';
  const ceiling = entered ? await ceilingOf(tx, row.workspace_id, row.previous_bundle_id, to, now) : row.cost_ceiling;
  await tx.query(
    `update rollout set phase = $3, share_pct = $4, step = step + $5, step_entered_at = case when $5 = 1 then $6 else
                          step_entered_at end, looked_at = case when $5 = 1 then $6 else looked_at end, holds = $7, dwelled_ms = $8, healthy_since = $9, sign_off = $10,
                        signed_off_by = case when $11 then $12 else signed_off_by end,
                        signed_off_at = case when $11 then $6 else signed_off_at end,
                        skip_asked = case when $13 then null else skip_asked end, cost_ceiling = $14,
                        generation = generation + 1, updated_at = $6,
                        ended_at = case when $15 then $6 end, end_reason = $16,
                        held_since = case when $7::text[] <> '{}' then coalesce(held_since, $6) end
      where workspace_id = $1 and id = $2`,
    [
      row.workspace_id,
      row.id,
      to.phase,
      to.sharePct,
      entered ? 1 : 0,
      now,
      to.holds,
      Math.round(to.dwelledMs),
      to.healthySince,
      to.signOff,
      signed,
      actor,
      moved,
      ceiling,
      over,
      over ? (change.endReason ?? event.replace('_', ' ')) : null,
    ],
  );
  if (moved) await place(tx, row, to, now);
  const enforcement = moved && (change.enforcement ?? true);
  const { generation } = await recordChange(tx, {
    workspaceId: row.workspace_id,
    at: now,
    actor,
    kind: `rollout.${event}`,
    subject: `rollout/${row.id}`,
    data: {
      bundle_id: row.bundle_id,
      version: row.version,
      from: { phase: row.phase, share_pct: row.share_pct },
      to: { phase: to.phase, share_pct: to.sharePct },
      holds: to.holds,
      ...data,
    },
    enforcement,
  });
  const written = await rolloutById(tx, row.workspace_id, row.id);
  return { row: written as RolloutRow, generation: enforcement ? generation : null };
}

export interface RolloutStart {
  readonly workspaceId: number;
  readonly bundle: { readonly id: number; readonly digest: string };
  readonly sharePct: number;
  readonly plan: StoredPlan;
  /** What the bundle newly allows is of high risk, and it is not the first. */
  readonly risky: boolean;
  /** Take the place of one that rises. */
  readonly supersede: boolean;
  readonly now: Date;
}

/** A rollout that may start, with those that end for it; nothing is written yet. */
export interface ReadyRollout extends RolloutStart {
  readonly to: Rollout;
  readonly previousId: number | null;
  readonly running: readonly RolloutRow[];
}

/** Locks the rollouts that run and says whether another may start. Lock the bundles before. */
export async function readyRollout(tx: PoolClient, start: RolloutStart): Promise<ReadyRollout | Refusal> {
  const { workspaceId, bundle, sharePct, plan, now } = start;
  const running = await runningRollouts(tx, workspaceId, 'for update');
  const rising = running.find(({ phase }) => phase !== 'baking');
  if (rising && !start.supersede) {
    return refuse(
      'rollout_running',
      `rollout ${rising.id} of bundle ${rising.bundle_id} is in ${rising.phase}; end it first, or send \`supersede\`: true`,
      [],
      { rollout_id: rising.id },
    );
  }
  const { rows } = await tx.query<{ id: number }>(
    `select id from bundle where workspace_id = $1 and status = 'active' and id <> $2`,
    [workspaceId, bundle.id],
  );
  const previousId = rows[0]?.id ?? null;
  const approved: Rollout = {
    phase: 'approved',
    sharePct: 0,
    plan: { steps: plan.steps, dwellMs: plan.dwell_ms, bakeMs: plan.bake_ms, onBreach: plan.on_breach },
    holds: [],
    dwelledMs: 0,
    healthySince: null,
    // Whoever approved all traffic at once, or a first bundle, has approved what that allows.
    signOff: start.risky && previousId !== null && sharePct < 100 ? 'needed' : 'not_needed',
    hasTarget: previousId !== null,
  };
  const freeze = await freezeAt(tx, workspaceId, now);
  const outcome = transition(approved, { kind: 'start', sharePct, frozen: freeze && freezeSentence(freeze) }, now);
  if ('refused' in outcome) return refuse(outcome.refused, outcome.detail);
  return { ...start, to: outcome.to, previousId, running };
}

/** Starts it: ends those that run, writes the rollout and moves the bundles. The caller records the activation. */
export async function startRollout(
  tx: PoolClient,
  ready: ReadyRollout,
  { approvalId, actor }: { readonly approvalId: number; readonly actor: string },
): Promise<RolloutRow> {
  const { workspaceId, bundle, plan, to, previousId, now } = ready;
  for (const row of ready.running) {
    await supersede(tx, row, { actor, now, reason: `bundle ${bundle.id} was activated` });
  }
  const ceiling = await ceilingOf(tx, workspaceId, previousId, to, now);
  const { rows } = await tx.query<RolloutRow>(
    `insert into rollout (workspace_id, bundle_id, digest, previous_bundle_id, approval_id, phase, share_pct, step,
                          step_entered_at, looked_at, healthy_since, sign_off, plan, cost_ceiling, created_by, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, $8, $9, $10, $11, $12, $8, $8) returning ${rolloutColumns}`,
    [
      workspaceId,
      bundle.id,
      bundle.digest,
      previousId,
      approvalId,
      to.phase,
      to.sharePct,
      now,
      to.signOff,
      JSON.stringify(plan),
      ceiling,
      actor,
    ],
  );
  const row = rows[0] as RolloutRow;
  await place(tx, row, to, now);
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor,
    kind: 'rollout.started',
    subject: `rollout/${row.id}`,
    data: {
      bundle_id: bundle.id,
      version: row.version,
      to: { phase: to.phase, share_pct: to.sharePct },
      previous_bundle_id: previousId,
      sign_off: to.signOff,
      plan,
    },
  });
  return row;
}

/** Where the costs of both arms are cut in a step that begins. */
async function ceilingOf(
  tx: PoolClient,
  workspaceId: number,
  previousId: number | null,
  { phase }: Rollout,
  now: Date,
): Promise<number | null> {
  return previousId === null || phase !== 'canary' ? null : costCeiling(tx, workspaceId, previousId, now);
}

/** Ends a rollout because something else follows; servers are told by that. */
export async function supersede(
  tx: PoolClient,
  row: RolloutRow,
  { actor, now, reason }: { readonly actor: string; readonly now: Date; readonly reason: string },
): Promise<void> {
  const outcome = transition(stateOf(row), { kind: 'supersede' }, now);
  if (!('event' in outcome)) return;
  const { to, event } = outcome;
  await writeRollout(tx, { row, to, event, actor, now, endReason: reason, enforcement: false });
}
