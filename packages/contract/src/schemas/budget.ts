import Type, { type Static } from 'typebox';
import { capScopes } from './settings.js';
import { ConcreteName, Label, Nullable, Timestamp } from './vocabulary.js';

const Used = Type.Object({
  limit: Type.Number(),
  used: Type.Number({
    description:
      'All that counts against the limit, what is reserved included. May exceed it by what outcomes reported.',
  }),
  left: Type.Number({ description: 'Of the limit, never below 0.' }),
});
const Spend = Type.Object(
  {
    ...Used.properties,
    reserved: Type.Number({ description: 'The part of `used` whose outcome is not reported.' }),
  },
  { description: 'USD.' },
);

/** What one agent, one session or the whole workspace has used of a cap. */
const BudgetAccount = Type.Object({
  subject: Nullable(Type.String({ description: 'The agent or the session; null: the workspace.' })),
  spend: Nullable(Spend),
  calls: Nullable(Type.Object({ ...Used.properties })),
  exhausted: Type.Boolean({ description: 'Nothing is left of the one or the other.' }),
  refused_at: Nullable(Timestamp, {
    description: 'The minute in which a cap on this account first refused something, on this day or in this session.',
  }),
  resets_at: Nullable(Timestamp, { description: 'null: never.' }),
});
export type BudgetAccount = Static<typeof BudgetAccount>;

const BudgetCap = Type.Object({
  setting: Type.Enum(['caps', 'cost_budget_24h'], { description: 'Where it is set.' }),
  scope: Type.Enum(capScopes),
  agent: Nullable(
    Type.String({ description: 'The agents that have this cap, each by itself; null: it is no cap of agents.' }),
  ),
  spend: Nullable(Type.Number({ description: 'USD.' })),
  calls: Nullable(Type.Integer()),
  accounts: Type.Array(BudgetAccount, { description: 'Those with the smallest share left first.' }),
  total_accounts: Type.Integer({
    description: 'That used any of it, of today or, for sessions, in the last 24 hours.',
  }),
});
export type BudgetCap = Static<typeof BudgetCap>;

export const Budgets = Type.Object(
  {
    day: Type.String({ description: 'Of the calendar in the time zone of the workspace: `2026-03-04`.' }),
    time_zone: Type.String(),
    resets_at: Timestamp,
    caps: Type.Array(BudgetCap),
  },
  { $id: 'Budgets' },
);
export type Budgets = Static<typeof Budgets>;

export const BudgetQuery = Type.Object({
  agent: Type.Optional(ConcreteName),
  session: Type.Optional(Label(256)),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 20, description: 'Accounts of each cap.' }),
});
export type BudgetQuery = Static<typeof BudgetQuery>;
