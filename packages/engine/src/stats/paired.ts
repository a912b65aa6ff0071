import { logMean, rateEvidence } from './evidence.js';

/** Requests that both bundles were asked, by what changed: `more` for one thing, `less` for its opposite, `same`. */
export interface PairedCounts {
  /** D = 1: newly denied, say. */
  readonly more: number;
  /** D = -1: no longer denied. */
  readonly less: number;
  readonly same: number;
}

const bets = 20;

/**
 * ln of the e-value that the mean of D (+1, 0, -1 for each request) exceeds `margin` (0 to 1), valid however often one
 * looks: wins of bets lambda in (0, 1 / (1 + margin)), averaged. Without a margin only the discordant pairs say anything:
 * a sequential McNemar test.
 */
export function pairedEvidence(margin: number): (counts: PairedCounts) => number {
  if (margin === 0) {
    const discordant = rateEvidence(0.5, 'above');
    return ({ more, less }) => discordant({ bad: more, good: less });
  }
  // Lambda must leave 1 + lambda (D - margin) above 0 at D = -1.
  const steps = Array.from({ length: bets }, (_, k) => {
    const lambda = (k + 1) / (bets + 1) / (1 + margin);
    return {
      more: Math.log1p(lambda * (1 - margin)),
      same: Math.log1p(-lambda * margin),
      less: Math.log1p(-lambda * (1 + margin)),
    };
  });
  const terms = new Float64Array(bets);
  return ({ more, less, same }) => {
    steps.forEach((step, k) => {
      terms[k] = more * step.more + same * step.same + less * step.less;
    });
    return logMean(terms);
  };
}

/** The measured mean of D, -1 to 1; null before anything was compared. */
export function pairedDifference({ more, less, same }: PairedCounts): number | null {
  const total = more + less + same;
  return total === 0 ? null : (more - less) / total;
}
