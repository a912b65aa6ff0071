import { inlineCases } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import type { SimulationOutcome } from '../../compute/tasks/simulate.js';
import { withTransaction } from '../../database/connection.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import type { JobRow } from '../jobs/queries.js';
import { enqueueJob } from '../jobs/transaction.js';
import type { Asked } from './asked.js';
import { type SimulationInput, settle, writeInput } from './input.js';
import { runSimulation } from './run.js';

/** How long somebody waits for an answer; what takes longer becomes a job. */
const defaultAnswerMs = 8_000;

export type SimulationAnswer = { readonly json: Uint8Array } | { readonly job: JobRow };

/** Runs the simulation; one with more cases, or more work, than can be waited for is put in line as a job. */
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
  if (outcome.kind === 'refused') return rejected(input, outcome);
  if (outcome.kind === 'done') return { json: outcome.json };
  const { kind } = input;
  // What progress of mutation coverage counts is mutants, and how many there are shows later.
  const total = kind === 'mutate' ? null : outcome.total;
  const job = { workspaceId, kind, input: writeInput(input), total, actor, now: services.clock.now() };
  const row = await withTransaction(services.db.pool, (tx) => enqueueJob(tx, job));
  return row instanceof Refusal ? row : { job: row };
}

type Answered =
  | Exclude<SimulationOutcome, { kind: 'deferred' }>
  | { readonly kind: 'deferred'; readonly total: number | null };

async function answered(
  services: Services,
  workspaceId: number,
  input: SimulationInput,
  { background, answerMs }: { background: boolean; answerMs: number },
): Promise<Answered | Refusal> {
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
    if (error === late.reason) return { kind: 'deferred', total: null };
    throw error;
  }
}

/** The refusal of rules or cases that cannot be run. */
export function rejected(
  { sources }: Pick<SimulationInput, 'sources'>,
  { place, faults, count }: SimulationOutcome & { kind: 'refused' },
): Refusal {
  const [first] = faults;
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  const source = sources.find((each) => each.place === place);
  if (!source) return refuse('validation_failed', `\`${first?.path}\`: ${first?.message}${more}`, faults);
  if (source.bundleId === null)
    return refuse('bundle_rejected', `\`${first?.path}\`: ${first?.message}${more}`, faults);
  const errors = count === 1 ? 'an error' : `${count} errors`;
  return refuse('bundle_invalid', `bundle ${source.bundleId} has ${errors}; the first: ${first?.message}`, faults);
}
