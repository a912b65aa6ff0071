import type { Gate } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { inSavepoint } from '../../database/savepoint.js';
import type { Logger } from '../../logging.js';
import { type Refusal, refuse } from '../../refusal.js';
import { lockEnforcement } from '../approvals/transaction.js';
import { unpinRolledBack } from '../emergency/transaction.js';
import { openIncident } from '../incidents/transaction.js';
import { total } from './evidence.js';
import { errorCounts } from './gates.js';
import {
  type Judged,
  judged,
  newestRolloutOf,
  type RolloutRow,
  rolloutById,
  runningRollouts,
  stateOf,
} from './queries.js';
import { supersede, writeRollout } from './transaction.js';
import { isOver, transition } from './transition.js';

export interface RollbackOrder {
  readonly workspaceId: number;
  /** Stop enforcing this one. */
  readonly bundleId: number;
  readonly actor: string;
  readonly reason: string;
  /** As given by an old client, for the record. */
  readonly claimedActor?: string | null;
  readonly createIncident: boolean;
  readonly now: Date;
}

interface BundlePlace {
  readonly id: number;
  readonly version: string;
  readonly status: string;
  readonly canary_pct: number;
}

export interface Rollback {
  readonly from: BundlePlace;
  /** The bundle in force now; null: the safe one, or, after a shadow alone, nothing as before. */
  readonly to: BundlePlace | null;
  /** False: it was rolled back before. */
  readonly changed: boolean;
  readonly safe: boolean;
  readonly incidentId: number | null;
  readonly generation: number | null;
  /** What kept its incident or its note at the bundle before from being written; the rollback stands without. */
  readonly untold: readonly unknown[];
}

/**
 * Stops enforcing a bundle in the caller's transaction: the bundle before it decides everything again, archived or not;
 * where there is none, or a list that it reads is gone, the built-in safe bundle. Takes all its locks, waits for a promotion that is under way and wins
 * over it. The same again changes nothing. Refuses with `not_found` and `bundle_not_in_force`.
 */
export async function rollBack(tx: PoolClient, order: RollbackOrder): Promise<Rollback | Refusal> {
  const { workspaceId, bundleId } = order;
  await lockEnforcement(tx, workspaceId);
  const newest = await newestRolloutOf(tx, workspaceId, bundleId);
  const previousId = newest?.previous_bundle_id ?? null;
  const { rows: bundles } = await tx.query<BundlePlace>(
    `select id, version, status, canary_pct from bundle
      where workspace_id = $1 and (id = any ($2) or status in ('active', 'canary', 'shadow')) order by id for update`,
    [workspaceId, previousId === null ? [bundleId] : [bundleId, previousId]],
  );
  const from = bundles.find(({ id }) => id === bundleId);
  if (!from) return refuse('not_found', `there is no bundle ${bundleId}; list them with GET /policy/bundles`);
  const previous = newest?.target_usable ? (bundles.find(({ id }) => id === previousId) ?? null) : null;
  const stands = previous === null || previous.status === 'active';
  // What a person says holds for the pin of the bundle as well; the controller undoes no pin.
  const unpinned =
    order.actor === 'controller' ? null : await unpinRolledBack(tx, { ...order, by: order.actor, at: order.now });
  if (from.status === 'rolled_back' && stands && newest && (await nothingSince(tx, newest)))
    return { ...again(newest, from, previous), ...unpinned };
  if (!['active', 'canary', 'shadow'].includes(from.status)) {
    if (unpinned) {
      const to = bundles.find(({ status }) => status === 'active') ?? null;
      return { from, to, safe: to === null, untold: [], ...unpinned };
    }
    const words = from.status.replace('_', ' ');
    return refuse('bundle_not_in_force', `bundle ${bundleId} (${from.version}) is ${words}; it decides nothing`);
  }
  return undo(tx, order, { from, previous, newest });
}

function again({ phase }: RolloutRow, from: BundlePlace, previous: BundlePlace | null): Rollback {
  const safe = previous === null && phase === 'rolled_back';
  return { from, to: previous, changed: false, safe, incidentId: null, generation: null, untold: [] };
}

