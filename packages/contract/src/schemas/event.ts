import Type, { type Static } from 'typebox';
import { AuditEntry } from './audit.js';
import { pageQuery } from './vocabulary.js';

/** Something that changed, as the audit trail keeps it. */
export const ChangeEvent = AuditEntry;
export type ChangeEvent = Static<typeof ChangeEvent>;

const seq = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
export const EventQuery = Type.Object({
  after: Type.Optional(
    Type.Integer({
      ...seq,
      description: 'Changes after this `seq`; 0: from the first. Left out: from now on (as JSON: from the first).',
    }),
  ),
  limit: Type.Integer({ ...pageQuery.limit, description: 'For JSON only.' }),
});
export const EventHeaders = Type.Object({
  'last-event-id': Type.Optional(
    Type.Integer({
      ...seq,
      description: 'The last `id` that arrived; goes before `after`. An EventSource sends it by itself.',
    }),
  ),
});

export const EventPage = Type.Object({
  events: Type.Array(ChangeEvent, { description: 'Oldest first.' }),
  next_after: Type.Integer({ description: 'What to ask for next; the caller may not see all that lies before.' }),
  head: Type.Integer({
    description: 'The newest `seq` of the workspace; everything is read when `next_after` is there.',
  }),
});
export type EventPage = Static<typeof EventPage>;
