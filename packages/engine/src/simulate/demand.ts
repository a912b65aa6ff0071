import type { Condition, Test } from '../condition.js';
import type { Random } from './random.js';

/** That a test is met, or that it is not. */
export interface Demand {
  readonly test: Test;
  readonly met: boolean;
}

/** Demands that make the condition hold, or fail; where there are alternatives, one way chosen at random. */
export function demandsFor(condition: Condition, holds: boolean, random: Random): Demand[] {
  const found: Demand[] = [];
  demand(condition, holds, random, found);
  return found;
}

function demand(condition: Condition, holds: boolean, random: Random, found: Demand[]): void {
  switch (condition.kind) {
    case 'test':
      found.push({ test: condition, met: holds });
      return;
    case 'not':
      demand(condition.of, !holds, random, found);
      return;
    default: {
      // One child decides an `any` that holds and an `all` that fails; the rest of that `all` holds, so that only one
      // test stands between the case and the rule.
      const oneDecides = (condition.kind === 'any') === holds;
      const chosen = oneDecides ? random.below(condition.of.length) : -1;
      for (const [i, child] of condition.of.entries()) {
        if (!oneDecides || i === chosen) demand(child, holds, random, found);
        else if (condition.kind === 'all') demand(child, true, random, found);
      }
    }
  }
}
