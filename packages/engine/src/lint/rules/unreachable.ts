import { at, type LintCheck } from '../check.js';
import { remove } from '../edits.js';
import { undecidedFindings } from '../undecided.js';
import { listed } from '../wording.js';

export const check: LintCheck = {
  code: 'unreachable',
  severity: 'warning',
  *find(context) {
    for (const { rule: id, cover, witness } of context.analysis().unreachable) {
      const rule = context.ruleOf(id);
      const covering = cover.map((name) => context.ruleOf(name).rule);
      const together = cover.length === 1 ? 'comes first and takes' : 'come first and together take';
      const isLost = covering.some(({ effect }) => effect !== rule.rule.effect);
      const highest = Math.max(...covering.map(({ priority }) => priority));
      yield {
        rule: at(rule),
        message: `\`${id}\` never decides: ${listed(cover)} ${together} every request it matches`,
        // Where another effect wins, the rule says what its author wanted, so it is not for a machine to remove.
        suggestion: isLost
          ? {
              message: `raise its priority above ${highest} if it should win, or remove it; as it stands it has no effect`,
            }
          : { message: 'remove it, no request is decided otherwise', patch: [remove([rule.index])] },
        witness,
        related: cover,
      };
    }
    yield* undecidedFindings(context, ['unreachable'], (id) => `whether \`${id}\` ever decides a request`);
  },
};
