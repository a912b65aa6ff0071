import type { Pool } from 'pg';
import type { SimulatedDataset, SimulationOutcome } from '../../compute/tasks/simulate.js';
import type { Progress } from '../../compute/thread-pool.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { storedCatalog } from '../catalog/queries.js';
import { countRecorded, type RecordedRequest, recordedPages } from '../decisions/queries.js';
import { engineLists, listsAt } from '../lists/queries.js';
import type { SimulationInput } from './input.js';

export interface SimulationRun {
  readonly lane: 'interactive' | 'background';
  /** More cases than these are not run. */
  readonly maxCases: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Runs a simulation in a thread; `overloaded` when too much waits there. */
export async function runSimulation(
  services: Services,
  workspaceId: number,
  input: SimulationInput,
  run: SimulationRun,
): Promise<SimulationOutcome | Refusal> {
  const { pool } = services.db;
  const { kind, defaultEffect, limits, mutants, payload } = input;
  const sources = await Promise.all(
    input.sources.map(async ({ place, lists }) => ({
      place,
      lists: engineLists(await listsAt(pool, workspaceId, lists)),
    })),
  );
  const { catalog, stamp } = await storedCatalog(pool, workspaceId);
  const { dataset, nextPage } = await datasetFor(pool, workspaceId, input);
  const task = { kind, sources, payload, defaultEffect, dataset, catalog: { catalog, stamp }, limits, mutants };
  try {
    return await services.compute.run(
      'simulate',
      { ...task, maxCases: run.maxCases },
      {
        lane: run.lane,
        share: workspaceId,
        signal: run.signal,
        ...(nextPage ? { onAsk: nextPage } : {}),
        ...(run.onProgress ? { onProgress: run.onProgress } : {}),
      },
    );
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
    return refuse('too_much_work', 'this takes more memory than one simulation may have; take fewer or smaller cases');
  }
}

interface Source {
  readonly dataset: SimulatedDataset;
  /** The next records that the thread asks for. */
  readonly nextPage?: () => Promise<RecordedRequest[]>;
}

async function datasetFor(pool: Pool, workspaceId: number, input: SimulationInput): Promise<Source> {
  const { dataset, timeZone } = input;
  if (dataset.name !== 'replay') return { dataset };
  const { window, limit } = dataset;
  const total = await countRecorded(pool, workspaceId, window, limit);
  return {
    dataset: { name: 'replay', feed: { total, timeZone } },
    nextPage: recordedPages(pool, workspaceId, window, total),
  };
}
