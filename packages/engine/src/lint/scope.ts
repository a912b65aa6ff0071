import { matchesName, patternsMeet } from '../catalog/name-pattern.js';

/** The agents and actions a rule is about, as it writes them. */
export interface Scope {
  readonly agent: string;
  readonly action: string;
}

/** Whether some agent and action are in both scopes. */
export function scopesMeet(a: Scope, b: Scope): boolean {
  return patternsMeet(a.agent, b.agent) && patternsMeet(a.action, b.action);
}

/** Whether the concrete names are in the scope. */
export function isInScope(pair: Scope, { agent, action }: Scope): boolean {
  return matchesName(agent, pair.agent) && matchesName(action, pair.action);
}
