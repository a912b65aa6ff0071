import type { CatalogDocument } from '@policy-studio/contract';
import type { RuleInput } from '@policy-studio/engine';
import type { Pool } from 'pg';
import { bundleInForce } from '../bundles/queries.js';
import { actionDocument, agentDocument, catalogOf } from './queries.js';

/** The catalog as clients see it, with what the bundle in force covers of it. */
export async function catalogDocument(db: Pool, workspaceId: number): Promise<CatalogDocument> {
  const { compiled, revision } = await catalogOf(db, workspaceId);
  const inForce = await bundleInForce(db, workspaceId);
  // Rules in force are valid; of their defaults only this one matters here.
  const rules = ((inForce?.rules ?? []) as unknown as readonly RuleInput[]).map(
    ({ agent, action, enabled = true }) => ({
      agent,
      action,
      enabled,
    }),
  );
  const { actions, covered, uncovered } = compiled.coverage(rules);
  return {
    revision,
    agents: compiled.catalog.agents.map(agentDocument),
    actions: compiled.catalog.actions.map(actionDocument),
    coverage: { actions, covered, covered_rate: actions === 0 ? 0 : covered / actions, uncovered: [...uncovered] },
  };
}
