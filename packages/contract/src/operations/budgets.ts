import { defineOperation } from '../operation.js';
import { readers } from '../roles.js';
import { BudgetQuery, Budgets } from '../schemas/budget.js';

export const getBudgets = defineOperation({
  id: 'getBudgets',
  method: 'GET',
  path: '/policy/budgets',
  tag: 'Budgets',
  summary: 'What is used of each cap now, and when it begins anew',
  description:
    'Of the caps of agents the agents of today, of those of sessions the sessions of the last 24 hours; `agent` and `session` ask for one, which is listed even if it has used nothing.',
  access: readers,
  query: BudgetQuery,
  status: 200,
  response: Budgets,
  problems: [],
});
