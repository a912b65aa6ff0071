import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seeded draws for simulated traffic. */
export interface Draws {
  uniform(): number;
  /** How many of `n` happen with probability p. */
  happened(n: number, p: number): number;
  /** A standard normal. */
  normal(): number;
}

export function draws(seed: number): Draws {
  const rng = xoroshiro128plus(seed);
  const uniform = () => uniformFloat64(rng);
  return {
    uniform,
    happened: (n, p) => {
      let count = 0;
      for (let i = 0; i < n; i++) if (uniform() < p) count += 1;
      return count;
    },
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
