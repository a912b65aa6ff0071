import { inlineCases } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import type { SimulationOutcome } from '../../compute/tasks/simulate.js';
import { withTransaction } from '../../database/connection.js';
import { databaseFailure } from '../../database-failure.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import type { JobRow } from '../jobs/queries.js';
import { enqueueJob } from '../jobs/transaction.js';
import type { Asked } from './asked.js';
import { type SimulationInput, settle } from './input.js';
import { runSimulation } from './run.js';

/** How long somebody may wait for an answer; what takes longer is for a job. */
const defaultAnswerMs = 20_000;

export type SimulationAnswer = { readonly json: Uint8Array } | { readonly job: JobRow };

/** Runs the simulation, or, when its cases are too many to wait for, puts it in line as a job. */
export async function simulate(
  services: Services,
  caller: Caller,
  asked: Asked,
  answerMs = defaultAnswerMs,
): Promise<SimulationAnswer | Refusal> {
  const { workspaceId, owner: actor } = caller;
  const input = await settle(services, workspaceId, asked);
  if (input instanceof Refusal) return input;
  const outcome = await answered(services, workspaceId, input, { background: asked.background, answerMs });
  if (outcome instanceof Refusal) return outcome;
  switch (outcome.kind) {
    case 'refused':
      return rejected(input, outcome);
    case 'done':
      return { json: outcome.json };
    case 'deferred': {
      const { kind } = input;
      // What progress of mutation coverage counts is mutants, and how many there are shows later.
      const total = kind === 'mutate' ? null : outcome.total;
      const job = { workspaceId, kind, input: JSON.stringify(input), total, actor };
      const now = services.clock.now();
      const row = await withTransaction(services.db.pool, (tx) => enqueueJob(tx, { ...job, now }));
      return row instanceof Refusal ? row : { job: row };
    }
  }
}

async function answered(
  services: Services,
  workspaceId: number,
  input: SimulationInput,
  { background, answerMs }: { background: boolean; answerMs: number },
): Promise<SimulationOutcome | Refusal> {
  const late = AbortSignal.timeout(answerMs);
  try {
    return await runSimulation(services, workspaceId, input, {
      lane: 'interactive',
      // Nothing is run for a job yet, but rules and cases are read: whoever sends them hears what is wrong with them.
      maxCases: background ? -1 : inlineCases,
      signal: AbortSignal.any([late, services.stopping]),
    });
  } catch (error) {
    if (services.stopping.aborted) {
      return refuse('shutting_down', 'the server is stopping, ask another or try again');
    }
    if (!late.aborted || databaseFailure(error) !== null) throw error;
    return refuse(
      'too_much_work',
      `this takes longer than ${answerMs / 1000} seconds; send fewer cases, or make it a job with \`background\``,
    );
  }
}

/** The refusal of rules or cases that cannot be run. */
export function rejected(
  { policies }: SimulationInput,
  { place, faults, count }: SimulationOutcome & { kind: 'refused' },
): Refusal {
  const [first] = faults;
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  const policy = policies.find((each) => each.place === place);
  if (!policy) return refuse('validation_failed', `\`${first?.path}\` ${first?.message}${more}`, faults);
  if (policy.bundleId === null)
    return refuse('bundle_rejected', `\`${first?.path}\`: ${first?.message}${more}`, faults);
  const errors = count === 1 ? 'an error' : `${count} errors`;
  return refuse('bundle_invalid', `bundle ${policy.bundleId} has ${errors}; the first: ${first?.message}`, faults);
}
