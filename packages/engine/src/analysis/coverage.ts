import type { Formula } from './atom.js';
import { ask, type PairModel, rootOf } from './pair-model.js';
import type { Context, UndecidedReason } from './solver.js';

/** Whether a rule wins anywhere in a pair. Rules are named by their place in decision order. */
export type Reach =
  | { readonly kind: 'reachable'; readonly context: Context }
  | { readonly kind: 'never' }
  /** `cover`: rules above it that take all it matches, none of which can be left out. The context is one it matches, if one was found. */
  | { readonly kind: 'covered'; readonly context: Context | null; readonly cover: readonly number[] }
  | {
      readonly kind: 'undecided';
      readonly question: 'never-matches' | 'unreachable';
      readonly reason: UndecidedReason;
    };

/** The place of the rule that decides the context, or would without the rules before `from`; -1: none. */
export type WinnerIn = (context: Context, from?: number) => number;

/** Starts with the rule alone and adds the negation of whichever rule takes its witness, until it wins or nothing is left. */
export function reachOf(pair: PairModel, rule: number, winnerIn: WinnerIn): Reach {
  const alone = rootOf(pair, rule) === null ? ({ kind: 'unsatisfiable' } as const) : ask(pair, rule, []);
  if (alone.kind === 'unsatisfiable') return { kind: 'never' };
  if (alone.kind === 'undecided') {
    // What is above may be decided though the rule itself is not.
    const covered = coveredByAll(pair, rule, null);
    return covered ?? { kind: 'undecided', question: 'never-matches', reason: alone.reason };
  }
  const out: number[] = [];
  let { context } = alone;
  const first = context;
  for (;;) {
    const winner = winnerIn(context);
    if (winner === rule) return { kind: 'reachable', context };
    out.push(winner);
    const answer = ask(pair, rule, negationsOf(pair, out));
    if (answer.kind === 'unsatisfiable') return { kind: 'covered', context: first, cover: minimal(pair, rule, out) };
    if (answer.kind === 'undecided') {
      return coveredByAll(pair, rule, first) ?? { kind: 'undecided', question: 'unreachable', reason: answer.reason };
    }
    context = answer.context;
  }
}

/** The last resort where a witness is not to be had: all rules above at once. */
function coveredByAll(pair: PairModel, rule: number, context: Context | null): Reach | null {
  const root = rootOf(pair, rule);
  if (root === null || rule === 0 || pair.work.left <= 0) return null;
  const above = Array.from({ length: rule }, (_, i) => i);
  if (ask(pair, rule, negationsOf(pair, above)).kind !== 'unsatisfiable') return null;
  return { kind: 'covered', context, cover: minimal(pair, rule, above) };
}

export function negationsOf(pair: PairModel, rules: readonly number[]): Formula[] {
  return rules.map((rule) => (pair.formulas[rule] as Formula).negation);
}

/** Leaves out what is not needed, one after the other, the last found first. Without an answer a rule stays in. */
function minimal(pair: PairModel, rule: number, cover: readonly number[]): number[] {
  let kept = [...cover];
  for (const each of [...cover].reverse()) {
    if (kept.length === 1) break;
    const fewer = kept.filter((other) => other !== each);
    if (ask(pair, rule, negationsOf(pair, fewer)).kind === 'unsatisfiable') kept = fewer;
  }
  return kept.sort((a, b) => a - b);
}
