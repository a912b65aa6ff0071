import { limits } from '@policy-studio/engine';
import Type, { type Static } from 'typebox';
import { capScopes } from './settings.js';
import { Actor, ConcreteName, Effect, Id, Label, Nullable, Prose, pageQuery, Risk, Timestamp } from './vocabulary.js';

export const Context = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  description: `What is known before the action; at most ${limits.contextBytes / 1024} KiB of JSON, ${limits.contextDepth} levels deep.`,
});
const Session = Label(256);
const RequestId = Label(128);

export const EvaluateRequest = Type.Object(
  {
    agent: ConcreteName,
    action: ConcreteName,
    context: Context,
    session: Type.Optional(Session),
    request_id: Type.Optional(RequestId),
    explain: Type.Optional(Type.Boolean()),
    approval_id: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2147483647,
        description: 'The approval that an earlier answer to this request named: where it was given, it allows once.',
      }),
    ),
  },
  {
    $id: 'EvaluateRequest',
    additionalProperties: false,
    examples: [{ agent: 'inbox.triage', action: 'quarantine', context: { risk_score: 95, domain_seen_days: 5 } }],
  },
);
export type EvaluateRequest = Static<typeof EvaluateRequest>;

/** Requests of a batch are checked one by one, so that a bad one answers in its place. */
export const EvaluateBatch = Type.Object(
  { requests: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
);

export const Budget = Type.Object({
  cost: Type.Optional(Type.Number({ description: 'USD.' })),
  compute: Type.Optional(Type.Number({ description: 'Compute units.' })),
  risk: Type.Optional(Risk),
});

const EvaluationError = Type.Object({
  code: Type.Enum(['type_mismatch', 'work_exhausted', 'context_invalid'], {
    description: '`context_invalid`: the field violates the schema of its action, whatever a rule says.',
  }),
  rule_id: Type.Optional(Type.String()),
  field: Type.Optional(Type.String()),
  operator: Type.Optional(Type.String()),
});

const CapSaid = Type.Object(
  {
    scope: Type.Enum(capScopes),
    measure: Type.Enum(['spend', 'calls']),
    subject: Nullable(Type.String({ description: 'The agent or the session; null: the workspace.' })),
    limit: Type.Number({ description: 'USD or calls.' }),
    used: Type.Number(),
    left: Type.Number({ description: 'Of the limit, never below 0.' }),
    asked: Type.Number(),
    resets_at: Nullable(Timestamp, { description: 'null: never.' }),
  },
  { description: 'The cap that refused it, as it was then.' },
);
export type CapSaid = Static<typeof CapSaid>;

/** Something that made the enforced effect differ from the policy's, or a fact about the request worth keeping. */
const Overlay = Type.Object(
  {
    kind: Type.Enum([
      'facts_discarded',
      'unknown_action',
      'candidate_failed',
      'context_invalid',
      'safe_bundle',
      'pinned',
      'bundle_pinned',
      'budget_exhausted',
      'stale_policy',
      'database_unavailable',
      'observed',
      'approved',
      'approval_refused',
    ]),
    detail: Type.String(),
    would_be: Type.Optional(Effect),
    facts: Type.Optional(Type.Array(Type.String(), { description: 'The facts whose values were discarded.' })),
    violations: Type.Optional(
      Type.Array(Type.Object({ path: Type.Array(Type.String()), message: Type.String() }), {
        description: 'Where the context violates the schema of its action; the first 16.',
      }),
    ),
    cap: Type.Optional(CapSaid),
    policy_reason: Type.Optional(
      Type.String({ description: "The policy's own reason, where the overlay denied and gave another." }),
    ),
  },
  { additionalProperties: true },
);

export const BundleRef = Type.Object({ id: Type.Integer(), version: Type.String(), digest: Type.String() });
export type BundleRef = Static<typeof BundleRef>;
/** What people are asked about an action, and how to hear of it. */
const ApprovalOfAction = Type.Object({
  id: Type.Integer(),
  wait_url: Type.String({ description: 'Answers when people have decided, or after 30 seconds; to be asked again.' }),
  expires_at: Timestamp,
});
export type ApprovalOfAction = Static<typeof ApprovalOfAction>;
const Facts = Type.Record(Type.String(), Type.Unknown());
const Trace = Type.Unsafe<unknown>({
  description: 'Each candidate rule with each condition, the actual value and how it came out.',
});

const answer = {
  decision_id: Type.String({ format: 'uuid', description: 'UUIDv7: sorts by time.' }),
  created_at: Timestamp,
  agent: Type.String(),
  action: Type.String(),
  effect: Effect,
  policy_effect: Effect,
  matched_rule: Nullable(Type.String()),
  reason: Type.String(),
  default: Type.Boolean({ description: 'True when no rule matched and the default effect was applied.' }),
  bundle: Nullable(BundleRef),
  generation: Type.Integer(),
  arm: Type.Enum(['stable', 'canary', 'shadow'], {
    description:
      '`canary`: decided by the candidate of a rollout with a share of the traffic. With all of it, it is `stable`.',
  }),
  budget: Nullable(Budget),
  errors: Type.Array(EvaluationError),
  facts_used: Facts,
  overlays: Type.Array(Overlay),
  approval: Type.Optional(
    Type.Unsafe<ApprovalOfAction>({ ...ApprovalOfAction, description: 'Where the action waits for people.' }),
  ),
};

export const Decision = Type.Object({ ...answer, trace: Type.Optional(Trace) }, { $id: 'Decision' });
export type Decision = Static<typeof Decision>;

const BatchItem = Type.Union([Decision, Type.Object({ error: Type.Ref('Problem') })]);
export const BatchAnswer = Type.Object({ decisions: Type.Array(BatchItem) });

export const OutcomeReport = Type.Object(
  {
    status: Type.Enum(['success', 'error']),
    cost: Type.Optional(Type.Number({ minimum: 0, maximum: 1e12, description: 'USD.' })),
    compute: Type.Optional(Type.Number({ minimum: 0, maximum: 1e12 })),
    message: Type.Optional(Prose(1000)),
  },
  { additionalProperties: false },
);
export type OutcomeReport = Static<typeof OutcomeReport>;

const Outcome = Type.Object({
  status: Type.Enum(['success', 'error']),
  cost: Nullable(Type.Number()),
  compute: Nullable(Type.Number()),
  message: Nullable(Type.String()),
  reported_at: Timestamp,
});

/** What the bundle that did not decide would have answered; `effect` is null when it could not. */
const Shadow = Type.Object({
  effect: Nullable(Effect),
  matched_rule: Nullable(Type.String()),
  bundle: Nullable(BundleRef),
});

/** A decision as it is kept: the answer and everything it was made from. */
export const DecisionRecord = Type.Object(
  {
    ...answer,
    context: Context,
    session: Nullable(Type.String()),
    request_id: Nullable(Type.String()),
    caller: Type.Object({ key_id: Nullable(Type.Integer()), owner: Actor }),
    default_effect: Effect,
    lists: Type.Record(Type.String(), Type.Integer(), { description: 'Version of each named list that was read.' }),
    redacted: Type.Array(Type.String(), {
      description:
        'Fields that the schema marks `x-sensitive`, or that hold such: the context has `[redacted]` in their place.',
    }),
    source: Type.Enum(['api', 'batch', 'sdk', 'spool']),
    rollout: Nullable(Type.Object({ id: Type.Integer(), step: Type.Integer(), shadow: Nullable(Shadow) }), {
      description: 'The rollout that ran, if any, and what the other of its two bundles said.',
    }),
    outcome: Nullable(Outcome),
    trace: Type.Optional(Trace),
  },
  { $id: 'DecisionRecord' },
);
export type DecisionRecord = Static<typeof DecisionRecord>;

export const DecisionParams = Type.Object({ id: Type.String({ format: 'uuid' }) });
export const DecisionGetQuery = Type.Object({ explain: Type.Boolean({ default: false }) });

export const DecisionListQuery = Type.Object({
  bundle_id: Type.Optional(Id),
  arm: Type.Optional(Type.Enum(['stable', 'canary', 'shadow'])),
  effect: Type.Optional(Effect),
  rule: Type.Optional(Label(64)),
  agent: Type.Optional(ConcreteName),
  action: Type.Optional(ConcreteName),
  session: Type.Optional(Session),
  status: Type.Optional(Type.Enum(['error', 'success'])),
  from: Type.Optional(Timestamp),
  to: Type.Optional(Timestamp),
  cursor: Type.Optional(Type.String({ format: 'uuid' })),
  limit: pageQuery.limit,
});
export type DecisionListQuery = Static<typeof DecisionListQuery>;
export const DecisionPage = Type.Object({
  decisions: Type.Array(DecisionRecord),
  next_cursor: Nullable(Type.String()),
});
export type DecisionPage = Static<typeof DecisionPage>;

export const ReplayAnswer = Type.Object({
  same: Type.Boolean({
    description: 'True when the rules, lists and inputs of the record give the recorded answer again.',
  }),
  differences: Type.Array(Type.String({ description: 'Which parts of the answer differ.' })),
  decision: Type.Object({
    effect: Effect,
    matched_rule: Nullable(Type.String()),
    reason: Type.String(),
    default: Type.Boolean(),
    budget: Nullable(Budget),
    errors: Type.Array(EvaluationError),
  }),
});
export type ReplayAnswer = Static<typeof ReplayAnswer>;
