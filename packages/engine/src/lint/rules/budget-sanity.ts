import { at, type LintCheck } from '../check.js';

const highestCost = 1000;

export const check: LintCheck = {
  code: 'budget-sanity',
  severity: 'warning',
  *find({ rules }) {
    for (const each of rules) {
      const { id, effect, budget, enabled } = each.rule;
      if (!enabled) continue;
      if (effect === 'needs_approval' && budget === undefined) {
        yield {
          rule: at(each),
          path: ['effect'],
          message: `\`${id}\` asks for an approval but has no budget, so whoever approves sees neither what the action costs nor how risky it is`,
          suggestion: { message: 'add a `budget` with `cost` (USD), `compute` or `risk`' },
        };
      }
      if (budget?.cost !== undefined && budget.cost > highestCost) {
        yield {
          rule: at(each),
          path: ['budget', 'cost'],
          message: `\`${id}\` budgets ${budget.cost} USD for one decision; above ${highestCost} that is more often cents, or a month's total, than meant`,
          suggestion: { message: 'state the cost of one decision in USD' },
        };
      }
    }
  },
};
