import Type, { type Static } from 'typebox';
import { ListName, ListValues, Normalize } from './list.js';
import { Actor, Id, Label, Nullable, Prose, page, pageQuery, Risk, Statement, Timestamp } from './vocabulary.js';

export const approvalStatuses = ['pending', 'approved', 'rejected', 'canceled', 'expired', 'used'] as const;
export const ApprovalStatus = Type.Enum(approvalStatuses);
export type ApprovalStatus = (typeof approvalStatuses)[number];
export const ApprovalKind = Type.Enum(['activation', 'list', 'settings', 'action']);

const request = {
  justification: Statement(2000),
  risk: Type.Optional(Risk),
  rollback_plan: Type.Optional(Prose(2000)),
  expires_in_hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 168, default: 24 })),
  min_approvers: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
};

/** One request to people, by kind: activate a bundle, change an enforced list, change protected settings. */
export const CreateApproval = Type.Union([
  Type.Object(
    {
      kind: Type.Literal('activation'),
      bundle_id: Id,
      initial_pct: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: 10 })),
      on_breach: Type.Optional(
        Type.Enum(['rollback', 'hold'], {
          default: 'rollback',
          description: 'What a critical gate is to do; `hold` is for a security fix, and is approved with it.',
        }),
      ),
      ...request,
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      kind: Type.Literal('list'),
      list: ListName,
      values: ListValues,
      normalize: Type.Optional(Nullable(Normalize)),
      ...request,
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { kind: Type.Literal('settings'), settings: Type.Record(Type.String(), Type.Unknown()), ...request },
    { additionalProperties: false },
  ),
]);
export type CreateApproval = Static<typeof CreateApproval>;

const Vote = Type.Object({
  by: Actor,
  verdict: Type.Enum(['approve', 'reject']),
  comment: Type.String(),
  at: Timestamp,
  self_approved: Type.Boolean({
    description: 'The requester voted for their own request (only where four eyes is off).',
  }),
  via: Type.Enum(['key', 'link'], { description: 'With a credential of their own, or through a one-time link.' }),
  link_made_by: Nullable(Actor, { description: 'Of a vote through a link: who vouched for the person.' }),
});

/** A group of approvers that is asked, and how far that has got. */
const AskedGroup = Type.Object({
  group: Type.String(),
  members_only: Type.Boolean({ description: 'Without an approval of one of them it is not approved.' }),
  heard: Type.Boolean({ description: 'Somebody who speaks for it has approved.' }),
  asked_at: Timestamp,
  reminded_at: Nullable(Timestamp),
  escalated_at: Nullable(Timestamp),
  escalated_to: Nullable(Type.String(), {
    description: 'Once escalated: the group that may speak for it too; null: everybody who approves.',
  }),
});

/** What an activation would ask of people, from decisions that were recorded before it was asked for. */
export const ApprovalPrediction = Type.Object({
  before_per_day: Type.Number(),
  after_per_day: Type.Number(),
  added_per_day: Type.Number({ description: 'After less before; below zero when the change asks for fewer.' }),
  records: Type.Integer({ description: 'Requests that were decided by both sides.' }),
  of: Type.Integer({
    description: 'Recorded requests of that time, also those that lack something to be decided again.',
  }),
  days: Type.Number({ description: 'The time that they span.' }),
  sentence: Type.String(),
});
export type ApprovalPrediction = Static<typeof ApprovalPrediction>;

export const approvalEntryTypes = [
  'requested',
  'commented',
  'approved',
  'rejected',
  'reminded',
  'escalated',
  'link_made',
  'link_revoked',
  'canceled',
  'expired',
  'used',
] as const;
export type ApprovalEntryType = (typeof approvalEntryTypes)[number];

/** One line of an approval's timeline. */
const ApprovalEntry = Type.Object({
  at: Timestamp,
  type: Type.Enum(approvalEntryTypes),
  by: Nullable(Actor, { description: 'null: where the approval itself does not say, see the audit trail.' }),
  text: Type.String({ description: 'A comment, or what happened in words.' }),
});
export type ApprovalEntry = Static<typeof ApprovalEntry>;

/** What lint says about a bundle that is asked for, as of its last lint. */
const ApprovalLint = Type.Object({
  warnings: Type.Integer(),
  info: Type.Integer(),
  suppressed_count: Type.Integer(),
  suppressed: Type.Array(
    Type.Object({
      code: Type.String(),
      rule_id: Nullable(Type.String()),
      message: Type.String(),
      reason: Type.String(),
    }),
    {
      description:
        "Findings that the rules' authors answered in `metadata.lint_ignore`, with their reasons: the first 100.",
    },
  ),
});
export type ApprovalLint = Static<typeof ApprovalLint>;

