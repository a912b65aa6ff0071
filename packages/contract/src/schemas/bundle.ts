import { limits } from '@policy-studio/engine';
import Type, { type Static } from 'typebox';
import { CatalogAction, CatalogAgent } from './catalog.js';
import { lintReportMembers } from './lint.js';
import { ListValue, Normalize } from './list.js';
import { Provenance } from './provenance.js';
import { activationPlan } from './rollout.js';
import { Actor, Effect, Id, Label, Nullable, Prose, page, Timestamp } from './vocabulary.js';

export const bundleStatuses = ['draft', 'shadow', 'canary', 'active', 'superseded', 'rolled_back', 'archived'] as const;
export const BundleStatus = Type.Enum(bundleStatuses);
export type BundleStatus = (typeof bundleStatuses)[number];

/** MAJOR.MINOR.PATCH without leading zeros, at most 16 characters. */
export const Version = Type.String({
  pattern: '^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$',
  maxLength: 16,
  description: 'MAJOR.MINOR.PATCH without leading zeros',
  examples: ['1.2.0'],
});

/**
 * Rules travel as they were written. Their shape is checked by the engine (rule.schema.json), which names each fault with its place,
 * so here they are only bounded.
 */
const RuleDocument = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  description: 'A rule: see `/schema/rule.schema.json` and the language reference.',
});
export const Rules = Type.Array(RuleDocument, { maxItems: limits.rules });
const Metadata = Type.Record(Type.String(), Type.Unknown());

/** The findings about a bundle, by the catalog, lists and settings of its workspace. */
export const BundleLint = Type.Object(
  {
    ...lintReportMembers,
    current: Type.Boolean({
      description:
        'False in a page of bundles where catalog, lists or settings have changed since: reading the bundle itself makes the findings anew.',
    }),
  },
  { $id: 'BundleLint' },
);
export type BundleLint = Static<typeof BundleLint>;

const summary = {
  id: Type.Integer(),
  version: Version,
  notes: Type.String(),
  created_by: Actor,
  created_at: Timestamp,
  updated_at: Timestamp,
  active: Type.Boolean({ description: 'True for the one bundle that was activated last.' }),
  canary_pct: Type.Integer(),
  status: BundleStatus,
  traffic_pct: Type.Integer({ description: 'The share of traffic this bundle decides, percent.' }),
  digest: Type.String({
    description:
      'SHA-256 of the canonical bundle, 64 hex digits; of the rules as written while a condition does not parse.',
  }),
  activated_at: Nullable(Timestamp),
  activated_by: Nullable(Actor),
  approval_id: Nullable(Type.Integer()),
  source: Type.Enum(['api', 'imported']),
  source_signature: Nullable(Type.String()),
  provenance: Type.Array(Provenance, { description: 'The ways an imported bundle came, the first one first.' }),
  metadata: Metadata,
};

export const Bundle = Type.Object({ ...summary, rules: Rules, lint: BundleLint }, { $id: 'Bundle' });
export type Bundle = Static<typeof Bundle>;

/** What one page of bundles weighs at most, in bytes of JSON; a single bundle may weigh more. */
export const bundlePageBytes = 16 * 1024 * 1024;

export const BundlePage = Type.Object({
  bundles: Type.Array(Bundle),
  ...page,
  limit: Type.Integer({
    description:
      'How many bundles this page covers: as asked for, or fewer where those would weigh more than 16 MiB. The next page begins at `offset + limit`.',
  }),
});

export const BundleListQuery = Type.Object({
  active_only: Type.Boolean({ default: false }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  offset: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 }),
});

export const CreateBundle = Type.Object(
  {
    version: Version,
    rules: Rules,
    notes: Type.Optional(Prose(limits.notesChars)),
    metadata: Type.Optional(Metadata),
    created_by: Type.Optional(Label(128)),
  },
  { additionalProperties: false },
);

/** What is left out stays as it is. */
export const UpdateBundle = Type.Object(
  {
    rules: Type.Optional(Rules),
    notes: Type.Optional(Prose(limits.notesChars)),
    metadata: Type.Optional(Metadata),
  },
  { additionalProperties: false },
);

export const Activate = Type.Object(
  {
    approval_id: Id,
    canary_pct: Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 10,
      description: 'Share of traffic to begin with, percent; 0: the bundle only watches.',
    }),
    activated_by: Type.Optional(Label(128)),
    ...activationPlan,
  },
  { additionalProperties: false },
);

const BundleInForce = Type.Object({ id: Type.Integer(), version: Version, digest: Type.String(), rules: Rules });

/** What is in force at one generation, enough to decide in process. */
export const Snapshot = Type.Object(
  {
    generation: Type.Integer({ description: 'Grows with every change of what is in force.' }),
    default_effect: Effect,
    time_zone: Type.String(),
    enforce_context: Type.Boolean(),
    catalog: Type.Object({ agents: Type.Array(CatalogAgent), actions: Type.Array(CatalogAction) }),
    safe: Type.Boolean({ description: 'The built-in safe bundle is in force: everything is denied.' }),
    stable: Nullable(BundleInForce, { description: 'While a bundle is pinned that one, alone and not `safe`.' }),
    candidate: Nullable(BundleInForce, { description: 'The bundle on its way, in shadow or canary.' }),
    rollout: Nullable(
      Type.Object({
        id: Type.Integer({ description: 'Deals the buckets.' }),
        share_pct: Type.Integer({ description: 'The share of the candidate, percent; 0: it only watches.' }),
      }),
    ),
    bucket_by: Type.Object(
      { key_id: Type.Integer(), session: Type.Enum(['trust', 'ignore']) },
      {
        description:
          'The bucket is that of the session; without one, or where the key says `ignore`, of `<key_id> <agent>`.',
      },
    ),
    bundle_pin: Nullable(Type.Object({ version: Version, until: Nullable(Timestamp), reason: Type.String() }), {
      description: 'The pinned bundle, until then (null: until somebody ends it).',
    }),
    pin: Nullable(Type.Object({ effect: Type.Enum(['allow', 'deny']), until: Timestamp, reason: Type.String() }), {
      description: 'An emergency switch: everybody gets this effect until then.',
    }),
    observed: Type.Array(Type.String(), { description: 'Agents (patterns) that are only observed: answered `allow`.' }),
    lists: Type.Record(
      Type.String(),
      Type.Object({
        version: Type.Integer(),
        digest: Type.String(),
        normalize: Nullable(Normalize),
        values: Type.Array(ListValue),
      }),
    ),
  },
  { $id: 'Snapshot' },
);
export type Snapshot = Static<typeof Snapshot>;
