import Type, { type Static } from 'typebox';
import { BundleRef } from './decision.js';
import { Effect, Nullable } from './vocabulary.js';

export const SystemStatus = Type.Object({
  version: Type.String(),
  workspace: Type.String(),
  database: Type.Enum(['ok', 'away']),
  generation: Type.Integer(),
  bundle: Nullable(BundleRef),
  default_effect: Effect,
  decision_log: Type.Enum(['durable', 'async']),
  waiting_records: Type.Integer({ description: 'Decisions answered or about to be, not yet in the database.' }),
  spooled_records: Type.Integer({ description: 'Decisions kept on disk while the database was away.' }),
  stale_seconds: Type.Integer({ description: 'Since the snapshot was last confirmed against the database.' }),
});
export type SystemStatus = Static<typeof SystemStatus>;
