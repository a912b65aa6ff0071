import { jsonPointer, type ProblemItem } from '@policy-studio/contract';
import {
  type Catalog,
  type CompiledCatalog,
  type CompiledPolicy,
  compile,
  compileCatalog,
  createApprovalForecaster,
  createComparison,
  createMutationRun,
  createSimulation,
  type Diagnostic,
  type Effect,
  fixtures,
  type Lists,
  type MutationReport,
  parseCaseList,
  parseCases,
  type RuleInput,
  type SimulationCase,
  syntheticCases,
} from '@policy-studio/engine';
import type { RecordedRequest } from '../../features/decisions/queries.js';
import type { TaskContext } from '../answer-calls.js';
import { type RecordedCase, type RecordFeed, type Replayable, recordedCases } from './recorded-cases.js';

/** The lists that rules read, and where in the request the rules, or the bundle they are of, were named. */
export interface SimulatedSource {
  readonly place: string;
  readonly lists: Lists;
}

/** What may weigh much of a simulation: it travels as JSON text, so that only the thread reads it. */
export interface SimulationPayload {
  /** The rules of each source. */
  readonly rules: readonly (readonly unknown[])[];
  /** Of custom cases: the values, or the text in its format. */
  readonly custom?: readonly unknown[] | string;
}

export type SimulatedDataset =
  | { readonly name: 'fixtures' }
  | { readonly name: 'synthetic'; readonly count: number; readonly seed: number }
  | { readonly name: 'custom'; readonly format: 'values' | 'json' | 'jsonl' | 'csv' }
  | { readonly name: 'replay'; readonly feed: RecordFeed };

export interface SimulationTask {
  readonly kind: 'simulate' | 'compare' | 'mutate';
  /** One; of a comparison two. */
  readonly sources: readonly SimulatedSource[];
  /** A `SimulationPayload`. */
  readonly payload: string;
  readonly defaultEffect: Effect;
  readonly dataset: SimulatedDataset;
  /** What made-up cases and witnesses keep to; the stamp names this catalog and no other. */
  readonly catalog: { readonly catalog: Catalog; readonly stamp: string };
  readonly limits: { readonly cost: number; readonly compute: number };
  /** Mutants that are tried at most. */
  readonly mutants: number;
  /** More cases than these are not run: the answer is how many there are. */
  readonly maxCases: number;
}

export type SimulationOutcome =
  /** `place` of the rules, or of the cases, that cannot be used. */
  | {
      readonly kind: 'refused';
      readonly place: string;
      readonly faults: readonly ProblemItem[];
      readonly count: number;
    }
  | { readonly kind: 'deferred'; readonly total: number }
  | { readonly kind: 'done'; readonly json: Uint8Array };

/** Faults told of one place. */
const told = 100;
/** Cases between two reports of progress. */
const stride = 16;

/** Runs the cases on the rules. The report is made into JSON here, so that the event loop of the server need not. */
export async function simulate(task: SimulationTask, context: TaskContext): Promise<SimulationOutcome> {
  const payload = JSON.parse(task.payload) as SimulationPayload;
  const sides: Side[] = [];
  for (const [index, { place, lists }] of task.sources.entries()) {
    const rules = payload.rules[index] as readonly RuleInput[];
    const policy = compile({ rules }, lists, { defaultEffect: task.defaultEffect });
    if (Array.isArray(policy)) return refused(place, policy, [place]);
    sides.push({ policy, rules, lists });
  }
  const policies = sides.map(({ policy }) => policy);
  const cases = casesOf(task, payload, policies, context);
  if ('kind' in cases) return cases;
  if (cases.total > task.maxCases) return { kind: 'deferred', total: cases.total };
  const report = await run(task, sides, cases, context);
  const json = JSON.stringify({ dataset: task.dataset.name, seed: seedOf(task.dataset), ...report });
  return { kind: 'done', json: new TextEncoder().encode(json) };
}

/** One policy of the simulation, and what it was compiled from. */
interface Side {
  readonly policy: CompiledPolicy;
  readonly rules: readonly RuleInput[];
  readonly lists: Lists;
}

function seedOf(dataset: SimulatedDataset): number | null {
  return dataset.name === 'synthetic' ? dataset.seed : null;
}

interface Cases {
  /** With a replay also the records that turn out to lack something. */
  readonly total: number;
  readonly cases: Iterable<SimulationCase> | AsyncIterable<SimulationCase>;
  /** What a replay says of its records, once the cases have been through. */
  readonly replayable?: () => Replayable;
}

