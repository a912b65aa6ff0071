import type { Formula } from './atom.js';
import { negationsOf, type WinnerIn } from './coverage.js';
import { ask, holdsIn, type PairModel } from './pair-model.js';
import type { Answer, Context } from './solver.js';

export interface Region {
  /** Takes away what this rule matches. */
  exclude(rule: number): void;
  /** A context of the region that meets the formulas. */
  find(formulas: readonly Formula[]): Answer;
  /** Any context of it. */
  rest(): Answer;
}

/**
 * Where a rule wins, less what is excluded. Rules above it are left out only once one of them takes a witness: most
 * never do. The rule may be null: where no rule wins and the default applies. `above` are all rules above it.
 */
export function regionOf(pair: PairModel, rule: number | null, above: readonly number[], winnerIn: WinnerIn): Region {
  const excluded = new Set<number>();
  let last: Context | null = null;
  const find = (formulas: readonly Formula[]): Answer => {
    for (;;) {
      const answer = ask(pair, rule, [...formulas, ...negationsOf(pair, [...excluded])]);
      if (answer.kind === 'unsatisfiable') return answer;
      // What is above may be decided though this is not.
      if (answer.kind === 'undecided') return isCovered(formulas) ? { kind: 'unsatisfiable' } : answer;
      const winner = winnerIn(answer.context);
      if (winner === (rule ?? -1)) return answer;
      excluded.add(winner);
    }
  };
  const isCovered = (formulas: readonly Formula[]): boolean => {
    if (above.length === 0 || pair.work.left <= 0) return false;
    const out = new Set([...excluded, ...above]);
    return ask(pair, rule, [...formulas, ...negationsOf(pair, [...out])]).kind === 'unsatisfiable';
  };
  return {
    exclude(other: number): void {
      excluded.add(other);
      if (last !== null && holdsIn(pair.space, last)(pair.formulas[other] as Formula)) last = null;
    },
    find,
    rest(): Answer {
      const answer: Answer = last === null ? find([]) : { kind: 'satisfiable', context: last };
      if (answer.kind === 'satisfiable') last = answer.context;
      return answer;
    },
  };
}

/** The places from `first` up to and without `end`. */
export function placesFrom(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i);
}
