import Type, { type Static } from 'typebox';
import { Actor, Nullable, Prose, page, pageQuery, Risk, Statement, Timestamp } from './vocabulary.js';

/** In the order in which an incident goes through them. */
export const incidentStatuses = ['open', 'acknowledged', 'mitigated', 'resolved', 'closed'] as const;
export const IncidentStatus = Type.Enum(incidentStatuses);
export type IncidentStatus = Static<typeof IncidentStatus>;

/** Lowest first: the words of risk. */
export const Severity = Risk;
export type Severity = Static<typeof Severity>;

/** What a person can do with an incident. */
export const incidentActions = ['acknowledge', 'mitigate', 'resolve', 'close', 'comment', 'assign'] as const;
export type IncidentAction = (typeof incidentActions)[number];

const IncidentKind = Type.String({
  pattern: '^[a-z][a-z0-9_]{0,62}$',
  description: 'what kind of thing went wrong, such as `rollback`: lower case letters, digits and `_`',
});
const IncidentSource = Type.Enum(['system', 'external'], {
  description: 'Who saw it: the server itself, or a person or another system, through this interface.',
});
export type IncidentSource = Static<typeof IncidentSource>;

/** One line that says something. */
const Line = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
    description: 'one line of text that says something',
  });

/** Bytes of JSON that `details` may take in a request. */
export const maxIncidentDetailsBytes = 16 * 1024;
const Details = Type.Record(Type.String(), Type.Unknown(), {
  description:
    'What is known, by name. The server writes `metric {name, before, after, limit}`, `decision_ids`, `bundles {from, to}` and `recommended_actions` where they apply. In a request at most 16 KiB of JSON.',
});

/** What to do, in a few steps. */
export const Playbook = Type.Object(
  {
    title: Line(200),
    steps: Type.Array(Line(500), { maxItems: 20 }),
    url: Nullable(Type.String({ pattern: '^https?://[^\\s\\u0000-\\u001f\\u007f]+$', maxLength: 2000 })),
  },
  { additionalProperties: false },
);
export type Playbook = Static<typeof Playbook>;

export const incidentEntryTypes = [
  'opened',
  'repeated',
  'escalated',
  'reopened',
  'acknowledged',
  'mitigated',
  'resolved',
  'closed',
  'commented',
  'assigned',
  'noted',
] as const;
export type IncidentEntryType = (typeof incidentEntryTypes)[number];

const IncidentEntry = Type.Object({
  seq: Type.Integer({ description: 'Counts the entries of this incident from 1.' }),
  at: Timestamp,
  actor: Actor,
  type: Type.Enum(incidentEntryTypes),
  text: Type.String({ description: 'The comment, or what the server has to say; may be empty.' }),
  data: Type.Record(Type.String(), Type.Unknown(), {
    description:
      'Of a repetition: its `details`, and `count` and `last_at` where several within an hour became one entry. Of an escalation `from` and `to`; of an assignment `assigned_to`.',
  }),
});
export type IncidentEntry = Static<typeof IncidentEntry>;

const incident = {
  id: Type.Integer(),
  kind: Type.String(),
  key: Type.String({ description: 'Opening with the key of an incident that is not closed adds to that one.' }),
  source: IncidentSource,
  severity: Severity,
  status: IncidentStatus,
  summary: Type.String(),
  details: Details,
  playbooks: Type.Array(Playbook),
  tied_to_policy: Type.Boolean({
    description:
      'Whether an incident from outside, high or critical, may roll a fresh activation back when decisions fail too.',
  }),
  occurrences: Type.Integer({ description: 'How often it was opened.' }),
  last_seen_at: Timestamp,
  assigned_to: Nullable(Type.String()),
  created_by: Actor,
  created_at: Timestamp,
  updated_at: Timestamp,
  acknowledged_at: Nullable(Timestamp),
  mitigated_at: Nullable(Timestamp),
  resolved_at: Nullable(Timestamp),
  closed_at: Nullable(Timestamp),
  allowed_actions: Type.Array(Type.Enum(incidentActions), {
    description: 'What its status allows; who may do it is a matter of roles.',
  }),
};

/** An incident without its timeline, as in lists. */
export const IncidentSummary = Type.Object(incident, { $id: 'IncidentSummary' });
export type IncidentSummary = Static<typeof IncidentSummary>;

export const Incident = Type.Object(
  {
    ...incident,
    timeline: Type.Array(IncidentEntry, { description: 'In the order of events; the newest 1,000 entries.' }),
    timeline_total: Type.Integer(),
  },
  { $id: 'Incident' },
);
export type Incident = Static<typeof Incident>;

export const OpenIncident = Type.Object(
  {
    kind: Type.Optional(IncidentKind),
    key: Type.Optional(Line(200)),
    severity: Severity,
    summary: Line(300),
    details: Type.Optional(Details),
    playbooks: Type.Optional(Type.Array(Playbook, { maxItems: 10 })),
    tied_to_policy: Type.Optional(Type.Boolean({ default: true })),
  },
  { additionalProperties: false },
);
export type OpenIncident = Static<typeof OpenIncident>;

export const IncidentListQuery = Type.Object({
  ...pageQuery,
  status: Type.Optional(IncidentStatus),
  unresolved_only: Type.Boolean({ default: false, description: 'Leave out what is resolved or closed.' }),
  severity: Type.Optional(Severity),
  kind: Type.Optional(IncidentKind),
});
export const IncidentPage = Type.Object({ incidents: Type.Array(IncidentSummary), ...page });
export type IncidentPage = Static<typeof IncidentPage>;

export const IncidentStep = Type.Object({ comment: Type.Optional(Prose(2000)) }, { additionalProperties: false });
export const IncidentComment = Type.Object({ comment: Statement(2000) }, { additionalProperties: false });
export const IncidentAssignment = Type.Object(
  { assigned_to: Nullable(Line(128), { description: 'A person or a team; null takes the assignment away.' }) },
  { additionalProperties: false },
);

export const PostMortem = Type.Object(
  {
    incident_id: Type.Integer(),
    filename: Type.String(),
    markdown: Type.String({ description: 'A draft: what is recorded is filled in, what only people know is asked.' }),
  },
  { $id: 'PostMortem' },
);
export type PostMortem = Static<typeof PostMortem>;