/** Whether nothing was activated since the rollout was rolled back. */
async function nothingSince(tx: PoolClient, { workspace_id: workspaceId, id }: RolloutRow): Promise<boolean> {
  const { rows } = await tx.query<{ found: boolean }>(
    `select exists (select from rollout later, rollout own
                     where own.id = $2 and later.workspace_id = $1 and later.id > own.id
                       and (later.ended_at is null or later.ended_at > own.ended_at)) as found`,
    [workspaceId, id],
  );
  return rows[0]?.found === false;
}

interface Undone {
  readonly from: BundlePlace;
  readonly previous: BundlePlace | null;
  readonly newest: RolloutRow | null;
}

async function undo(tx: PoolClient, order: RollbackOrder, { from, previous, newest }: Undone): Promise<Rollback> {
  const { workspaceId, actor, reason, now } = order;
  for (const row of await runningRollouts(tx, workspaceId, 'for update')) {
    if (row.bundle_id === from.id) continue;
    // What stood on this bundle falls with it; an older one that still bakes has ended long before in effect.
    await supersede(tx, row, { actor, now, reason: `bundle ${from.id} was rolled back` });
  }
  const row = newest && (await rolloutById(tx, workspaceId, newest.id, 'for update'));
  // Nothing that is only told about a rollback may keep it from happening.
  const untold: unknown[] = [];
  const told = async <T>(work: () => Promise<T>): Promise<T | null> => {
    const outcome = await inSavepoint(tx, work);
    if ('done' in outcome) return outcome.done;
    untold.push(outcome.failed);
    return null;
  };
  const seen = row && !isOver(row) ? await told(() => judged(tx, row, now)) : null;
  const decided = from.status !== 'shadow';
  const safe = decided && previous === null;
  if (safe) await tx.query('update workspace set safe = true where id = $1', [workspaceId]);
  const record = {
    from: { id: from.id, version: from.version },
    to: previous && { id: previous.id, version: previous.version },
    by: actor,
    reason,
    at: now.toISOString(),
    ...(order.claimedActor ? { rolled_back_by: order.claimedActor } : {}),
  };
  const generation = await writeUndone(tx, order, { row, seen, from, previous, record });
  if (previous && decided) await told(() => noteAtTarget(tx, workspaceId, previous.id, record));
  const happened = { row, seen, safe, decided, record };
  const incidentId = decided
    ? ((await told(async () => incidentOf(tx, order, happened, await decisionsOf(tx, workspaceId, from.id)))) ??
      (untold.length === 0 ? null : await told(() => incidentOf(tx, order, { ...happened, seen: null }, []))))
    : null;
  const to = previous && { ...previous, status: 'active' };
  return { from, to, changed: true, safe, incidentId, generation, untold };
}

async function noteAtTarget(tx: PoolClient, workspaceId: number, id: number, record: object): Promise<void> {
  await tx.query(
    `update bundle set metadata = (metadata::jsonb || jsonb_build_object('rollback', $3::jsonb))::json
      where workspace_id = $1 and id = $2`,
    [workspaceId, id, JSON.stringify(record)],
  );
}

/** A rollback that stands without its incident or its note is for whoever reads the log. */
export function logUntold(log: Logger, workspaceId: number, { from, untold }: Rollback): void {
  for (const err of untold) {
    log.error(
      { err, workspace_id: workspaceId, bundle_id: from.id },
      'a rollback was done, and not all of it could be told',
    );
  }
}

interface Written {
  readonly row: RolloutRow | null;
  readonly seen: Judged | null;
  readonly from: BundlePlace;
  readonly previous: BundlePlace | null;
  readonly record: Readonly<Record<string, unknown>>;
}

