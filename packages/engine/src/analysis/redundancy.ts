import type { CompiledRule } from '../plan.js';
import type { Formula } from './atom.js';
import type { WinnerIn } from './coverage.js';
import { type Neighbours, neighboursOf } from './neighbours.js';
import { type PairModel, rootOf } from './pair-model.js';
import { placesFrom, regionOf } from './region.js';
import { areApart } from './root.js';
import type { Context, UndecidedReason } from './solver.js';

/** What a request gets: the effect and the terms that come with it. Equal texts mean equal outcomes. */
export function outcomeKey({
  effect,
  budget,
  minApprovers,
}: Pick<CompiledRule, 'effect' | 'budget' | 'minApprovers'>): string {
  const { cost = '', compute = '', risk = '' } = budget ?? {};
  return `${effect} ${budget === null ? 'none' : `${cost} ${compute} ${risk}`} ${minApprovers ?? ''}`;
}

export type Redundancy =
  /** `context` gets another outcome without the rule. */
  | { readonly kind: 'needed'; readonly context: Context }
  /** `instead`: the rules that decide alike where it would be missed; -1 is the default. */
  | { readonly kind: 'redundant'; readonly instead: readonly number[] }
  | { readonly kind: 'undecided'; readonly reason: UndecidedReason };

/**
 * Whether leaving the rule out changes no outcome in this pair. `context` is a request it wins. `outcomes` holds one key
 * for each rule and a last one for the default.
 */
export function redundancyOf(
  pair: PairModel,
  rule: number,
  outcomes: readonly string[],
  context: Context,
  winnerIn: WinnerIn,
  neighbours: Neighbours = neighboursOf(pair),
): Redundancy {
  const size = pair.formulas.length;
  const own = outcomes[rule];
  const next = winnerIn(context, rule + 1);
  if (outcomes[next === -1 ? size : next] !== own) return { kind: 'needed', context };

  const ruleRoot = rootOf(pair, rule);
  const region = regionOf(pair, rule, placesFrom(0, rule), winnerIn);
  const instead: number[] = [];
  for (const s of neighbours.below(rule)) {
    pair.work.left -= pair.space.visit / 16;
    const root = rootOf(pair, s);
    if (root === null || ruleRoot === null || areApart(root, ruleRoot)) continue;
    const formula = pair.formulas[s] as Formula;
    if (outcomes[s] === own) {
      region.exclude(s);
      instead.push(s);
      const rest = region.rest();
      if (rest.kind === 'unsatisfiable') return { kind: 'redundant', instead };
      continue;
    }
    const answer = region.find([formula]);
    if (answer.kind === 'satisfiable') return { kind: 'needed', context: answer.context };
    if (answer.kind === 'undecided') return { kind: 'undecided', reason: answer.reason };
  }
  const rest = region.rest();
  if (rest.kind === 'unsatisfiable') return { kind: 'redundant', instead };
  if (outcomes[size] === own) return { kind: 'redundant', instead: [...instead, -1] };
  if (rest.kind === 'satisfiable') return { kind: 'needed', context: rest.context };
  return { kind: 'undecided', reason: rest.reason };
}
