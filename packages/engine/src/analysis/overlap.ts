import type { Formula } from './atom.js';
import { negationsOf, type WinnerIn } from './coverage.js';
import { ask, type PairModel, rootOf } from './pair-model.js';
import { areApart, holdsWithin, holdTogether, isWithin, type Root, surelyMeet, surelySticksOut } from './root.js';
import type { Context, UndecidedReason } from './solver.js';

/** How two rules' conditions meet. Rules are named by their place in decision order. */
export type Meeting =
  | { readonly kind: 'apart' }
  | {
      readonly kind: 'overlap';
      /** Whether every context of the higher rule meets the lower one too; null when undecided. */
      readonly within: boolean | null;
      /** A context that meets both, if one was needed to know. */
      readonly context: Context | null;
    }
  | { readonly kind: 'undecided'; readonly reason: UndecidedReason };

const apart: Meeting = { kind: 'apart' };
const triesForAWinner = 4;

/** Whether two rules' conditions hold together. */
export function meetingOf(pair: PairModel, higher: number, lower: number): Meeting {
  const above = rootOf(pair, higher);
  const below = rootOf(pair, lower);
  pair.work.left -= pair.space.visit / 2;
  if (above === null || below === null || areApart(above, below)) return apart;
  const meets = isSure(pair) ? meet(pair, above, below) : null;
  if (meets === false) return apart;
  const answer = meets === true ? null : ask(pair, higher, [pair.formulas[lower] as Formula]);
  if (answer?.kind === 'unsatisfiable') return apart;
  if (answer?.kind === 'undecided') return answer;
  const within = withinOf(pair, higher, lower, above, below);
  return { kind: 'overlap', within, context: answer?.context ?? null };
}

/**
 * A context that meets both of two rules that overlap, one that the higher rule decides if that is soon found; null when
 * work ran out. `first`: one that is known.
 */
export function witnessOf(
  pair: PairModel,
  higher: number,
  lower: number,
  winnerIn: WinnerIn,
  first: Context | null,
): Context | null {
  const both = pair.formulas[lower] as Formula;
  const others: number[] = [];
  let context = first;
  for (let tries = 0; tries < triesForAWinner; tries++) {
    if (context !== null) {
      const winner = winnerIn(context);
      if (winner >= higher) break;
      others.push(winner);
    }
    const next = ask(pair, higher, [both, ...negationsOf(pair, others)]);
    if (next.kind !== 'satisfiable') break;
    context = next.context;
  }
  return context;
}

function withinOf(pair: PairModel, higher: number, lower: number, above: Root, below: Root): boolean | null {
  if (isWithin(above, below)) return true;
  if (isSure(pair)) {
    if (surelySticksOut(above, below)) return false;
    const within = holdsWithin(pair.space, above, below, pair.work);
    if (within !== null) return within;
  }
  const outside = ask(pair, higher, negationsOf(pair, [lower]));
  return outside.kind === 'undecided' ? null : outside.kind === 'unsatisfiable';
}

function meet({ space, work }: PairModel, above: Root, below: Root): boolean | null {
  return surelyMeet(space, above, below) || holdTogether(space, above, below, work);
}

/** A schema may refuse what the fields allow. */
function isSure(pair: PairModel): boolean {
  return pair.typing?.admits === undefined;
}
