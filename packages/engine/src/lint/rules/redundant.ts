import { at, type LintCheck } from '../check.js';
import { remove } from '../edits.js';
import { undecidedFindings } from '../undecided.js';
import { listed } from '../wording.js';

export const check: LintCheck = {
  code: 'redundant',
  severity: 'info',
  *find(context) {
    for (const { rule: id, instead, witness } of context.analysis().redundant) {
      const rule = context.ruleOf(id);
      // A rule that is left out of the analysis may stand between it and what would decide in its place.
      if (context.mayBeDecidedByOthers(rule.rule)) continue;
      const others = instead.filter((name) => name !== null);
      const deciders = [
        ...(others.length === 0 ? [] : [listed(others)]),
        ...(instead.includes(null) ? [`the default effect (\`${context.policy.defaultEffect}\`)`] : []),
      ].join(' and ');
      yield {
        rule: at(rule),
        message: `\`${id}\` changes nothing: without it, what it decides now is decided by ${deciders} with the same effect, budget and approvers`,
        // The default effect is no part of the rules, so relying on it is for a person to decide.
        suggestion: instead.includes(null)
          ? { message: 'remove it, unless it should hold whatever the default effect is' }
          : { message: 'remove it, unless its reason is worth having in the log', patch: [remove([rule.index])] },
        witness,
        related: others,
      };
    }
    yield* undecidedFindings(context, ['redundant'], (id) => `whether \`${id}\` could be removed without a change`);
  },
};
