import { type CompiledPolicy, canonicalJson, type PolicyDecision, type SemanticChange } from '@policy-studio/engine';
import { type LineNotes, replayRequests } from '../replay/run.js';

/** How recorded requests fall on the changes between two policies. */
export interface RecordedChanges {
  readonly requests: number;
  /** Those that are decided otherwise. */
  readonly changed: number;
  readonly bad_lines: LineNotes;
  /** For each change, in their order, the requests that it concerns. */
  readonly by_change: readonly number[];
}

/**
 * Decides each recorded request of `input` (JSON, one a line, plain or gzip) by both policies and counts what changes,
 * at the narrowest change that names its agent and action.
 */
export async function recordedChanges(
  input: AsyncIterable<Uint8Array>,
  before: CompiledPolicy,
  after: CompiledPolicy,
  changes: readonly SemanticChange[],
): Promise<RecordedChanges> {
  const counts = changes.map(() => 0);
  const ranked = changes
    .map((change, index) => ({ change, index }))
    .sort((a, b) => narrowness(b.change) - narrowness(a.change));
  let changed = 0;
  const totals = await replayRequests(input, [before, after], ({ request }, [from, to]) => {
    if (outcomeOf(from) === outcomeOf(to)) return;
    changed += 1;
    const found = ranked.find(
      ({ change }) =>
        change.from === from.effect &&
        change.to === to.effect &&
        matches(change.agent, request.agent) &&
        matches(change.action, request.action),
    );
    if (found !== undefined) counts[found.index] = (counts[found.index] ?? 0) + 1;
  });
  return { requests: totals.calls, changed, bad_lines: totals.bad, by_change: counts };
}

function outcomeOf({ effect, budget, min_approvers }: PolicyDecision): string {
  return `${effect} ${min_approvers} ${budget === null ? '' : canonicalJson(budget)}`;
}

function matches(pattern: string, name: string): boolean {
  if (pattern === '*' || pattern === name) return true;
  return pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1)) && name.length > pattern.length - 1;
}

function narrowness({ agent, action }: SemanticChange): number {
  const of = (pattern: string) => (pattern === '*' ? 0 : pattern.endsWith('*') ? pattern.length : 1000);
  return of(agent) + of(action);
}
