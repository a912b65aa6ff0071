import type { Caller } from '../../caller.js';

/**
 * Whether the caller may speak for `agent`: one of its patterns is `*`, that name, or a `prefix.*` above it (`inbox.*`
 * covers `inbox.triage`, not `inbox`).
 */
export function mayActAs(caller: Pick<Caller, 'agents'>, agent: string): boolean {
  return caller.agents.some(
    (pattern) =>
      pattern === '*' || pattern === agent || (pattern.endsWith('.*') && agent.startsWith(pattern.slice(0, -1))),
  );
}
