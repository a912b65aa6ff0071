import type { JobKind } from '@policy-studio/contract';
import { Refusal } from '../../refusal.js';
import type { JobWork } from '../jobs/queries.js';
import { rejected } from './commands.js';
import { readInput } from './input.js';
import { runSimulation } from './run.js';

/** Does a simulation that was put in line. */
const runJob: JobWork = async (services, job, { signal, progress }) => {
  const input = readInput(job.input);
  const outcome = await runSimulation(services, job.workspaceId, input, {
    lane: 'background',
    maxCases: Number.POSITIVE_INFINITY,
    signal,
    onProgress: ({ done, total }) => progress(done, total),
  });
  if (outcome instanceof Refusal) return { failed: outcome.detail };
  // What it was checked with when it was put in line may have gone meanwhile.
  if (outcome.kind === 'refused') return { failed: rejected(input, outcome).detail };
  if (outcome.kind === 'deferred') throw new Error('a job is never put off');
  return { result: outcome.json };
};

/** How each kind of job is done. */
export const jobWork: Readonly<Record<JobKind, JobWork>> = { simulate: runJob, compare: runJob, mutate: runJob };
