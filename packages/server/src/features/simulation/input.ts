import type { JobKind } from '@policy-studio/contract';
import type { Effect } from '@policy-studio/engine';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bundleById } from '../bundles/queries.js';
import { listVersionsNow } from '../lists/queries.js';
import { settingsOf } from '../settings/queries.js';
import type { Asked, AskedDataset, AskedRules } from './asked.js';

const listName = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** A simulation with everything settled that may change until it runs: a plain value, kept with a job. */
export interface SimulationInput {
  readonly kind: JobKind;
  readonly policies: readonly InputRules[];
  readonly defaultEffect: Effect;
  readonly timeZone: string;
  readonly dataset: AskedDataset;
  readonly limits: { readonly cost: number; readonly compute: number };
  readonly mutants: number;
}

export interface InputRules {
  readonly place: string;
  /** null: they were given in the request. */
  readonly bundleId: number | null;
  readonly rules: readonly unknown[];
  /** Version of each list that the rules may read and that exists. */
  readonly lists: Readonly<Record<string, number>>;
}

/** What was asked for, with the rules, list versions and settings as they stand. */
export async function settle(
  { db, config }: Pick<Services, 'db' | 'config'>,
  workspaceId: number,
  asked: Asked,
): Promise<SimulationInput | Refusal> {
  const policies: InputRules[] = [];
  for (const source of asked.rules) {
    const rules = await rulesOf(db.pool, workspaceId, source);
    if (rules instanceof Refusal) return rules;
    const lists = await listVersionsNow(db.pool, workspaceId, listNamesIn(rules));
    policies.push({
      place: source.place,
      bundleId: 'bundleId' in source ? source.bundleId : null,
      rules,
      lists: Object.fromEntries(lists),
    });
  }
  const settings = await settingsOf(db.pool, config, workspaceId);
  const { kind, dataset, limits, mutants } = asked;
  const { default_effect: defaultEffect, time_zone: timeZone } = settings;
  return { kind, policies, defaultEffect, timeZone, dataset, limits, mutants };
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
