import { listsUsed } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import type { Config } from '../../services.js';
import { storedCatalog } from '../catalog/queries.js';
import { currentLists } from '../lists/queries.js';
import { settingsOf } from '../settings/queries.js';
import type { BundleInForce, InForce, ListInForce } from './in-force.js';

export { compilePolicy, type Enforced } from './in-force.js';

/** What is in force in a workspace now, all of one moment; null when there is no such workspace. */
export function loadInForce(
  pool: Pool,
  config: Pick<Config, 'fourEyesDefault'>,
  workspaceId: number,
): Promise<InForce | null> {
  return withTransaction(pool, async (tx) => {
    // One snapshot for all reads, so that bundle, lists, settings and generation belong together.
    await tx.query('set transaction isolation level repeatable read, read only');
    const workspace = await tx.query<{ generation: number }>(
      'select generation from workspace where id = $1 and archived_at is null',
      [workspaceId],
    );
    const generation = workspace.rows[0]?.generation;
    if (generation === undefined) return null;
    const settings = await settingsOf(tx, config, workspaceId);
    const active = await tx.query<BundleInForce>(
      `select id, version, digest, rules from bundle where workspace_id = $1 and status = 'active'`,
      [workspaceId],
    );
    const stable = active.rows[0] ?? null;
    const { catalog, stamp } = await storedCatalog(tx, workspaceId);
    return {
      workspaceId,
      generation,
      stable,
      lists: stable ? await listsInForce(tx, workspaceId, listsUsed(stable.rules)) : {},
      catalog,
      catalogStamp: stamp,
      defaultEffect: settings.default_effect,
      timeZone: settings.time_zone,
      enforceContext: settings.enforce_context,
      costBudget24h: settings.cost_budget_24h,
      maxStaleMinutes: settings.max_stale_minutes,
    };
  });
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
  const { rows } = await pool.query<{ id: number; generation: number }>(
    'select id, generation from workspace where id = any ($1) and archived_at is null',
    [workspaceIds],
  );
  return new Map(rows.map(({ id, generation }) => [id, generation]));
}
