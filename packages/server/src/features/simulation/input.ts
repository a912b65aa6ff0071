import type { JobKind } from '@policy-studio/contract';
import type { Effect } from '@policy-studio/engine';
import type { SimulationPayload } from '../../compute/tasks/simulate.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bundleById } from '../bundles/queries.js';
import type { RecordWindow } from '../decisions/queries.js';
import { listVersionsNow } from '../lists/queries.js';
import { settingsOf } from '../settings/queries.js';
import type { Asked, AskedDataset, AskedRules } from './asked.js';

const listName = /^[a-z0-9][a-z0-9_-]{0,63}$/;

export type SettledDataset =
  | { readonly name: 'fixtures' }
  | { readonly name: 'synthetic'; readonly count: number; readonly seed: number }
  | { readonly name: 'custom'; readonly format: 'values' | 'json' | 'jsonl' | 'csv' }
  | { readonly name: 'replay'; readonly window: RecordWindow; readonly limit: number };

/** A simulation with everything settled that may change until it runs. */
export interface SimulationInput {
  readonly kind: JobKind;
  readonly sources: readonly RulesSource[];
  readonly defaultEffect: Effect;
  readonly timeZone: string;
  readonly dataset: SettledDataset;
  readonly limits: { readonly cost: number; readonly compute: number };
  readonly mutants: number;
  /** A `SimulationPayload` as JSON: rules and cases may weigh 16 MiB, and only a thread is to read them. */
  readonly payload: string;
}

export interface RulesSource {
  readonly place: string;
  /** null: the rules were given in the request. */
  readonly bundleId: number | null;
  /** Version of each list that the rules may read and that exists. */
  readonly lists: Readonly<Record<string, number>>;
}

/** What was asked for, with the rules, list versions and settings as they stand. */
export async function settle(
  { db, config }: Pick<Services, 'db' | 'config'>,
  workspaceId: number,
  asked: Asked,
): Promise<SimulationInput | Refusal> {
  const sources: RulesSource[] = [];
  const rules: (readonly unknown[])[] = [];
  for (const one of asked.rules) {
    const written = await rulesOf(db.pool, workspaceId, one);
    if (written instanceof Refusal) return written;
    const lists = await listVersionsNow(db.pool, workspaceId, listNamesIn(written));
    const bundleId = 'bundleId' in one ? one.bundleId : null;
    sources.push({ place: one.place, bundleId, lists: Object.fromEntries(lists) });
    rules.push(written);
  }
  const settings = await settingsOf(db.pool, config, workspaceId);
  const { kind, limits, mutants } = asked;
  const { default_effect: defaultEffect, time_zone: timeZone } = settings;
  const { dataset, custom } = split(asked.dataset);
  const payload = JSON.stringify({ rules, ...(custom === undefined ? {} : { custom }) } satisfies SimulationPayload);
  return { kind, sources, defaultEffect, timeZone, dataset, limits, mutants, payload };
}

function split(asked: AskedDataset): { dataset: SettledDataset; custom?: readonly unknown[] | string } {
  if (asked.name !== 'custom') return { dataset: asked };
  if ('cases' in asked) return { dataset: { name: 'custom', format: 'values' }, custom: asked.cases };
  return { dataset: { name: 'custom', format: asked.source.format }, custom: asked.source.text };
}

/** The input as a job keeps it: what is small on a line of its own, so that the payload need not be read with it. */
export function writeInput({ payload, ...settled }: SimulationInput): string {
  return `${JSON.stringify(settled)}\n${payload}`;
}

export function readInput(text: string): SimulationInput {
  const end = text.indexOf('\n');
  return { ...(JSON.parse(text.slice(0, end)) as Omit<SimulationInput, 'payload'>), payload: text.slice(end + 1) };
}

async function rulesOf(
  pool: Services['db']['pool'],
  workspaceId: number,
  source: AskedRules,
): Promise<readonly unknown[] | Refusal> {
  if ('rules' in source) return source.rules;
  const bundle = await bundleById(pool, workspaceId, source.bundleId);
  if (bundle) return bundle.rules;
  return refuse('not_found', `there is no bundle ${source.bundleId}; list them with GET /policy/bundles`);
}

/**
 * Every name that stands where rules name a list, in rules that nobody has checked yet: no list that they read is
 * missing among them. The nesting of bodies is bounded.
 */
export function listNamesIn(value: unknown, found = new Set<string>()): string[] {
  if (Array.isArray(value)) {
    for (const item of value) listNamesIn(item, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (key !== 'list' || typeof item !== 'string') listNamesIn(item, found);
      // What is no name of a list is not looked up; the engine says what is wrong with it.
      else if (listName.test(item)) found.add(item);
    }
  }
  return [...found];
}
