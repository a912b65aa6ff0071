import Type, { type Static } from 'typebox';
import { ApprovalKind } from './approval.js';
import { Actor, Label, NamePattern, Nullable, Prose, Risk, Timestamp } from './vocabulary.js';

export const GroupName = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
  description: 'lower case letters, digits, `_` and `-`',
});
export const GroupParams = Type.Object({ name: GroupName });
/** Groups that one workspace has. */
export const maxApproverGroups = 100;

const Patterns = (description: string) =>
  Type.Array(NamePattern, { minItems: 1, maxItems: 100, uniqueItems: true, description });
const Minutes = Type.Integer({ minimum: 1, maximum: 10_080 });

/** Which approvals a group is asked for: all of these must hold; what is left out holds for every approval. */
const AskedFor = Type.Object(
  {
    kinds: Type.Optional(Type.Array(ApprovalKind, { minItems: 1, uniqueItems: true })),
    min_risk: Type.Optional(Risk),
    agents: Type.Optional(Patterns('Of the action, or of a rule that an activation adds, changes or removes.')),
    actions: Type.Optional(
      Patterns(
        'As `agents`. Changes of lists and settings can touch every agent and action, so these do not narrow them.',
      ),
    ),
  },
  { additionalProperties: false },
);
export type AskedFor = Static<typeof AskedFor>;

const Escalation = Type.Object(
  {
    after_minutes: Minutes,
    to: Nullable(GroupName, {
      description: 'The group that may then speak for this one too; null: everybody who approves.',
    }),
  },
  { additionalProperties: false },
);

const Members = Type.Array(Label(128), {
  minItems: 1,
  maxItems: 100,
  description: 'People, as owners of keys. A group lets nobody approve who holds no role that does.',
});
const MembersOnly = Type.Boolean({
  description: 'Whether only members decide, and one of them has to be among those who approve.',
});

export const PutApproverGroup = Type.Object(
  {
    members: Members,
    description: Type.Optional(Prose(500)),
    asked_for: Type.Optional(AskedFor),
    members_only: Type.Optional(MembersOnly),
    remind_after_minutes: Type.Optional(Nullable(Minutes)),
    escalate: Type.Optional(Nullable(Escalation)),
  },
  {
    additionalProperties: false,
    description:
      'The whole group: what is left out has its default. What is pending already keeps to what it was asked with.',
  },
);
export type PutApproverGroup = Static<typeof PutApproverGroup>;

/** People who are asked for certain approvals. */
export const ApproverGroup = Type.Object(
  {
    name: GroupName,
    description: Type.String(),
    members: Type.Array(Actor),
    asked_for: AskedFor,
    members_only: MembersOnly,
    remind_after_minutes: Nullable(Type.Integer()),
    escalate: Nullable(Escalation),
    pending: Type.Integer({ description: 'Approvals that ask it now.' }),
    updated_by: Actor,
    updated_at: Timestamp,
  },
  { $id: 'ApproverGroup' },
);
export type ApproverGroup = Static<typeof ApproverGroup>;
export const ApproverGroups = Type.Object({ approver_groups: Type.Array(ApproverGroup) });
