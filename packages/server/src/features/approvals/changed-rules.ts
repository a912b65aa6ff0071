import { type RuleChanges, type RuleInput, ruleChanges } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';

/** What an activation would change of the rules. */
export interface ChangedRules extends RuleChanges {
  readonly version: string;
  /** The version in force; null: none is, or it is this one. */
  readonly inForce: string | null;
}

/** The rules that the bundle adds, changes and removes, compared with the one in force; null: there is no such bundle. */
export async function changedRules(
  db: Pool | PoolClient,
  workspaceId: number,
  bundleId: number,
): Promise<ChangedRules | null> {
  const { rows } = await db.query<{ id: number; version: string; rules: readonly RuleInput[] }>(
    `select id, version, rules from bundle where workspace_id = $1 and (id = $2 or status = 'active')`,
    [workspaceId, bundleId],
  );
  const bundle = rows.find(({ id }) => id === bundleId);
  const inForce = rows.find(({ id }) => id !== bundleId);
  if (!bundle) return null;
  const changes = ruleChanges(inForce?.rules ?? [], bundle.rules);
  return { ...changes, version: bundle.version, inForce: inForce?.version ?? null };
}
