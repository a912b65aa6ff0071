import Type, { type Static } from 'typebox';
import { BundleRef } from './decision.js';
import { BundlePin, Pin, PinRequest } from './emergency.js';
import { Freeze } from './freeze-window.js';
import { RolloutPhase } from './rollout.js';
import { ConcreteName, Effect, Nullable, Timestamp } from './vocabulary.js';

/** One of the servers that share the database. */
export const Replica = Type.Object(
  {
    id: Type.String(),
    host: Type.String(),
    version: Type.String(),
    started_at: Timestamp,
    seen_seconds: Type.Integer({ description: 'Since it last told of itself.' }),
    generation: Nullable(Type.Integer(), {
      description:
        'What it decides by in this workspace; null: nobody has asked it yet, it reads what is in force then.',
    }),
    state: Type.Enum(['current', 'behind', 'idle', 'silent'], {
      description:
        'behind: it decides by an older generation. idle: nobody has asked it. silent: not heard of for 15 seconds; if it still runs it decides by what it had, and after `max_stale_minutes` denies.',
    }),
    answers: Type.Boolean({ description: 'It is the one that answers this request.' }),
  },
  { $id: 'Replica' },
);
export type Replica = Static<typeof Replica>;

export const SystemStatus = Type.Object({
  version: Type.String(),
  workspace: Type.String(),
  database: Type.Enum(['ok', 'away']),
  generation: Type.Integer(),
  bundle: Nullable(BundleRef, {
    description: 'What the rollouts put in force; while a bundle is pinned that one decides.',
  }),
  bundle_pin: Nullable(BundlePin, { description: 'The pinned bundle, which decides everything.' }),
  default_effect: Effect,
  safe: Type.Boolean({ description: 'The built-in safe bundle is in force, which denies everything.' }),
  rollout: Nullable(
    Type.Object({
      id: Type.Integer(),
      phase: RolloutPhase,
      share_pct: Type.Integer(),
      candidate: Nullable(BundleRef, { description: 'What decides the share; null while it bakes: that is `bundle`.' }),
    }),
    { description: 'The rollout that runs.' },
  ),
  pin: Nullable(Pin, { description: 'The emergency switch that is on.' }),
  observed: Type.Array(ConcreteName, { description: 'Agents that are answered `allow` whatever is decided.' }),
  decision_log: Type.Enum(['durable', 'async']),
  waiting_records: Type.Integer({ description: 'Decisions answered or about to be, not yet in the database.' }),
  spooled_records: Type.Integer({ description: 'Decisions kept on disk while the database was away.' }),
  stale_seconds: Type.Integer({ description: 'Since the snapshot was last confirmed against the database.' }),
});
export type SystemStatus = Static<typeof SystemStatus>;

/** What is in force, and where. */
export const System = Type.Object(
  {
    ...SystemStatus.properties,
    latest_generation: Nullable(Type.Integer(), {
      description: 'What every server is to decide by; null: the database does not say.',
    }),
    pin_request: Nullable(PinRequest, { description: 'A switch that waits for a second person.' }),
    freeze: Nullable(Freeze, { description: 'The freeze that is on.' }),
    replicas: Type.Array(Replica, { description: 'By id; of those that tell of themselves, or did in the last hour.' }),
  },
  { $id: 'System' },
);
export type System = Static<typeof System>;
