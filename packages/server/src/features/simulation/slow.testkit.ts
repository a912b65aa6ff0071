/** Rules that take some 10 ms to try on one of `slowCases`: each reads the whole text, step by step. */
export const slowRules = Array.from({ length: 60 }, (_, index) => ({
  id: `slow-${index}`,
  agent: '*',
  action: '*',
  effect: 'deny',
  reason: 'it takes long to find out',
  conditions: { 'text matches': `(a?b?){50}z$|q${index}z` },
}));

export function slowCases(count: number): { agent: string; action: string; context: { text: string } }[] {
  const text = 'ab'.repeat(750);
  return Array.from({ length: count }, () => ({ agent: 'slow.agent', action: 'read', context: { text } }));
}
