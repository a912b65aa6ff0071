import { defineOperation } from '../operation.js';
import { roles } from '../roles.js';
import { ChangeEvent, EventHeaders, EventPage, EventQuery } from '../schemas/event.js';

export const readEvents = defineOperation({
  id: 'readEvents',
  method: 'GET',
  path: '/policy/events',
  tag: 'Events',
  summary: 'What changes, as it changes, in the order in which it was committed',
  description: [
    'Server-sent events: `id` is the `seq`, `data` the change as JSON. A reader that comes back with `Last-Event-ID` (or `after`) misses nothing and gets nothing twice. Every 15 seconds of silence bring a comment.',
    'A reader that takes nothing for 30 seconds is cut off, and so is one whose key is revoked.',
    'With `Accept: application/json` the answer is a page instead, for readers that poll.',
    'An agent sees what becomes of its own approvals and nothing else.',
  ].join('\n\n'),
  access: roles,
  query: EventQuery,
  headers: EventHeaders,
  status: 200,
  response: EventPage,
  stream: ChangeEvent,
  problems: ['overloaded'],
});
