import type { Check, Outcome, outcome, Resources, Values } from './check.js';
import type { Plan } from './plan.js';

export const bitsetWordsPerRule = 600;
export interface Bitsets {
  readonly words: number;
}
export function buildBitsets(_plan: Plan): Bitsets {
  return { words: 0 };
}
export function firstMatch(_bitsets: Bitsets, _values: Values): number {
  return -1;
}
export type Unused = Check | Outcome | Resources | typeof outcome;