async function writeUndone(
  tx: PoolClient,
  order: RollbackOrder,
  { row, seen, from, record }: Written,
): Promise<number> {
  const { actor, reason, now } = order;
  if (row === null) throw new Error(`bundle ${from.id} is in force without a rollout`);
  const outcome = transition(stateOf(row), { kind: 'rollback' }, now);
  if (!('event' in outcome)) throw new Error(`rollout ${row.id} of a bundle in force cannot be rolled back`);
  const { to, event } = outcome;
  const data = { reason, metric: seen && metricOf(seen), rollback: record };
  const written = await writeRollout(tx, { row, to, event, actor, now, endReason: reason, data });
  const generation = written.generation as number;
  // The database's time, as servers acknowledge by it.
  await tx.query('update rollout set undone_generation = $2, undone_at = now() where id = $1', [row.id, generation]);
  return generation;
}

interface Happened {
  readonly row: RolloutRow | null;
  readonly seen: Judged | null;
  readonly safe: boolean;
  readonly decided: boolean;
  readonly record: Readonly<Record<string, unknown>>;
}

/** Pages people about a rollback of what decided. Nothing to go back to is always an incident. */
async function incidentOf(
  tx: PoolClient,
  order: RollbackOrder,
  happened: Happened,
  decisionIds: readonly string[],
): Promise<number | null> {
  const { workspaceId, reason, now, actor, bundleId, createIncident } = order;
  const { row, seen, safe, decided, record } = happened;
  if (!decided || (!createIncident && !safe)) return null;
  const version = row?.version ?? String(bundleId);
  const summary = safe
    ? `bundle ${version} was rolled back and nothing that can be used was before it: the built-in safe bundle denies everything`
    : `bundle ${version} was rolled back: ${reason}`;
  const { id } = await openIncident(tx, {
    workspaceId,
    kind: safe ? 'no_previous_bundle' : 'rollback',
    key: row ? `rollout/${row.id}` : `bundle/${bundleId}`,
    severity: safe ? 'critical' : 'high',
    summary,
    details: {
      bundles: { from: record.from, to: record.to },
      reason,
      rollout_id: row?.id ?? null,
      metric: seen && metricOf(seen),
      gates: (seen?.gates ?? []).filter(({ verdict }) => verdict !== 'pass').map(({ sentence }) => sentence),
      decision_ids: decisionIds,
      recommended_actions: [
        safe
          ? 'activate a bundle: until then every request is denied'
          : 'look at the decisions named here and replay them',
        'simulate the corrected rules against the recorded traffic before activating them',
      ],
    },
    at: now,
    actor,
  });
  return id;
}

/** The gate that is worst, with what it measured before (stable) and after (the candidate). */
export function metricOf({ gates, evidence, row }: Judged): Readonly<Record<string, unknown>> | null {
  const worst = (['critical', 'fail', 'inconclusive'] as const)
    .map((verdict) => gates.find((gate) => gate.verdict === verdict && gate.value !== null))
    .find((gate): gate is Gate => gate !== undefined);
  if (!worst) return null;
  const denied = total(evidence.stable, 'decisions');
  const errors = errorCounts(evidence.stable).reduce(
    (sum, { bad, good }) => ({ bad: sum.bad + bad, all: sum.all + bad + good }),
    { bad: 0, all: 0 },
  );
  const before: Partial<Record<Gate['gate'], number | null>> = {
    error_rate: errors.all === 0 ? null : errors.bad / errors.all,
    deny_rate: denied === 0 ? null : total(evidence.stable, 'denied') / denied,
  };
  return {
    name: worst.gate,
    before: before[worst.gate] ?? null,
    after: worst.value,
    limit: worst.critical_limit ?? worst.limit,
    sample: worst.sample,
    share_pct: row.share_pct,
  };
}

/** Newest decisions by the bundle that denied or failed: where to begin to look. */
async function decisionsOf(tx: PoolClient, workspaceId: number, bundleId: number): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from (select id, bundle_id, failed, policy_effect from decision where workspace_id = $1
                      order by id desc limit 2000) as newest
      where bundle_id = $2 and (failed or policy_effect = 'deny') order by failed desc, id desc limit 5`,
    [workspaceId, bundleId],
  );
  return rows.map(({ id }) => id);
}
