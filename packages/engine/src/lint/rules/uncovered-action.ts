import type { LintCheck } from '../check.js';

export const check: LintCheck = {
  code: 'uncovered-action',
  severity: 'info',
  *find({ rules, catalog, policy }) {
    if (catalog === null || rules.length === 0) return;
    const { uncovered } = catalog.coverage(rules.map(({ rule }) => rule));
    for (const action of uncovered) {
      yield {
        rule: null,
        message: `no rule is about the action \`${action}\`: every request for it gets the default effect, \`${policy.defaultEffect}\``,
        suggestion: { message: 'add a rule for it if that is not what you want' },
      };
    }
  },
};
