import Type, { type Static } from 'typebox';
import { RolloutCritical, RolloutGates } from './settings.js';
import { Actor, Id, Label, Nullable, Prose, page, pageQuery, Reason, Timestamp } from './vocabulary.js';

/** Where a rollout is. The last four are ends. */
export const rolloutPhases = [
  'approved',
  'shadow',
  'canary',
  'baking',
  'completed',
  'rolled_back',
  'aborted',
  'superseded',
] as const;
export const RolloutPhase = Type.Enum(rolloutPhases, {
  description: 'baking: the bundle decides all traffic, and the one before it still watches.',
});
export type RolloutPhase = (typeof rolloutPhases)[number];

export const holdReasons = [
  'operator',
  'inconclusive',
  'failing',
  'telemetry',
  'ratio-mismatch',
  'environmental',
  'freeze',
  'no-target',
] as const;
export type HoldReason = (typeof holdReasons)[number];
const Holds = Type.Array(Type.Enum(holdReasons), {
  description: 'Why it stands still; dwell time stands still too, checks for a rollback never do.',
});

/** `sample_size` stands alone only where plain figures are checked; else it is a part of each rate. */
export const gateNames = [
  'sample_size',
  'error_rate',
  'deny_rate',
  'newly_denied',
  'no_match',
  'cost_increase',
  'spend',
  'sample_ratio',
  'telemetry',
] as const;
export const GateName = Type.Enum(gateNames);
export type GateName = (typeof gateNames)[number];

/** What one gate says about the current step. */
export const Gate = Type.Object(
  {
    gate: GateName,
    verdict: Type.Enum(['pass', 'inconclusive', 'fail', 'critical'], {
      description: 'Only when all pass is a bundle promoted; `critical` rolls back by itself.',
    }),
    value: Nullable(Type.Number(), { description: 'As measured; null before anything was.' }),
    limit: Nullable(Type.Number()),
    critical_limit: Nullable(Type.Number()),
    sample: Type.Integer({ description: 'Decisions counted.' }),
    sentence: Type.String({ description: 'The verdict and its reason, for people.' }),
    expected_seconds: Nullable(Type.Integer(), {
      description: 'When an open verdict is to be expected at the pace of this step.',
    }),
    environmental: Type.Boolean({ description: 'The stable bundle has the same trouble at the same time.' }),
  },
  { $id: 'Gate' },
);
export type Gate = Static<typeof Gate>;

const Share = Type.Integer({ minimum: 0, maximum: 100, description: 'Of the traffic, percent.' });
const Seconds = (description: string) => Type.Integer({ description });

export const rolloutActions = ['pause', 'resume', 'promote', 'skip', 'sign_off', 'rollback'] as const;
export type RolloutAction = (typeof rolloutActions)[number];

const onBreach = Type.Enum(['rollback', 'hold'], {
  description: '`hold` for a security fix: rolling that back by itself would reopen the hole.',
});

const summary = {
  id: Type.Integer(),
  bundle_id: Type.Integer(),
  version: Nullable(Type.String(), { description: 'Null once the draft it belonged to is deleted.' }),
  digest: Type.String(),
  previous_bundle_id: Nullable(Type.Integer(), { description: 'What a rollback goes back to.' }),
  previous_version: Nullable(Type.String()),
  approval_id: Nullable(Type.Integer()),
  phase: RolloutPhase,
  share_pct: Share,
  next_step_pct: Nullable(Share),
  step_entered_at: Timestamp,
  dwelled_seconds: Seconds('Healthy time on this step so far.'),
  dwell_seconds: Seconds('Healthy time that this step needs.'),
  holds: Holds,
  sign_off: Type.Enum(['not_needed', 'needed', 'given'], {
    description: 'Newly allowed actions of high risk need a named person before the first share of traffic.',
  }),
  signed_off_by: Nullable(Actor),
  signed_off_at: Nullable(Timestamp),
  skip_asked: Nullable(Type.Object({ target_pct: Share, reason: Type.String(), by: Actor, at: Timestamp }), {
    description: 'A skip of gates that waits for a second person.',
  }),
  plan: Type.Object({
    steps: Type.Array(Share),
    dwell_hours: Type.Number(),
    bake_hours: Type.Number(),
    on_breach: onBreach,
    gates: RolloutGates,
    critical: RolloutCritical,
  }),
  generation: Type.Integer({ description: 'Grows with every change; send it back to change only what was seen.' }),
  created_by: Actor,
  created_at: Timestamp,
  updated_at: Timestamp,
  ended_at: Nullable(Timestamp),
  end_reason: Nullable(Type.String()),
  allowed_actions: Type.Array(Type.Enum(rolloutActions), {
    description: 'What this caller could do now and would not be refused.',
  }),
};

const Seen = Type.Object({
  decisions: Type.Integer(),
  principals: Type.Integer(),
  failed: Type.Integer(),
  denied: Type.Integer(),
  needs_approval: Type.Integer(),
  no_match: Type.Integer(),
  type_mismatches: Type.Integer(),
  newly_denied: Type.Integer(),
  newly_allowed: Type.Integer({ description: 'Denied by the other bundle and not by this one.' }),
  outcomes: Type.Integer(),
  outcome_errors: Type.Integer(),
  cost: Type.Number(),
});

/** The passage of one bundle from its activation to all traffic, or back. */
export const RolloutSummary = Type.Object(summary, { $id: 'RolloutSummary' });
export type RolloutSummary = Static<typeof RolloutSummary>;

