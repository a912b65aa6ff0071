/** Why a rollout stands still, each as a clause that follows "Holding at 10 %:". */
const holds: Readonly<Record<string, string>> = {
  operator: 'an operator paused it',
  inconclusive: 'the evidence does not decide yet',
  failing: 'a gate fails',
  telemetry: 'too few outcomes are reported to judge',
  'ratio-mismatch': 'traffic is not divided as it should be',
  environmental: 'the stable bundle has the same trouble, so the cause lies elsewhere',
  freeze: 'a freeze is on',
  'no-target': 'there is no bundle to go back to',
};

/** `the evidence does not decide yet, and a freeze is on`; empty when nothing holds it. */
export function holdWords(reasons: readonly string[]): string {
  return reasons.map((reason) => holds[reason] ?? reason).join(', and ');
}
