import type { Formula } from './atom.js';
import { negationsOf, type WinnerIn } from './coverage.js';
import { areApart, ask, isWithin, type PairModel, rootOf } from './pair-model.js';
import type { Context, UndecidedReason } from './solver.js';

/** Two rules of different effects that hold for the same request. Rules are named by their place in decision order. */
export type Meeting =
  | { readonly kind: 'apart' }
  | {
      readonly kind: 'overlap';
      readonly context: Context;
      /** Whether every context of the higher rule meets the lower one too; null when undecided. */
      readonly within: boolean | null;
    }
  | { readonly kind: 'undecided'; readonly reason: UndecidedReason };

const triesForAWinner = 4;

/** Whether two rules' conditions hold together. The witness is one that the higher rule decides, if that is soon found. */
export function meetingOf(pair: PairModel, higher: number, lower: number, winnerIn: WinnerIn): Meeting {
  const above = rootOf(pair, higher);
  const below = rootOf(pair, lower);
  if (above === null || below === null || areApart(above, below)) return { kind: 'apart' };
  const both = pair.formulas[lower] as Formula;
  const answer = ask(pair, higher, [both]);
  if (answer.kind === 'unsatisfiable') return { kind: 'apart' };
  if (answer.kind === 'undecided') return answer;
  const others: number[] = [];
  let { context } = answer;
  for (let tries = 0; tries < triesForAWinner; tries++) {
    const winner = winnerIn(context);
    if (winner >= higher) break;
    others.push(winner);
    const next = ask(pair, higher, [both, ...negationsOf(pair, others)]);
    if (next.kind !== 'satisfiable') break;
    context = next.context;
  }
  return { kind: 'overlap', context, within: withinOf(pair, higher, lower) };
}

function withinOf(pair: PairModel, higher: number, lower: number): boolean | null {
  const above = rootOf(pair, higher);
  const below = rootOf(pair, lower);
  if (above === null || below === null) return null;
  if (isWithin(above, below)) return true;
  const outside = ask(pair, higher, negationsOf(pair, [lower]));
  return outside.kind === 'undecided' ? null : outside.kind === 'unsatisfiable';
}