export const RolloutDocument = Type.Object(
  {
    ...summary,
    gates: Type.Array(Gate),
    evidence: Type.Object(
      { stable: Seen, canary: Seen, shadow: Seen },
      {
        description:
          'Of this step. `shadow`: requests of `stable` as the candidate would have answered them; with `canary` it is the candidate on all traffic.',
      },
    ),
  },
  { $id: 'Rollout' },
);
export type RolloutDocument = Static<typeof RolloutDocument>;

export const RolloutListQuery = Type.Object({
  ...pageQuery,
  phase: Type.Optional(RolloutPhase),
  bundle_id: Type.Optional(Id),
});
export const RolloutPage = Type.Object({ rollouts: Type.Array(RolloutSummary), ...page });

const generation = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 2147483647, description: 'Refuse (409) unless the rollout is still this one.' }),
);

export const ChangeRollout = Type.Object({ generation }, { additionalProperties: false });
export const PauseRollout = Type.Object(
  { generation, reason: Type.Optional(Prose(2000)) },
  { additionalProperties: false },
);
export const PromoteRollout = Type.Object(
  {
    target_pct: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'Default: the next step, and no further than that.' }),
    ),
    generation,
  },
  { additionalProperties: false },
);
export const SkipGate = Type.Object(
  { target_pct: Type.Integer({ minimum: 1, maximum: 100 }), reason: Reason, generation },
  { additionalProperties: false },
);
export const RollBackRollout = Type.Object(
  { reason: Reason, create_incident: Type.Optional(Type.Boolean({ default: true })) },
  { additionalProperties: false },
);

/** Overrides of the workspace's settings for one rollout; under four eyes only stricter ones. */
export const activationPlan = {
  supersede: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'Take the place of a rollout that is in shadow or canary; without it that is 409.',
    }),
  ),
  gates: Type.Optional(Type.Partial(RolloutGates, { additionalProperties: false })),
  dwell_hours: Type.Optional(Type.Number({ minimum: 0, maximum: 8760 })),
  on_breach: Type.Optional(
    Type.Enum(['rollback', 'hold'], {
      description: 'Default: as approved. Another than the approval says is 409 `approval_mismatch`.',
    }),
  ),
};

export const PromoteBundle = Type.Object(
  { target_pct: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 100 })) },
  { additionalProperties: false },
);
export const RollBackBundle = Type.Object(
  {
    reason: Reason,
    create_incident: Type.Optional(Type.Boolean({ default: true })),
    rolled_back_by: Type.Optional(Label(128)),
  },
  { additionalProperties: false },
);
export const RollbackResult = Type.Object(
  {
    id: Nullable(Type.Integer(), {
      description: 'The bundle now in force; null: the built-in safe one, which denies.',
    }),
    version: Nullable(Type.String()),
    rolled_back_from: Type.String({ description: 'The version that was rolled back.' }),
    active: Type.Boolean(),
    canary_pct: Type.Integer(),
    message: Type.String(),
    incident_created: Type.Boolean(),
    incident_id: Nullable(Type.Integer()),
  },
  { $id: 'RollbackResult' },
);
export type RollbackResult = Static<typeof RollbackResult>;

export const CanaryStatus = Type.Object(
  {
    bundle_id: Type.Integer(),
    version: Type.String(),
    active: Type.Boolean(),
    canary_pct: Type.Integer(),
    activated_at: Nullable(Timestamp),
    activated_by: Nullable(Actor),
    time_active_seconds: Type.Integer(),
    promotion_eligible: Type.Boolean(),
    fully_promoted: Type.Boolean(),
    gates: Type.Array(Gate),
    hold_reasons: Holds,
    next_step: Nullable(Type.String(), { description: 'What happens next, and when; null when nothing does.' }),
    rollout_id: Nullable(Type.Integer()),
    phase: Nullable(RolloutPhase),
    approvals: Nullable(
      Type.Object({
        before_per_day: Type.Number(),
        after_per_day: Type.Number(),
        added_per_day: Type.Number({ description: 'Below zero when the candidate asks for fewer.' }),
        sentence: Type.String(),
      }),
      {
        description:
          'How often people would be asked at this pace of requests, by those of this step that both bundles were asked; null before there are any, and at 100 %.',
      },
    ),
  },
  { $id: 'CanaryStatus' },
);
export type CanaryStatus = Static<typeof CanaryStatus>;

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Cost = Type.Number({ minimum: 0, maximum: 1e12 });
/** With `metrics` plain thresholds over them; without, the gates of the rollout as they stand. */
export const CheckGates = Type.Object(
  {
    metrics: Type.Optional(
      Type.Object(
        {
          total_decisions: Count,
          error_count: Count,
          deny_count: Count,
          baseline_avg_cost: Type.Optional(Cost),
          canary_avg_cost: Type.Optional(Cost),
        },
        { additionalProperties: false },
      ),
    ),
    gate_config: Type.Optional(Type.Partial(RolloutGates, { additionalProperties: false })),
  },
  { additionalProperties: false },
);
export const GateCheck = Type.Object(
  {
    passed: Type.Boolean(),
    failures: Type.Array(Type.String(), { description: 'A sentence for each gate that does not pass.' }),
    gates: Type.Array(Gate),
    canary_status: CanaryStatus,
  },
  { $id: 'GateCheck' },
);
export type GateCheck = Static<typeof GateCheck>;
