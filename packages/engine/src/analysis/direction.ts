import type { Effect } from '../generated/rule.js';
import type { SemanticDiff } from './semantic-diff.js';

/**
 * `same`: proven that nothing changes; `stricter`: something does, and proven that every request that is decided
 * otherwise gets a stricter effect; `looser`: some request gets a laxer one, or another budget or number of approvers
 * under the same effect; `undecided`: that may be so. What is not `stricter` or `same` is not to be taken for harmless.
 */
export type Direction = 'same' | 'stricter' | 'looser' | 'undecided';

/** From the laxest to the strictest. */
const strictness: Readonly<Record<Effect, number>> = { allow: 0, needs_approval: 1, deny: 2 };

/** Where a change leads, taken as a whole. A possible change that would be stricter leaves nothing undecided. */
export function directionOf({ equal, changes, undecided }: SemanticDiff): Direction {
  if (equal) return 'same';
  if (!changes.every(isStricter)) return 'looser';
  return undecided.every(isStricter) ? 'stricter' : 'undecided';
}

function isStricter({ from, to }: { readonly from: Effect; readonly to: Effect }): boolean {
  return strictness[to] > strictness[from];
}
