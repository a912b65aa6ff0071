import type { BundlePin, Pin, System, SystemStatus } from '@policy-studio/contract';
import { pinAt } from '@policy-studio/engine';
import type { Pool } from 'pg';
import type { Caller } from '../../caller.js';
import { within } from '../../deadline.js';
import type { Services } from '../../services.js';
import { bundlePinAt, bundlePinDocument, lastPin, pinDocument, waitingPin } from '../emergency/queries.js';
import type { Enforced } from '../enforcement/queries.js';
import { freezeAt } from '../freeze-windows/queries.js';
import { replicasOf } from './replicas.js';

/** Whether the database answers a trivial question within `withinMs`. Never throws. */
function databaseAnswers(pool: Pool, withinMs: number): Promise<boolean> {
  const answer = pool.query('select 1').then(
    () => true,
    () => false,
  );
  return within(answer, withinMs, false);
}

/**
 * What this server enforces in a workspace and how it is. With the database away it tells what was last in force; throws
 * when nothing ever was.
 */
export async function systemStatus(
  { db, clock, config, enforcement, recorder }: Services,
  workspace: Pick<Caller, 'workspaceId' | 'workspace'>,
): Promise<SystemStatus> {
  const { workspaceId } = workspace;
  const [inForce, answers] = await Promise.all([
    enforcement.inForce(workspaceId),
    recorder.databaseAway ? false : databaseAnswers(db.pool, 1_000),
  ]);
  const { waiting, spooled } = recorder.counts;
  const { rollout, candidate, pin, bundlePin } = inForce;
  const nowMs = clock.now().getTime();
  return {
    version: config.version,
    workspace: workspace.workspace,
    database: answers ? 'ok' : 'away',
    generation: inForce.generation,
    bundle: inForce.bundle,
    default_effect: inForce.defaultEffect,
    safe: inForce.safe,
    rollout: rollout && {
      id: rollout.id,
      phase: rollout.phase,
      share_pct: rollout.sharePct,
      candidate: candidate && { id: candidate.id, version: candidate.version, digest: candidate.digest },
    },
    bundle_pin: bundlePinKnownHere(bundlePin, nowMs),
    pin: pinKnownHere(pin, nowMs),
    observed: [...inForce.observed],
    decision_log: config.decisionLog,
    waiting_records: waiting,
    spooled_records: spooled,
    stale_seconds: Math.floor(enforcement.staleMs(workspaceId, nowMs) / 1000),
  };
}

/** The switch as this server enforces it; who made it is for the database to say. */
function pinKnownHere(pin: Enforced['pin'], nowMs: number): Pin | null {
  const on = pinAt(pin, nowMs);
  return on && { ...on, started_by: null, confirmed_by: null, started_at: null, incident_id: null };
}

function bundlePinKnownHere(pin: Enforced['bundlePin'], nowMs: number): BundlePin | null {
  const on = pinAt(pin, nowMs);
  if (on === null) return null;
  const { id, version, digest } = on.bundle;
  const { reason, until } = on;
  return { bundle: { id, version, digest }, reason, until, pinned_by: null, pinned_at: null, incident_id: null };
}

/** The same with what the database knows: who pinned what, freezes, and what each server decides by. */
export async function systemOf(
  services: Services,
  workspace: Pick<Caller, 'workspaceId' | 'workspace'>,
): Promise<System> {
  const { db, clock, presence } = services;
  const { workspaceId } = workspace;
  const status = await systemStatus(services, workspace);
  if (status.database === 'away') {
    return { ...status, latest_generation: null, pin_request: null, freeze: null, replicas: [] };
  }
  const now = clock.now();
  // Before it answers for itself, so that it stands among the others.
  await presence.acknowledge();
  const [pin, bundlePin, request, freeze, { latest, replicas }] = await Promise.all([
    lastPin(db.pool, workspaceId),
    bundlePinAt(db.pool, workspaceId, now),
    waitingPin(db.pool, workspaceId, now),
    freezeAt(db.pool, workspaceId, now),
    replicasOf(db.pool, { workspaceId, own: { id: presence.id, generation: status.generation } }),
  ]);
  return {
    ...status,
    pin: pinDocument(pin, now) ?? status.pin,
    bundle_pin: bundlePinDocument(bundlePin) ?? status.bundle_pin,
    latest_generation: latest,
    pin_request: request,
    freeze,
    replicas,
  };
}
