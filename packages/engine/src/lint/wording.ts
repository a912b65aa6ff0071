import type { UndecidedReason } from '../analysis/solver.js';
import { quoted } from '../diagnostic.js';
import type { Effect } from '../generated/rule.js';

const shown = 5;

/** `a`, `b` and `c`, or the first few of them and how many more. */
export function listed(names: readonly string[], conjunction: 'and' | 'or' = 'and'): string {
  const texts = names.slice(0, shown).map(quoted);
  if (names.length > shown) texts.push(`${names.length - shown} more`);
  const last = texts.pop() ?? '';
  return texts.length === 0 ? last : `${texts.join(', ')} ${conjunction} ${last}`;
}

/** What a rule with the effect does to a request. */
export const verb = { allow: 'allows', deny: 'denies', needs_approval: 'wants an approval for' } as const;

/** What becomes of a request with the effect. */
export const verdict = { allow: 'allowed', deny: 'denied', needs_approval: 'put to a person' } as const;

/** Why the analysis has no answer, as the end of a sentence. */
export const openBecause: Readonly<Record<UndecidedReason, string>> = {
  budget: 'answering takes more work than the analysis may do; fewer overlapping rules or simpler conditions help',
  matches:
    'a `matches` pattern is in play, and what patterns have in common is not worked out; `starts_with`, `ends_with`, `contains` or a list would be',
  field: 'one field is compared with another, which is not worked out in full',
  domain_in: 'a `domain_in` test meets other tests of the same text, which is not worked out in full',
  normalize: 'a list with `normalize` meets other tests of the same field, which is not worked out in full',
  text: 'no example text was found that meets all of the tests',
  schema: 'the context schema says more than which types fields have, and no example was found that it lets through',
};

/** Why the first of two rules goes before the second, as the end of a sentence. */
export function precedence(
  above: { readonly priority: number; readonly effect: Effect },
  below: { readonly priority: number; readonly effect: Effect },
): string {
  if (above.priority !== below.priority) return `its priority is higher (${above.priority} over ${below.priority})`;
  return `at the same priority (${above.priority}) ${above.effect} goes before ${below.effect}`;
}
