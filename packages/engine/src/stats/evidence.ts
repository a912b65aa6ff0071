/** How often something happened: `bad` of `bad + good`. Fractions are weights (see principals.ts). */
export interface Counts {
  readonly bad: number;
  readonly good: number;
}

/** Evidence about a rate: the natural logarithm of an e-value, 0 before anything was seen. */
export type LogEvidence = (counts: Counts) => number;

const alternatives = 24;
const firstStep = 0.08;
const stepGrowth = 1.19;
/** A limit of exactly 0 or 1 would make any single observation infinite evidence. */
const leastRate = 1e-6;

/**
 * Evidence that a rate lies above `limit` (or below), valid however often one looks: where the claim is false, it ever
 * reaches `ln(1 / alpha)` with probability at most alpha. The mean of likelihood ratios over 24 alternatives, closer
 * together near the limit (an e-process; Ramdas et al., arXiv 2210.01948).
 */
export function rateEvidence(limit: number, direction: 'above' | 'below'): LogEvidence {
  const p0 = Math.min(1 - leastRate, Math.max(leastRate, limit));
  const logOdds = Math.log(p0) - Math.log1p(-p0);
  const sign = direction === 'above' ? 1 : -1;
  const ratios = Array.from({ length: alternatives }, (_, k) => {
    const odds = logOdds + sign * firstStep * stepGrowth ** k;
    // ln of a logistic function and of its complement, without losing digits at either end.
    return { bad: -Math.log1p(Math.exp(-odds)) - Math.log(p0), good: -Math.log1p(Math.exp(odds)) - Math.log1p(-p0) };
  });
  const terms = new Float64Array(alternatives);
  return ({ bad, good }) => {
    ratios.forEach((ratio, k) => {
      terms[k] = bad * ratio.bad + good * ratio.good;
    });
    return logMean(terms);
  };
}

/** ln of the mean of exponentials. */
export function logMean(logs: Float64Array): number {
  return logSum(logs) - Math.log(logs.length);
}

/** ln of the sum of exponentials; of none it is minus infinity. */
export function logSum(logs: ArrayLike<number>): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logs.length; i++) highest = Math.max(highest, logs[i] as number);
  if (highest === Number.NEGATIVE_INFINITY) return highest;
  let sum = 0;
  for (let i = 0; i < logs.length; i++) sum += Math.exp((logs[i] as number) - highest);
  return highest + Math.log(sum);
}

/** `2,300 : 1`, as people read odds; everything from a million up is `more than 1,000,000 : 1`. */
export function oddsText(logEvidence: number): string {
  if (logEvidence >= Math.log(1e6)) return 'more than 1,000,000 : 1';
  const odds = Math.exp(Math.max(0, logEvidence));
  const rounded = odds < 10 ? Math.round(odds * 10) / 10 : Number(odds.toPrecision(2));
  return `${rounded.toLocaleString('en-US')} : 1`;
}
