/** What each code says, in a sentence without its rule. A test holds the list to the codes that lint knows. */
const titles: Readonly<Record<string, string>> = {
  'ambiguous-tie': 'Rules of the same priority meet with different effects',
  conflict: 'An allow rule and a deny rule hold for the same request',
  'budget-sanity': 'A rule that needs approval states no budget, or a cost is very high',
  'disabled-rule': 'The rule is disabled',
  'duplicate-id': 'Two rules have the same id',
  evadable: 'A caller can dodge the rule by what it sends or leaves out',
  'invalid-condition': 'A condition cannot be read',
  'invalid-rule': 'A rule breaks the rule schema',
  'invalid-source': 'The document cannot be read',
  'invalid-suppression': 'An answer in lint_ignore does not count',
  'limit-exceeded': 'A limit of the language is exceeded',
  'missing-reason': 'The rule gives no reason, or hardly one',
  'more-findings': 'There are more findings than are listed',
  'never-matches': 'The conditions contradict each other, so the rule never matches',
  'mistyped-comparison': 'A text that looks like a comparison is compared as a text',
  redundant: 'Removing the rule changes no outcome',
  'rounded-number': 'A number is read as another one',
  'type-mismatch': 'A condition can never be met by what the catalog says the field holds',
  'uncovered-action': 'No rule decides an action of the catalog',
  unreachable: 'Rules above take all that the rule matches',
  'unknown-action': 'The catalog does not know the action',
  'unknown-agent': 'The catalog does not know the agent',
  'unknown-field': 'The catalog does not know the field, or its path leads nowhere',
  'unknown-list': 'The named list is not known here, so the rule was not analysed',
  'wide-allow': 'The rule allows every agent or every action, without conditions',
  'decision-change': 'Some requests are decided otherwise',
  'undecided-change': 'It could not be decided whether some requests are decided otherwise',
  'unexpected-decision': 'A case is not decided as it expects',
  'low-score': 'The cases notice too few changes of the rules',
  'low-coverage': 'The cases decide too few of the rules',
  'never-hit': 'No case is decided by the rule',
  'limit-breach': 'The cases exceed a limit of cost or compute',
  'surviving-mutant': 'A change of the rule that no case notices',
  'not-formatted': 'The file is not in canonical form',
  'sync-conflict': 'The server holds what the folder never did',
  'out-of-step': 'Folder and server hold different things',
  'not-in-force': 'What decides is not what the folder says',
  'sync-refused': 'The server did not take what the folder holds',
};

export function codeTitle(code: string): string {
  return titles[code] ?? code;
}

export const titledCodes: readonly string[] = Object.keys(titles);
