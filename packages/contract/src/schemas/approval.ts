import Type, { type Static } from 'typebox';
import { ListName, ListValues, Normalize } from './list.js';
import { Actor, Id, Nullable, Prose, page, pageQuery, Risk, Statement, Timestamp } from './vocabulary.js';

export const approvalStatuses = ['pending', 'approved', 'rejected', 'canceled', 'expired', 'used'] as const;
export const ApprovalStatus = Type.Enum(approvalStatuses);
export type ApprovalStatus = (typeof approvalStatuses)[number];
const ApprovalKind = Type.Enum(['activation', 'list', 'settings', 'action']);

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
});

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
        'What was approved: for an activation the bundle digest, list versions, default effect and share; for an action its key, agent and context, without sensitive values.',
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
    four_eyes: Type.Boolean(),
    self_approved: Type.Boolean(),
    requested_by: Actor,
    created_at: Timestamp,
    expires_at: Timestamp,
    decided_at: Nullable(Timestamp),
    used_at: Nullable(Timestamp),
    votes: Type.Array(Vote),
  },
  { $id: 'Approval' },
);
export type Approval = Static<typeof Approval>;

export const ApprovalListQuery = Type.Object({
  ...pageQuery,
  status: Type.Optional(ApprovalStatus),
  kind: Type.Optional(ApprovalKind),
  bundle_id: Type.Optional(Id),
});
export const ApprovalPage = Type.Object({ approvals: Type.Array(Approval), ...page });
export const ApprovalGetQuery = Type.Object({
  wait: Type.Integer({ minimum: 0, maximum: 30, default: 0, description: 'Seconds to wait for a decision.' }),
});
export const Approve = Type.Object({ comment: Type.Optional(Prose(2000)) }, { additionalProperties: false });
export const Reject = Type.Object({ comment: Statement(2000) }, { additionalProperties: false });

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
