import type { Compare, DatasetName, JobKind, Mutate, ReplayWindow, Simulate } from '@policy-studio/contract';
import { inlineCases } from '@policy-studio/contract';
import { defaultBudgetLimits } from '@policy-studio/engine';
import { invalid } from '../../http/route.js';
import { Refusal } from '../../refusal.js';
import type { RecordWindow } from '../decisions/queries.js';

const defaults = { count: 100, seed: 1337, days: 7, mutants: 200 } as const;
const dayMs = 24 * 3_600_000;

/** The rules that a request is about, and the member of its body that names them. */
export type AskedRules =
  | { readonly place: string; readonly rules: readonly unknown[] }
  | { readonly place: string; readonly bundleId: number };

export type AskedDataset =
  | { readonly name: 'fixtures' }
  | { readonly name: 'synthetic'; readonly count: number; readonly seed: number }
  | { readonly name: 'custom'; readonly cases: readonly unknown[] }
  | { readonly name: 'custom'; readonly source: NonNullable<Simulate['custom_source']> }
  | { readonly name: 'replay'; readonly window: RecordWindow; readonly limit: number };

/** What is to be simulated: one form for the three operations. */
export interface Asked {
  readonly kind: JobKind;
  /** One; of a comparison two. */
  readonly rules: readonly AskedRules[];
  readonly dataset: AskedDataset;
  readonly limits: { readonly cost: number; readonly compute: number };
  readonly mutants: number;
  readonly background: boolean;
}

/** What a body asks for at `now`; a refusal when it says two things at once, or not enough. */
export function askedOf(
  body:
    | ({ readonly kind: 'simulate' } & Simulate)
    | ({ readonly kind: 'compare' } & Compare)
    | ({ readonly kind: 'mutate' } & Mutate),
  now: Date,
): Asked | Refusal {
  const rules =
    body.kind === 'compare'
      ? [rulesOf(body, 'rules_a', 'bundle_a'), rulesOf(body, 'rules_b', 'bundle_b')]
      : [rulesOf(body, 'rules', 'bundle_id')];
  const dataset = datasetOf(body, now);
  const refused = [...rules, dataset].filter((part) => part instanceof Refusal);
  if (refused.length > 0) return invalid(refused.flatMap(({ errors }) => errors));
  return {
    kind: body.kind,
    rules: rules as AskedRules[],
    dataset: dataset as AskedDataset,
    limits: { ...defaultBudgetLimits, ...('case_limits' in body ? body.case_limits : {}) },
    mutants: 'limit' in body ? (body.limit ?? defaults.mutants) : defaults.mutants,
    background: body.background ?? false,
  };
}

type RulesMember = 'rules' | 'rules_a' | 'rules_b';
type BundleMember = 'bundle_id' | 'bundle_a' | 'bundle_b';

function rulesOf(
  body: Partial<Record<RulesMember, readonly unknown[]> & Record<BundleMember, number>>,
  inline: RulesMember,
  stored: BundleMember,
): AskedRules | Refusal {
  const [rules, bundleId] = [body[inline], body[stored]];
  if (rules !== undefined && bundleId !== undefined) {
    return invalid([{ path: `/${stored}`, message: `stands beside \`${inline}\`: give one of them` }]);
  }
  if (rules !== undefined) return { place: inline, rules };
  if (bundleId !== undefined) return { place: stored, bundleId };
  return invalid([{ path: `/${inline}`, message: `is missing; give it, or a bundle in \`${stored}\`` }]);
}

type DatasetBody = Pick<Simulate, 'dataset' | 'synthetic_count' | 'seed' | 'custom_cases' | 'custom_source' | 'window'>;

function datasetOf(body: DatasetBody, now: Date): AskedDataset | Refusal {
  const { custom_cases: cases, custom_source: source, window } = body;
  if (cases !== undefined && source !== undefined) {
    return invalid([{ path: '/custom_source', message: 'stands beside `custom_cases`: give one of them' }]);
  }
  const name = datasetName(body);
  if (window !== undefined && name !== 'replay') {
    return invalid([{ path: '/window', message: `is about recorded decisions, but the dataset is \`${name}\`` }]);
  }
  switch (name) {
    case 'fixtures':
      return { name };
    case 'synthetic':
      return { name, count: body.synthetic_count ?? defaults.count, seed: body.seed ?? defaults.seed };
    case 'replay':
      return replayOf(window ?? {}, now);
    case 'custom':
      if (source !== undefined) return { name, source };
      if (cases !== undefined) return { name, cases };
      return invalid([{ path: '/custom_cases', message: 'is missing; give the cases, or a file in `custom_source`' }]);
  }
}

/** Custom cases replace a dataset that is named as well; of the rest, what is given shows which one is meant. */
function datasetName({ dataset, ...given }: DatasetBody): DatasetName {
  if (given.custom_cases !== undefined || given.custom_source !== undefined) return 'custom';
  if (dataset !== undefined) return dataset;
  if (given.window !== undefined) return 'replay';
  return given.synthetic_count !== undefined || given.seed !== undefined ? 'synthetic' : 'fixtures';
}

function replayOf(window: ReplayWindow, now: Date): AskedDataset | Refusal {
  if (window.from !== undefined && window.days !== undefined) {
    return invalid([{ path: '/window/days', message: 'stands beside `from`: give one of them' }]);
  }
  const toMs = window.to === undefined ? now.getTime() : Date.parse(window.to);
  const fromMs = window.from === undefined ? toMs - (window.days ?? defaults.days) * dayMs : Date.parse(window.from);
  for (const [name, ms] of Object.entries({ to: toMs, from: fromMs })) {
    // A leap second is a valid time of RFC 3339 that no Date can hold.
    if (Number.isNaN(ms)) return invalid([{ path: `/window/${name}`, message: 'must be a time that exists' }]);
  }
  if (fromMs >= toMs) return invalid([{ path: '/window/from', message: 'must be before the end of the window' }]);
  const { agent, action, bundle_id: bundleId, rule, effect, limit = inlineCases } = window;
  return { name: 'replay', window: { fromMs, toMs, agent, action, bundleId, rule, effect }, limit };
}
