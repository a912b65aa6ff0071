import { at, type LintCheck } from '../check.js';
import { listed } from '../wording.js';

export const check: LintCheck = {
  code: 'unknown-list',
  severity: 'info',
  *find({ unknownLists }) {
    for (const { rule, lists } of unknownLists) {
      if (!rule.rule.enabled) continue;
      const what =
        lists.length === 1
          ? `the list ${listed(lists)}, whose values are`
          : `the lists ${listed(lists)}, whose values are`;
      yield {
        rule: at(rule),
        path: ['conditions'],
        message: `\`${rule.rule.id}\` names ${what} not known here, so nothing is said about what it matches, nor about what would be redundant or evadable beside it`,
        suggestion: { message: 'lint with the lists at hand, or where they are kept' },
      };
    }
  },
};
