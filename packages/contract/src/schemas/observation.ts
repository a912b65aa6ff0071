import Type, { type Static } from 'typebox';
import { ConcreteName, Effect, Id, Nullable, Timestamp } from './vocabulary.js';

export const WouldDenyQuery = Type.Object({
  agent: Type.Optional(ConcreteName),
  from: Type.Optional(Timestamp),
  to: Type.Optional(Timestamp),
  days: Type.Integer({
    minimum: 1,
    maximum: 366,
    default: 7,
    description: 'Where `from` is not given: so many days before `to`.',
  }),
});
export type WouldDenyQuery = Static<typeof WouldDenyQuery>;

const Count = Type.Integer();

/** What observed agents were let do, and would have been refused or left to an approval. */
export const WouldDeny = Type.Object(
  {
    from: Timestamp,
    to: Timestamp,
    observed_now: Type.Array(ConcreteName, { description: 'Agents in observe mode at this time, by name.' }),
    decisions: Type.Integer({ description: 'Decisions of agents while observed.' }),
    would_allow: Count,
    would_deny: Count,
    would_need_approval: Count,
    complete: Type.Boolean({
      description:
        'False: there are more decisions than one report looks at, and it covers the newest, from `from` on.',
    }),
    groups: Type.Array(
      Type.Object({
        agent: ConcreteName,
        action: ConcreteName,
        effect: Effect,
        rule_id: Nullable(Type.String(), { description: 'null: no rule, but the default effect or the context.' }),
        bundle_id: Nullable(Id),
        decisions: Count,
        sessions: Type.Integer({ description: 'Different sessions among them.' }),
        reason: Type.String({ description: 'Of the newest.' }),
        first_at: Timestamp,
        last_at: Timestamp,
        decision_ids: Type.Array(Type.String(), { description: 'The newest, five at most.' }),
      }),
      { description: 'What would have been denied or left to an approval: most frequent first, 200 at most.' },
    ),
    total_groups: Count,
  },
  { $id: 'WouldDeny' },
);
export type WouldDeny = Static<typeof WouldDeny>;
