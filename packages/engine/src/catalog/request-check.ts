import type { DecisionRequest } from '../decide.js';
import type { CompiledCatalog } from './compiled-catalog.js';
import { type ContextViolation, validateContext } from './validate.js';

/** In one sentence, what a catalog does not know of a request's agent and action; null when it knows them. */
export function unknownTo(
  catalog: CompiledCatalog,
  { agent, action }: Pick<DecisionRequest, 'agent' | 'action'>,
): string | null {
  if (!catalog.knowsAgent(agent)) return `the catalog has no agent \`${agent}\``;
  if (catalog.knowsAction(agent, action)) return null;
  return catalog.actionOf('*', action) === null
    ? `the catalog has no action \`${action}\``
    : `the catalog does not give \`${action}\` to the agent \`${agent}\``;
}

/**
 * Where a request's context violates the schema of its action, whichever agent asks; empty where there is none. An agent
 * that the action is not for does not get around its schema by that.
 */
export function violationsOf(
  catalog: CompiledCatalog,
  { action, context }: Pick<DecisionRequest, 'action' | 'context'>,
): readonly ContextViolation[] {
  const schema = catalog.schemaOf('*', action);
  return schema === null ? [] : validateContext(schema, context);
}
