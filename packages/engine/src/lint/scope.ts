/** The agents and actions a rule is about, as it writes them. */
export interface Scope {
  readonly agent: string;
  readonly action: string;
}

/** Whether some agent and action are in both scopes. */
export function scopesMeet(a: Scope, b: Scope): boolean {
  return patternsMeet(a.agent, b.agent) && patternsMeet(a.action, b.action);
}

/** Whether all that `inner` matches is matched by `outer`. */
export function isWithin(inner: string, outer: string): boolean {
  if (outer === '*' || inner === outer) return true;
  return outer.endsWith('.*') && inner !== '*' && inner.startsWith(outer.slice(0, -1));
}

function patternsMeet(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}
