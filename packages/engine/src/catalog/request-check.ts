import type { DecisionRequest } from '../decide.js';
import { quoted } from '../diagnostic.js';
import type { CompiledCatalog } from './compiled-catalog.js';
import { type ContextViolation, validateContext } from './validate.js';

/** In one sentence, what a catalog does not know of a request's agent and action; null when it knows them. */
export function unknownTo(
  catalog: CompiledCatalog,
  { agent, action }: Pick<DecisionRequest, 'agent' | 'action'>,
): string | null {
  const knowsAction = catalog.actionOf('*', action) !== null;
  if (!catalog.knowsAgent(agent)) {
    const nor = knowsAction ? '' : ` and no action \`${action}\``;
    return `the catalog has no agent \`${agent}\`${nor}`;
  }
  if (catalog.knowsAction(agent, action)) return null;
  return knowsAction
    ? `the catalog does not give \`${action}\` to the agent \`${agent}\``
    : `the catalog has no action \`${action}\``;
}

/** A context that violates the schema of its action. */
export interface ContextFault {
  /** In one sentence. */
  readonly reason: string;
  /** Names of more than 128 characters are shortened. */
  readonly violations: readonly ContextViolation[];
}

/**
 * How a request's context violates the schema of its action, whichever agent asks; null when it does not or there is
 * none. An agent that the action is not for does not get around its schema by that.
 */
export function contextFault(
  catalog: CompiledCatalog,
  { action, context }: Pick<DecisionRequest, 'action' | 'context'>,
): ContextFault | null {
  const schema = catalog.schemaOf('*', action);
  if (schema === null) return null;
  const violations = validateContext(schema, context).map(({ path, message }) => ({
    path: path.map(shortened),
    message,
  }));
  const [first] = violations;
  if (first === undefined) return null;
  const place = first.path.length === 0 ? 'it' : quoted(first.path.join('.'));
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return {
    reason: `the context does not fit the schema of \`${action}\`: ${place} ${first.message}${more}`,
    violations,
  };
}

/** Names are the caller's: sixteen of them are not to make an answer of a megabyte. */
function shortened(name: string): string {
  return name.length > 128 ? `${name.slice(0, 125)}...` : name;
}
