import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Choices that follow from a seed, by integers alone: the same on every platform. */
export interface Random {
  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number;
  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True once in `times`. */
  once(times: number): boolean;
  /** A member of a list that is not empty. */
  pick<T>(from: readonly T[]): T;
}

export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const below = (limit: number) => (limit <= 1 ? 0 : uniformInt(generator, 0, limit - 1));
  return {
    below,
    between: (low, high) => uniformInt(generator, low, high),
    once: (times) => below(times) === 0,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
  };
}