export const Approval = Type.Object(
  {
    id: Type.Integer(),
    kind: ApprovalKind,
    status: ApprovalStatus,
    subject_digest: Type.String({
      description:
        'SHA-256 of exactly what was approved; a changed subject needs a new approval. Of an action: of key, agent, action and the context as it was sent, without facts.',
    }),
    subject: Type.Record(Type.String(), Type.Unknown(), {
      description:
        'What was approved: for an activation the bundle digest, list versions, default effect, share and `on_breach` where that is `hold`; for an action its key, agent and context, without sensitive values.',
    }),
    bundle_id: Nullable(Type.Integer()),
    lint: Nullable(ApprovalLint, {
      description: 'For an activation, while the bundle is as it was asked for; else null.',
    }),
    initial_pct: Nullable(Type.Integer()),
    justification: Type.String(),
    risk: Risk,
    rollback_plan: Type.String(),
    quorum: Type.Integer(),
    approvals_given: Type.Integer(),
    waits_for: Type.Array(Type.String(), {
      description:
        'While it is pending, what is missing, in words: approvals, groups, somebody else than who made the links.',
    }),
    four_eyes: Type.Boolean(),
    self_approved: Type.Boolean(),
    requested_by: Actor,
    created_at: Timestamp,
    expires_at: Timestamp,
    decided_at: Nullable(Timestamp),
    used_at: Nullable(Timestamp),
    votes: Type.Array(Vote),
    asked: Type.Array(AskedGroup, { description: 'Groups of approvers that are asked; none: everybody who approves.' }),
    comment_count: Type.Integer(),
    prediction: Nullable(ApprovalPrediction, {
      description: 'Of an activation, where recorded traffic told, as of the request; else null.',
    }),
    timeline: Type.Optional(
      Type.Array(ApprovalEntry, {
        description:
          'Oldest first. Not in lists, and not for the role `agent`: what people say to each other is theirs.',
      }),
    ),
  },
  { $id: 'Approval' },
);
export type Approval = Static<typeof Approval>;

export const ApprovalListQuery = Type.Object({
  ...pageQuery,
  status: Type.Optional(ApprovalStatus),
  kind: Type.Optional(ApprovalKind),
  bundle_id: Type.Optional(Id),
  mine: Type.Optional(
    Type.Boolean({
      description:
        'Only what waits for the caller: pending, not voted on by them, and theirs to decide. `false` is as without.',
    }),
  ),
});
export const ApprovalPage = Type.Object({ approvals: Type.Array(Approval), ...page });
export const ApprovalGetQuery = Type.Object({
  wait: Type.Integer({ minimum: 0, maximum: 30, default: 0, description: 'Seconds to wait for a decision.' }),
});
export const Approve = Type.Object({ comment: Type.Optional(Prose(2000)) }, { additionalProperties: false });
export const Reject = Type.Object({ comment: Statement(2000) }, { additionalProperties: false });

/** Comments that one approval takes. */
export const maxApprovalComments = 200;
export const ApprovalComment = Type.Object({ comment: Statement(2000) }, { additionalProperties: false });

export const CreateApprovalLink = Type.Object(
  {
    approver: Label(128),
    expires_in_minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440, default: 60 })),
  },
  { additionalProperties: false },
);
export const ApprovalLink = Type.Object({
  approval_id: Type.Integer(),
  approver: Actor,
  url: Type.String({ description: 'Shown this once. Whoever opens it decides as that approver.' }),
  made_by: Actor,
  expires_at: Timestamp,
});
export type ApprovalLink = Static<typeof ApprovalLink>;
export const RevokeApprovalLinks = Type.Object(
  { approver: Type.Optional(Label(128)) },
  { additionalProperties: false, description: 'Without `approver` all of them.' },
);
export const RevokedApprovalLinks = Type.Object({ revoked: Type.Integer() });

export const ApprovalLoadQuery = Type.Object({ days: Type.Integer({ minimum: 1, maximum: 90, default: 14 }) });

/** What approvals ask of people: how many, of whom, and how long they wait. */
export const ApprovalLoad = Type.Object({
  from: Timestamp,
  to: Timestamp,
  requested: Type.Integer({ description: 'Asked for in this time.' }),
  pending: Type.Integer({ description: 'Waiting now, whenever they were asked for.' }),
  per_day: Type.Number({ description: 'Requests a day, on average.' }),
  median_wait_seconds: Nullable(Type.Number(), {
    description:
      'From the request until people approved or rejected it, of what they decided in this time; null: nothing.',
  }),
  days: Type.Array(
    Type.Object({
      day: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'In UTC, `2026-03-01`.' }),
      requested: Type.Integer(),
      actions: Type.Integer({ description: 'Those for an action of an agent.' }),
    }),
    { description: 'Days without requests are left out; oldest first.' },
  ),
  approvers: Type.Array(Type.Object({ approver: Actor, approved: Type.Integer(), rejected: Type.Integer() }), {
    description: 'Who voted in this time, most votes first; at most 100.',
  }),
});
export type ApprovalLoad = Static<typeof ApprovalLoad>;
