import Type, { type Static } from 'typebox';
import { AuditEntry } from './audit.js';
import { gateNames, RolloutPhase } from './rollout.js';
import { ConcreteName, Effect, Id, Nullable, pageQuery, Timestamp } from './vocabulary.js';

/** Lengths of the parts of time that figures are given for; in order, seconds. */
export const bucketSeconds = { '1m': 60, '5m': 300, '15m': 900, '1h': 3600, '6h': 21_600, '1d': 86_400 } as const;
export type Bucket = keyof typeof bucketSeconds;
export const buckets = Object.keys(bucketSeconds) as Bucket[];
/** Buckets of one answer. */
export const mostBuckets = 1_500;

const Count = (description?: string) => Type.Integer(description === undefined ? {} : { description });
const counted = {
  decisions: Count('All: the sum of the next four.'),
  allow: Count('By a rule.'),
  deny: Count('By a rule, a cap or a switch.'),
  needs_approval: Count('By a rule.'),
  no_match: Count('No rule matched: the default effect.'),
  failed: Count('Of all: the evaluation failed, or the reported outcome was an error.'),
  cost: Type.Number({ description: 'USD, as reported, else as reserved.' }),
};

export const DecisionSummaryQuery = Type.Object({
  from: Type.Optional(Timestamp),
  to: Type.Optional(Timestamp),
  bucket: Type.Optional(
    Type.Enum(buckets, { description: 'Default: the shortest that makes no more than 200 of the time asked for.' }),
  ),
  agent: Type.Optional(ConcreteName),
  action: Type.Optional(ConcreteName),
  bundle_id: Type.Optional(Id),
});
export type DecisionSummaryQuery = Static<typeof DecisionSummaryQuery>;

export const DecisionSummary = Type.Object(
  {
    from: Type.String({ format: 'date-time', description: 'Where the first bucket begins.' }),
    to: Type.String({ format: 'date-time', description: 'Where the last one ends; it may lie ahead.' }),
    bucket: Type.Enum(buckets),
    buckets: Type.Array(Type.Object({ at: Timestamp, ...counted }), {
      description: 'Oldest first, without gaps; each begins at `at`.',
    }),
    totals: Type.Object(counted),
  },
  { $id: 'DecisionSummary' },
);
export type DecisionSummary = Static<typeof DecisionSummary>;

const Verdict = Type.Enum(['met', 'missed', 'unknown'], { description: 'unknown: there is nothing to tell it by.' });
const Share = (description: string) =>
  Type.Object(
    {
      count: Type.Integer(),
      of: Type.Integer(),
      share: Nullable(Type.Number(), { description: 'null: of nothing.' }),
      target: Type.Number(),
      verdict: Verdict,
    },
    { description },
  );
const Duration = (description: string) =>
  Type.Object(
    {
      median_seconds: Nullable(Type.Number()),
      count: Type.Integer({ description: 'How many the median is of.' }),
      target_seconds: Nullable(Type.Number()),
      verdict: Verdict,
    },
    { description },
  );

export const ReportQuery = Type.Object({
  days: Type.Integer({ minimum: 1, maximum: 366, default: 90, description: 'Up to now.' }),
});
export const PolicyReport = Type.Object(
  {
    from: Timestamp,
    to: Timestamp,
    days: Type.Integer(),
    changes: Type.Integer({
      description:
        'Bundles that came to decide all traffic, or were rolled back on the way. Those still on their way, and those another took the place of, are not counted. At most the newest 1,000.',
    }),
    figures: Type.Object({
      rolled_back: Share('Changes that were rolled back. Target: below 5 %.'),
      canaries_passed: Share(
        'Changes that began with a part of the traffic and came to all of it without a gate being skipped. Target: above 90 %.',
      ),
      actions_covered: Type.Object(
        {
          count: Type.Integer(),
          of: Type.Integer(),
          share: Nullable(Type.Number()),
          target: Type.Number(),
          verdict: Verdict,
          uncovered: Type.Array(ConcreteName, { description: 'The others, by name; the first 50.' }),
        },
        { description: 'Actions of the catalog that a rule in force is about, now. Target: all.' },
      ),
      creation_to_activation: Duration(
        'From the creation of a draft to its first activation, of those activated in this time. No target.',
      ),
      time_to_rollback: Duration(
        'From the first sign of trouble to the rollback: the first hold as `failing` on that step, or the first incident about the rollout. Rollbacks that nothing announced are not in the median, but those that the controller did at once count 0. Target: below 5 minutes.',
      ),
    }),
  },
  { $id: 'PolicyReport' },
);
export type PolicyReport = Static<typeof PolicyReport>;

export const SeriesQuery = Type.Object({
  points: Type.Integer({ minimum: 2, maximum: 500, default: 120, description: 'At most so many.' }),
  span: Type.Enum(['step', 'rollout'], {
    default: 'step',
    description: 'Of the step it is in, or from its beginning.',
  }),
});
export type SeriesQuery = Static<typeof SeriesQuery>;

