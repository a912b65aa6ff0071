import { at, type Found, type LintCheck } from '../check.js';
import { add } from '../edits.js';
import type { Suggestion } from '../finding.js';

const highestPriority = 1000;

export const check: LintCheck = {
  code: 'ambiguous-tie',
  severity: 'warning',
  *find(context) {
    for (const { rule: higher, shown, ties } of context.analysis().overlaps) {
      if (ties === 0) continue;
      const above = context.ruleOf(higher);
      const { priority, effect } = above.rule;
      const tie = (lower: string): Pick<Found, 'rule' | 'path' | 'message' | 'suggestion'> => ({
        rule: at(above),
        path: ['priority'],
        message: `\`${higher}\` (${effect}) and ${lower} match the same requests at the same priority, ${priority}: \`${higher}\` wins only because ${effect} goes before the other effect, which is easily overlooked`,
        suggestion: raised(above.index, priority),
      });
      const meetings = shown.filter((overlap) => overlap.tie);
      for (const [i, { rule: lower, witness }] of meetings.entries()) {
        const more = i === meetings.length - 1 ? ties - meetings.length : 0;
        const others = more === 0 ? '' : ` (and ${more} more)`;
        const name = `\`${lower}\` (${context.ruleOf(lower).rule.effect})${others}`;
        yield { ...tie(name), witness, related: [lower] };
      }
      // The few that are shown may be of more interest for other reasons.
      if (meetings.length === 0) yield tie(ties === 1 ? 'another rule' : `${ties} other rules`);
    }
  },
};

function raised(index: number, priority: number): Suggestion {
  if (priority === highestPriority) return { message: 'lower the priority of the rule that should lose' };
  return {
    message: 'give the rule that should win a higher priority',
    patch: [add([index, 'priority'], priority + 1)],
    changes_decisions: true,
  };
}
