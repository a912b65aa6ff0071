/**
 * ln of the e-value that principals do not fall into the canary with the configured share (0 to 1): a Beta mixture
 * around the share against the share itself, valid however often one looks (Lindon and Malek, arXiv 2011.03567).
 * 0 while the share is 0 or 1, where nobody can be on the wrong side by chance.
 */
export function ratioMismatchEvidence(share: number): (canary: number, stable: number) => number {
  if (share <= 0 || share >= 1) return () => 0;
  const a = concentration * share;
  const b = concentration * (1 - share);
  const prior = logBeta(a, b);
  return (canary, stable) =>
    logBeta(a + canary, b + stable) - prior - canary * Math.log(share) - stable * Math.log1p(-share);
}

/** How sharply the alternatives gather around the share: small differences come to light sooner when it is high. */
const concentration = 100;

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** ln of the gamma function for arguments above 0.5 (Lanczos, g = 7, n = 9), to about 15 digits. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  const t = shifted + 7.5;
  const series = lanczos.reduce((sum, c, i) => sum + c / (shifted + i + 1), 0.9999999999998099);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(series);
}
