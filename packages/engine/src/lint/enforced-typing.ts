import type { AnalysisOptions } from '../analysis/analyse.js';
import type { CompiledCatalog } from '../catalog/compiled-catalog.js';
import type { CompiledPolicy } from '../compile.js';

/**
 * What an enforced catalog lets requests hold, for the pairs that stand for others in an analysis. A pair's names are
 * either those that rules name or stand for all that no rule names. Actions of the latter kind may be unknown to the
 * catalog, so anything goes, and that includes whatever the schemas of known ones let through: no other pairs are needed.
 */
export function enforcedTyping(
  catalog: CompiledCatalog | null,
  { index }: CompiledPolicy,
): Pick<AnalysisOptions, 'typing'> {
  if (catalog === null) return {};
  return {
    typing: (agent, action) => {
      if (!index.actions.exact.has(action)) return undefined;
      // No agent of the catalog is called so, though a pattern that matches the made name matches this one.
      const unnamed = `${agent}\u0000`;
      return catalog.typing(index.agents.exact.has(agent) ? agent : unnamed, action);
    },
  };
}
