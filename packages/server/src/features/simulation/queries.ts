import { type ApprovalPrediction, type Comparison, inlineCases, type Simulation } from '@policy-studio/contract';
import { defaultBudgetLimits } from '@policy-studio/engine';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { countRecorded, type RecordWindow } from '../decisions/queries.js';
import { type Asked, askedOf } from './asked.js';
import { rejected } from './commands.js';
import { settle } from './input.js';
import { runSimulation } from './run.js';

const lookBackDays = 7;
const dayMs = 24 * 3_600_000;
/** The newest of that time: enough to tell, few enough to be waited for. */
const records = 2_000;
const answerMs = 2_000;
/** How long cases may take whose outcome is needed. */
const casesMs = 8_000;

/**
 * What activating a bundle would ask of people, by the requests of the last days, compared with what is in force (no
 * rules: the default effect). Null when there are no such requests, or no answer in time: nothing waits for a guess.
 */
export async function predictedApprovals(
  services: Services,
  workspaceId: number,
  { inForce, bundleId }: { readonly inForce: number | null; readonly bundleId: number },
): Promise<ApprovalPrediction | null> {
  const nowMs = services.clock.now().getTime();
  const window = { fromMs: nowMs - lookBackDays * dayMs, toMs: nowMs } as RecordWindow;
  if ((await countRecorded(services.db.pool, workspaceId, window, 1)) === 0) return null;
  const asked: Asked = {
    kind: 'compare',
    rules: [
      inForce === null ? { place: 'rules_a', rules: [] } : { place: 'bundle_a', bundleId: inForce },
      { place: 'bundle_b', bundleId },
    ],
    dataset: { name: 'replay', window, limit: records },
    limits: defaultBudgetLimits,
    mutants: 0,
    background: false,
  };
  const input = await settle(services, workspaceId, asked);
  if (input instanceof Refusal) return null;
  const late = AbortSignal.timeout(answerMs);
  try {
    const signal = AbortSignal.any([late, services.stopping]);
    const outcome = await runSimulation(services, workspaceId, input, {
      lane: 'interactive',
      maxCases: records,
      signal,
    });
    if (outcome instanceof Refusal || outcome.kind !== 'done') return null;
    const report = JSON.parse(new TextDecoder().decode(outcome.json)) as Comparison;
    return report.approvals ?? null;
  } catch (error) {
    if (error !== late.reason && !services.stopping.aborted) throw error;
    return null;
  }
}

/** What becomes of the cases by a bundle as it stands; without cases: of the fixtures. `too_much_work` when it takes long. */
export async function simulationOf(
  services: Services,
  workspaceId: number,
  bundleId: number,
  cases: readonly unknown[] | null,
): Promise<Simulation | Refusal> {
  const custom = cases === null ? {} : { custom_cases: cases as never };
  const asked = askedOf({ kind: 'simulate', bundle_id: bundleId, ...custom }, services.clock.now());
  if (asked instanceof Refusal) return asked;
  const input = await settle(services, workspaceId, asked);
  if (input instanceof Refusal) return input;
  const late = AbortSignal.timeout(casesMs);
  try {
    const signal = AbortSignal.any([late, services.stopping]);
    const run = { lane: 'interactive', maxCases: inlineCases, signal } as const;
    const outcome = await runSimulation(services, workspaceId, input, run);
    if (outcome instanceof Refusal) return outcome;
    if (outcome.kind === 'refused') return rejected(input, outcome);
    if (outcome.kind === 'done') return JSON.parse(new TextDecoder().decode(outcome.json)) as Simulation;
    return refuse('too_much_work', `${outcome.total} cases are more than the ${inlineCases} that are run at once`);
  } catch (error) {
    if (services.stopping.aborted) return refuse('shutting_down', 'the server is stopping, ask another or try again');
    if (error === late.reason) return refuse('too_much_work', 'the cases take too long to run; give fewer of them');
    throw error;
  }
}
