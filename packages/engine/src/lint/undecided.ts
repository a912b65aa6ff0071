import type { Undecided } from '../analysis/analyse.js';
import { at, type Found, type LintContext } from './check.js';
import { openBecause } from './wording.js';

/** One info for each rule about which a question of these kinds is open. It is never to be read as safe. */
export function* undecidedFindings(
  context: LintContext,
  questions: readonly Undecided['question'][],
  what: (id: string, count: number) => string,
): Iterable<Found> {
  for (const { question, rule: id, reason, count = 1 } of context.analysis().undecided) {
    if (!questions.includes(question)) continue;
    yield {
      rule: at(context.ruleOf(id)),
      severity: 'info',
      message: `${what(id, count)} is undecided: ${openBecause[reason]}`,
      undecided: reason,
    };
  }
}
