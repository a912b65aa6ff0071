import { at, type LintCheck } from '../check.js';

export const check: LintCheck = {
  code: 'disabled-rule',
  severity: 'info',
  *find({ rules }) {
    for (const each of rules) {
      if (each.rule.enabled) continue;
      yield {
        rule: at(each),
        path: ['enabled'],
        message: `\`${each.rule.id}\` is disabled: it decides nothing, and no other check looks at it`,
        suggestion: { message: 'enable it when it is wanted, remove it when it is not' },
      };
    }
  },
};
