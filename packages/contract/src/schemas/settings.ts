import Type, { type Static } from 'typebox';
import { Actor, Effect, Id, NamePattern, Nullable, Timestamp } from './vocabulary.js';

/** Replaced as a whole when it is set. */
const LintSeverities = Type.Record(
  Type.String({ pattern: '^[a-z][a-z-]{1,39}$' }),
  Type.Enum(['error', 'warning', 'info', 'off']),
  { description: 'By lint code, where it differs from the severity the code comes with.' },
);

const Rate = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });
/** What a step of a rollout must stay below to go on. Rates are shares, 0.05 for 5 %. */
export const RolloutGates = Type.Object(
  {
    max_error_rate: Rate('Of decisions.'),
    max_deny_rate: Rate('Of decisions.'),
    max_cost_increase: Type.Number({ minimum: 0, maximum: 100, description: 'Over stable at the same time.' }),
    min_sample_size: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description: 'Decisions without which nothing passes.',
    }),
  },
  { additionalProperties: false },
);
export type RolloutGates = Static<typeof RolloutGates>;
/** Beyond these a rollout is rolled back by itself. */
export const RolloutCritical = Type.Object(
  {
    max_error_rate: Rate('Of decisions.'),
    max_deny_rate: Rate('Of decisions.'),
    max_cost_increase: Type.Number({ minimum: 0, maximum: 100, description: 'Over stable at the same time.' }),
    max_no_match_increase: Rate('Share of requests without a rule that have one in stable.'),
    max_spend_24h: Type.Optional(
      Nullable(
        Type.Number({
          minimum: 0,
          maximum: 1e12,
          description:
            'USD that the decisions of a bundle under rollout may cost in 24 hours, whatever stable costs; null: no cap.',
        }),
      ),
    ),
  },
  { additionalProperties: false },
);
export type RolloutCritical = Static<typeof RolloutCritical>;
const Steps = Type.Array(Type.Integer({ minimum: 1, maximum: 100 }), {
  minItems: 1,
  maxItems: 20,
  description: 'Shares of traffic, percent, ascending; the last is 100.',
});

export const capScopes = ['workspace', 'agent', 'session'] as const;
/** A limit on what is spent or how often something is allowed: of all agents, of each agent, of each session. */
export const Cap = Type.Object(
  {
    scope: Type.Enum(capScopes, {
      description:
        '`workspace`: all agents together, `agent`: each agent by itself, both a calendar day (workspace time zone); `session`: each session for its life.',
    }),
    /** With the scope `agent`: who has this cap, each by itself; left out: every agent. */
    agent: Type.Optional(NamePattern),
    spend: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1e12, description: 'USD that allowed actions may reserve.' }),
    ),
    calls: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: 'Decisions that may be allowed.' }),
    ),
  },
  { additionalProperties: false },
);
export type Cap = Static<typeof Cap>;
const Caps = Type.Array(Cap, { maxItems: 100, description: 'Replaced as a whole when it is set.' });

export const Settings = Type.Object(
  {
    default_effect: Effect,
    time_zone: Type.String({ description: 'IANA name, for `current_hour` and its kin.' }),
    four_eyes: Type.Boolean(),
    catalog: Type.Enum(['strict', 'open'], {
      description: 'Whether a bundle may be saved whose rules name an agent or action that the catalog lacks (`open`).',
    }),
    enforce_context: Type.Boolean({
      description: 'Whether a request that violates the schema of its action is denied (`context_invalid`).',
    }),
    require_evidence: Type.Boolean({
      description:
        'Whether a bundle is activated only with a signed statement by a trusted key that it has no lint errors and passed tests.',
    }),
    lint_severities: LintSeverities,
    steps: Steps,
    dwell_hours: Type.Number({
      minimum: 0,
      maximum: 8760,
      description: 'Healthy time on each step of a rollout, and at 100 % before it is completed.',
    }),
    gates: RolloutGates,
    critical: RolloutCritical,
    cost_budget_24h: Nullable(
      Type.Number({
        minimum: 0,
        description:
          'USD a day (workspace time zone) that allowed actions may reserve, whatever `caps` say; null: no limit by this.',
      }),
    ),
    caps: Caps,
    retention_days: Type.Integer({ minimum: 1, maximum: 3650 }),
    max_stale_minutes: Type.Integer({
      minimum: 1,
      maximum: 1440,
      description: 'How long decisions go on from the last good bundles while the database is away.',
    }),
    updated_at: Nullable(Timestamp),
    updated_by: Nullable(Actor),
  },
  { $id: 'Settings' },
);
export type Settings = Static<typeof Settings>;

/** Merged into what is there, `gates` and `critical` limit by limit. Protected ones (`default_effect`, `time_zone`, `four_eyes`, `catalog`, `enforce_context`, `require_evidence`, `lint_severities`, `gates`, `critical`) need an approval when four eyes is on. */
export const PutSettings = Type.Object(
  {
    default_effect: Type.Optional(Effect),
    time_zone: Type.Optional(Type.String({ maxLength: 64 })),
    four_eyes: Type.Optional(Type.Boolean()),
    catalog: Type.Optional(Type.Enum(['strict', 'open'])),
    enforce_context: Type.Optional(Type.Boolean()),
    require_evidence: Type.Optional(Type.Boolean()),
    lint_severities: Type.Optional(LintSeverities),
    steps: Type.Optional(Steps),
    dwell_hours: Type.Optional(Type.Number({ minimum: 0, maximum: 8760 })),
    gates: Type.Optional(Type.Partial(RolloutGates, { additionalProperties: false, minProperties: 1 })),
    critical: Type.Optional(Type.Partial(RolloutCritical, { additionalProperties: false, minProperties: 1 })),
    cost_budget_24h: Type.Optional(Nullable(Type.Number({ minimum: 0, maximum: 1e12 }))),
    caps: Type.Optional(Caps),
    retention_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
    max_stale_minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440 })),
    approval_id: Type.Optional(Id),
  },
  { additionalProperties: false, minProperties: 1 },
);