function casesOf(
  { dataset, catalog }: SimulationTask,
  { custom = [] }: SimulationPayload,
  policies: readonly CompiledPolicy[],
  { ask }: TaskContext,
): Cases | SimulationOutcome {
  switch (dataset.name) {
    case 'fixtures':
      return { total: fixtures.length, cases: fixtures };
    case 'synthetic': {
      const { count, seed } = dataset;
      const cases = syntheticCases(policies, { count, seed, catalog: catalogNamed(catalog) });
      return { total: cases.length, cases };
    }
    case 'custom': {
      if (dataset.format === 'values') {
        const read = parseCaseList(custom as readonly unknown[]);
        if ('diagnostics' in read) return refused('custom_cases', read.diagnostics, ['custom_cases']);
        return { total: read.length, cases: read };
      }
      const read = parseCases(custom as string, dataset.format);
      if (Array.isArray(read)) return refused('custom_source', read, ['custom_source', 'text']);
      return { total: read.cases.length, cases: read.cases };
    }
    case 'replay': {
      const nextPage = async () => (await ask('records')) as readonly RecordedRequest[];
      const { cases, replayable } = recordedCases(dataset.feed, policies, nextPage);
      return { total: dataset.feed.total, cases, replayable };
    }
  }
}

/** The one that was compiled last: most simulations of a while are of one workspace. */
let lastCatalog: { readonly stamp: string; readonly compiled: CompiledCatalog } | null = null;

function catalogNamed({ catalog, stamp }: SimulationTask['catalog']): CompiledCatalog {
  if (lastCatalog?.stamp === stamp) return lastCatalog.compiled;
  const compiled = compileCatalog(catalog);
  if (Array.isArray(compiled)) throw new Error(`the stored catalog does not compile: ${compiled[0]?.message}`);
  lastCatalog = { stamp, compiled };
  return compiled;
}

async function run(
  task: SimulationTask,
  sides: readonly Side[],
  { total, cases, replayable }: Cases,
  { progress }: TaskContext,
): Promise<object> {
  const [side, other] = sides as [Side, Side];
  if (task.kind === 'mutate') return { ...(await mutate(task, side, cases, progress)), ...said(replayable) };
  const { limits } = task;
  const isReplay = task.kind === 'compare' && task.dataset.name === 'replay';
  const forecaster = isReplay ? createApprovalForecaster() : null;
  const running =
    task.kind === 'compare'
      ? createComparison(side.policy, other.policy, {
          limits,
          onDecided: (one, before, after) => forecaster?.add(one as RecordedCase, before, after),
        })
      : createSimulation(side.policy, { limits });
  let done = 0;
  for await (const one of cases) {
    running.add(one);
    done += 1;
    if (done % stride === 0) progress(done, total);
  }
  const replayed = said(replayable);
  const approvals = forecaster?.report(replayed.replayable?.of ?? 0) ?? null;
  return { ...running.report(), ...replayed, ...(approvals === null ? {} : { approvals }) };
}

/** What goes with a report of a replay, whose records have been through by then. */
function said(replayable: Cases['replayable']): { replayable?: Replayable } {
  return replayable ? { replayable: replayable() } : {};
}

/** Every mutant needs every case, so they are all had first. */
async function mutate(
  task: SimulationTask,
  { rules, lists }: Side,
  cases: Cases['cases'],
  progress: TaskContext['progress'],
): Promise<MutationReport> {
  const all: SimulationCase[] = [];
  for await (const one of cases) all.push(one);
  const running = createMutationRun(rules, lists, all, {
    limit: task.mutants,
    defaultEffect: task.defaultEffect,
    catalog: catalogNamed(task.catalog),
  });
  for (let tried = 1; running.next(); tried += 1) progress(tried, running.total);
  return running.report();
}

/** Paths of the diagnostics lead from the rules or the cases, which stand at `at` in the request. */
function refused(place: string, diagnostics: readonly Diagnostic[], at: readonly string[]): SimulationOutcome {
  const faults = diagnostics.slice(0, told).map(({ code, path, message, line, column }) => {
    // A place in a text is no place in the request.
    const isText = at.length > 1;
    const where = isText && line !== undefined ? `line ${line}, column ${column ?? 1}: ` : '';
    return { code, path: jsonPointer(isText ? at : [...at, ...path]), message: `${where}${message}` };
  });
  return { kind: 'refused', place, faults, count: diagnostics.length };
}
