import {
  type ApprovalForecast,
  type CompiledPolicy,
  canonicalJson,
  createApprovalForecaster,
  type PolicyDecision,
  type SemanticChange,
} from '@policy-studio/engine';
import { type LineNotes, replayRequests } from '../replay/run.js';

/** How recorded requests fall on the changes between two policies. */
export interface RecordedChanges {
  readonly requests: number;
  /** Those that are decided otherwise. */
  readonly changed: number;
  readonly bad_lines: LineNotes;
  /** For each change, in their order, the requests that it concerns. */
  readonly by_change: readonly number[];
  /** How many of the requests need approval, before and after. */
  readonly approval_count: { readonly before: number; readonly after: number };
  /** What that comes to a day; null when a line does not say when it was. */
  readonly approvals: ApprovalForecast | null;
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
  const needed = { before: 0, after: 0 };
  const forecaster = createApprovalForecaster();
  const totals = await replayRequests(input, [before, after], ({ request, entry }, [from, to]) => {
    if (from.effect === 'needs_approval') needed.before += 1;
    if (to.effect === 'needs_approval') needed.after += 1;
    const atMs = recordedAt(entry);
    if (atMs !== null) forecaster.add({ atMs, request: canonicalJson(request) }, from.effect, to.effect);
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
  const forecast = forecaster.report(totals.calls);
  return {
    requests: totals.calls,
    changed,
    bad_lines: totals.bad,
    by_change: counts,
    approval_count: needed,
    approvals: forecast?.records === totals.calls ? forecast : null,
  };
}

/**
 * When a line was recorded, in milliseconds since 1970: its `at` or `created_at` (RFC 3339), else the time in its
 * `decision_id` (UUIDv7).
 */
function recordedAt({ at: said, created_at, decision_id: id }: Readonly<Record<string, unknown>>): number | null {
  const at = said ?? created_at;
  if (typeof at === 'string') {
    const ms = Date.parse(at);
    return Number.isNaN(ms) ? null : ms;
  }
  const hex = typeof id === 'string' ? /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-/i.exec(id) : null;
  return hex ? Number.parseInt(`${hex[1]}${hex[2]}`, 16) : null;
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
