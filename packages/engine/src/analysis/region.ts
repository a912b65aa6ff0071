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
 * never do. The rule may be null: where no rule wins and the default applies.
 */
export function regionOf(pair: PairModel, rule: number | null, winnerIn: WinnerIn): Region {
  const excluded = new Set<number>();
  let last: Context | null = null;
  const find = (formulas: readonly Formula[]): Answer => {
    for (;;) {
      const answer = ask(pair, rule, [...formulas, ...negationsOf(pair, [...excluded])]);
      if (answer.kind !== 'satisfiable') return answer;
      const winner = winnerIn(answer.context);
      if (winner === (rule ?? -1)) return answer;
      excluded.add(winner);
    }
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
