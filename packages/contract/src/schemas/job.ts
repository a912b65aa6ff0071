import Type, { type Static } from 'typebox';
import { Actor, Nullable, page, Timestamp } from './vocabulary.js';

export const jobKinds = ['simulate', 'compare', 'mutate'] as const;
export type JobKind = (typeof jobKinds)[number];
export const jobStatuses = ['queued', 'running', 'done', 'failed', 'canceled'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Work that takes too long to wait for. Any server of the installation may do it. */
export const Job = Type.Object(
  {
    id: Type.Integer(),
    kind: Type.Enum(jobKinds),
    status: Type.Enum(jobStatuses),
    progress: Type.Object({
      done: Type.Integer({ description: 'Cases worked off; of mutation coverage the mutants.' }),
      total: Nullable(Type.Integer({ description: 'Those in all; null until that is known.' })),
    }),
    error: Nullable(Type.String({ description: 'Why it failed.' })),
    result_bytes: Nullable(Type.Integer({ description: 'What the result weighs as JSON, once there is one.' })),
    created_by: Actor,
    created_at: Timestamp,
    started_at: Nullable(Timestamp),
    finished_at: Nullable(Timestamp),
    expires_at: Nullable(
      Type.String({ format: 'date-time', description: 'When the job and its result go: 24 hours after its end.' }),
    ),
  },
  { $id: 'Job' },
);
export type Job = Static<typeof Job>;

export const JobPage = Type.Object({ jobs: Type.Array(Job), ...page });
export type JobPage = Static<typeof JobPage>;
