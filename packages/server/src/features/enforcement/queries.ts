import { listsUsed } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { asSystem, inWorkspace } from '../../database/scope.js';
import type { Config } from '../../services.js';
import { observedAgents, storedCatalog } from '../catalog/queries.js';
import { lastBundlePin, lastPin } from '../emergency/queries.js';
import { currentLists } from '../lists/queries.js';
import { settingsOf } from '../settings/queries.js';
import type { BundleInForce, BundlePinInForce, InForce, ListInForce, RolloutInForce } from './in-force.js';

export type { DayBounds } from './calendar.js';
export { compilePolicy, decidedBy, type Enforced, type Side } from './in-force.js';

/** What is in force in a workspace now, all of one moment; null when there is no such workspace. */
export function loadInForce(
  pool: Pool,
  config: Pick<Config, 'fourEyesDefault'>,
  workspaceId: number,
): Promise<InForce | null> {
  const load = async (tx: PoolClient): Promise<InForce | null> => {
    // One snapshot for all reads, so that bundle, lists, settings and generation belong together.
    await tx.query('set transaction isolation level repeatable read, read only');
    const workspace = await tx.query<{ generation: number; safe: boolean; caps_epoch: number }>(
      'select generation, safe, caps_epoch from workspace where id = $1 and archived_at is null',
      [workspaceId],
    );
    const [row] = workspace.rows;
    if (!row) return null;
    const { generation, safe } = row;
    const settings = await settingsOf(tx, config, workspaceId);
    const bundles = await bundlesInForce(tx, workspaceId);
    const bundlePin = await bundlePinInForce(tx, workspaceId);
    const rules = [...Object.values(bundles), bundlePin?.bundle].flatMap((bundle) =>
      bundle && 'rules' in bundle ? bundle.rules : [],
    );
    const pin = await lastPin(tx, workspaceId);
    const { catalog, stamp } = await storedCatalog(tx, workspaceId);
    return {
      workspaceId,
      generation,
      ...bundles,
      safe,
      pin: pin && { effect: pin.effect, until: pin.until.toISOString(), reason: pin.reason },
      bundlePin,
      observed: observedAgents(catalog),
      lists: await listsInForce(tx, workspaceId, listsUsed(rules)),
      catalog,
      catalogStamp: stamp,
      // So that even one who knows nothing of the safe bundle denies.
      defaultEffect: safe ? 'deny' : settings.default_effect,
      timeZone: settings.time_zone,
      enforceContext: settings.enforce_context,
      costBudget24h: settings.cost_budget_24h,
      caps: settings.caps,
      capsEpoch: row.caps_epoch,
      maxStaleMinutes: settings.max_stale_minutes,
    };
  };
  return inWorkspace(workspaceId, () => withTransaction(pool, load));
}

/** The bundle in force, the rollout that runs (the one on its way up, if two do) and the bundle it is compared with. */
async function bundlesInForce(
  tx: PoolClient,
  workspaceId: number,
): Promise<Pick<InForce, 'stable' | 'rollout' | 'candidate' | 'control'>> {
  const found = await tx.query<RolloutInForce & { bundle: number; previous: number | null }>(
    `select id, phase, step, share_pct as "sharePct", cost_ceiling as "costCeiling", bundle_id as bundle,
            previous_bundle_id as previous
       from rollout where workspace_id = $1 and phase in ('shadow', 'canary', 'baking')
      order by phase = 'baking', id desc limit 1`,
    [workspaceId],
  );
  const [running] = found.rows;
  const compared = running === undefined ? null : running.phase === 'baking' ? running.previous : running.bundle;
  const { rows } = await tx.query<BundleInForce & { status: string }>(
    `select id, version, digest, rules, status from bundle where workspace_id = $1 and (status = 'active' or id = $2)`,
    [workspaceId, compared],
  );
  const bundle = (which: (row: (typeof rows)[number]) => boolean): BundleInForce | null => {
    const row = rows.find(which);
    return row ? { id: row.id, version: row.version, digest: row.digest, rules: row.rules } : null;
  };
  const stable = bundle(({ status }) => status === 'active');
  if (running === undefined) return { stable, rollout: null, candidate: null, control: null };
  const { id, phase, step, sharePct, costCeiling } = running;
  const other = bundle((row) => row.id === compared && row.id !== stable?.id);
  return {
    stable,
    rollout: { id, phase, step, sharePct, costCeiling },
    candidate: phase === 'baking' ? null : other,
    control: phase === 'baking' ? other : null,
  };
}

async function bundlePinInForce(tx: PoolClient, workspaceId: number): Promise<BundlePinInForce | null> {
  const pin = await lastBundlePin(tx, workspaceId);
  if (pin === null) return null;
  const { rows } = await tx.query<Pick<BundleInForce, 'rules'>>('select rules from bundle where id = $1', [
    pin.bundle.id,
  ]);
  const [{ rules }] = rows as [Pick<BundleInForce, 'rules'>];
  return { bundle: { ...pin.bundle, rules }, until: pin.until?.toISOString() ?? null, reason: pin.reason };
}

async function listsInForce(
  tx: PoolClient,
  workspaceId: number,
  names: readonly string[],
): Promise<Record<string, ListInForce>> {
  const lists = await currentLists(tx, workspaceId, names);
  return Object.fromEntries(
    [...lists].map(([name, { version, digest, normalize, values }]) => [name, { version, digest, normalize, values }]),
  );
}

/** The generation of each of the workspaces that are there. */
export async function generationsOf(pool: Pool, workspaceIds: readonly number[]): Promise<Map<number, number>> {
  const { rows } = await asSystem(() =>
    pool.query<{ id: number; generation: number }>(
      'select id, generation from workspace where id = any ($1) and archived_at is null',
      [workspaceIds],
    ),
  );
  return new Map(rows.map(({ id, generation }) => [id, generation]));
}