const PointOfArm = Type.Object({
  decisions: Type.Integer({ description: 'Of this part of time.' }),
  rate: Nullable(Type.Number(), { description: 'Of this part of time alone; null: nothing was decided.' }),
  value: Nullable(Type.Number(), { description: 'Of all up to here; null: nothing was decided yet.' }),
  low: Nullable(Type.Number(), { description: 'With `high`: where the true value lies with 95 % certainty.' }),
  high: Nullable(Type.Number()),
});
const SeriesArm = Type.Object({
  bundle_id: Nullable(Type.Integer()),
  version: Nullable(Type.String()),
  design_effect: Type.Number({
    description: 'By how much the band is wider because principals ask more than once; squared, 1 or more.',
  }),
});
export const RolloutSeries = Type.Object(
  {
    rollout_id: Type.Integer(),
    phase: RolloutPhase,
    share_pct: Type.Integer(),
    from: Timestamp,
    to: Timestamp,
    bucket_seconds: Type.Integer({ description: 'Length of each part of time; the last may be cut off by `to`.' }),
    next: Type.Object(
      {
        step_pct: Nullable(Type.Integer(), { description: 'null: it goes no further.' }),
        seconds_left: Nullable(Type.Integer(), { description: 'Healthy time that this step still needs.' }),
        at: Nullable(Timestamp, {
          description: 'The earliest moment, if it holds no more from now on; null: nothing follows.',
        }),
        held: Type.Boolean({ description: 'It holds now, so that the time left stands still.' }),
      },
      { description: 'What follows this step, and when.' },
    ),
    canary: SeriesArm,
    stable: SeriesArm,
    at: Type.Array(Timestamp, { description: 'Where each part of time begins, oldest first.' }),
    measures: Type.Array(
      Type.Object({
        gate: Type.Enum(gateNames),
        unit: Type.Enum(['share', 'usd']),
        limit: Nullable(Type.Number()),
        critical_limit: Nullable(Type.Number()),
        relative: Type.Boolean({ description: 'The limits are increases over stable: 0.2 is 20 % or 20 points more.' }),
        canary: Type.Array(PointOfArm, { description: 'In step with `at`.' }),
        stable: Type.Array(PointOfArm),
      }),
    ),
  },
  { $id: 'RolloutSeries' },
);
export type RolloutSeries = Static<typeof RolloutSeries>;

const Answer = Type.Object({
  effect: Effect,
  rule: Nullable(Type.String(), { description: 'null: the default effect.' }),
});
export const changeKinds = ['newly_denied', 'newly_allowed', 'other'] as const;
export const RolloutChanges = Type.Object(
  {
    rollout_id: Type.Integer(),
    from: Timestamp,
    looked_at: Type.Integer({ description: 'Decisions of this time, the newest 20,000.' }),
    complete: Type.Boolean({ description: 'All decisions of this step were looked at, and all groups are here.' }),
    compared: Type.Integer({ description: 'Of those looked at: both bundles answered.' }),
    totals: Type.Object({ newly_denied: Type.Integer(), newly_allowed: Type.Integer(), other: Type.Integer() }),
    groups: Type.Array(
      Type.Object({
        kind: Type.Enum(changeKinds, {
          description: '`newly_allowed`: no longer denied. `other`: between allow and needs_approval.',
        }),
        agent: Type.String(),
        action: Type.String(),
        from: Answer,
        to: Answer,
        count: Type.Integer(),
        examples: Type.Array(Type.String(), { description: 'Ids of the newest decisions, 5 at most.' }),
      }),
      { description: 'Newly denied first, then newly allowed; within them the most first. At most 200.' },
    ),
  },
  {
    $id: 'RolloutChanges',
    description:
      'Requests that both bundles answered, differently: what stable says (`from`), what the candidate says (`to`).',
  },
);
export type RolloutChanges = Static<typeof RolloutChanges>;

export const TimelineQuery = Type.Object({
  limit: pageQuery.limit,
  before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
});
export type TimelineQuery = Static<typeof TimelineQuery>;
export const RolloutTimeline = Type.Object(
  {
    entries: Type.Array(AuditEntry, { description: 'Newest first.' }),
    next_before: Nullable(Type.Integer({ description: 'What to ask for next; null: there is no more.' })),
  },
  { $id: 'RolloutTimeline' },
);
export type RolloutTimeline = Static<typeof RolloutTimeline>;

export const RuleUsageQuery = Type.Object({
  days: Type.Integer({ minimum: 1, maximum: 90, default: 7, description: 'Up to now.' }),
});
export const RuleUsage = Type.Object(
  {
    bundle_id: Type.Integer(),
    from: Timestamp,
    looked_at: Type.Integer({ description: 'Decisions of this time, by whatever bundle, the newest 50,000.' }),
    complete: Type.Boolean({ description: 'There were no more.' }),
    decided: Type.Integer({ description: 'Of those looked at: by this bundle.' }),
    no_match: Type.Integer({ description: 'Of these: by the default effect.' }),
    watched: Type.Integer({ description: 'Of those looked at: answered by this bundle, and another one decided.' }),
    rules: Type.Array(
      Type.Object({
        rule_id: Type.String(),
        decided: Type.Integer(),
        failed: Type.Integer({ description: 'Of those decided: the outcome was an error.' }),
        overridden: Type.Integer({ description: 'Of those decided: a cap, a switch or a person answered otherwise.' }),
        watched: Type.Integer({ description: 'It would have decided so many more, where another bundle did.' }),
        last_at: Timestamp,
      }),
      { description: 'Those that decided anything, the most first. A rule that is not here decided nothing.' },
    ),
  },
  { $id: 'RuleUsage' },
);
export type RuleUsage = Static<typeof RuleUsage>;
