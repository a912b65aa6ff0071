import { comparisons, hintWords, wordOperators } from '../../condition.js';
import { nearest } from '../../diagnostic.js';
import { parseKey } from '../../parse-key.js';
import type { LintCheck, LintContext } from '../check.js';
import { isRecord, rename, replace, valueAt } from '../edits.js';
import { type FaultPlace, faultsOf } from '../faults.js';
import type { Suggestion } from '../finding.js';

export const check: LintCheck = {
  code: 'invalid-condition',
  severity: 'error',
  find: (context) =>
    faultsOf(context, 'invalid-condition', (place) => {
      return correctedKey(place) ?? bareMember(place) ?? correctedReference(place, context.nearestList);
    }),
};

function correctedKey({ rule, inRule, path }: FaultPlace): Suggestion | null {
  const key = inRule.at(-1);
  const owner = valueAt(rule, inRule.slice(0, -1));
  if (typeof key !== 'string' || !isRecord(owner) || parseKey(key).kind !== 'error') return null;
  const meant = spellings(key).find((candidate) => parseKey(candidate).kind === 'test');
  const patch = meant === undefined ? null : rename(owner, path.slice(0, -1), key, meant);
  return patch === null ? null : { message: `write \`${meant}\``, patch };
}

const symbols: ReadonlySet<string> = new Set(comparisons);

/** What a key that is none may have been meant to be, canonically spelled. */
function spellings(key: string): string[] {
  const text = key.trim();
  const run = /^[<>=!]+|[<>=!]+$/.exec(text)?.[0];
  if (run !== undefined)
    return spelled(text.startsWith(run) ? text.slice(run.length) : text.slice(0, -run.length), run);
  const [field = '', ...words] = text.split(/\s+/);
  const [operator = ''] = words;
  // `not_in recipient`, and `recipient not in`.
  return [...spelled(field, words.join('_')), ...spelled(operator, field)];
}

function spelled(field: string, operator: string): string[] {
  const word = operator.toLowerCase();
  const meant = operatorCalled(operator) ?? operatorCalled(word) ?? nearest(word, wordOperators);
  if (meant === null) return [];
  return [symbols.has(meant) ? `${meant}${field.trim()}` : `${field.trim()} ${meant}`];
}

function operatorCalled(text: string): string | null {
  if ((wordOperators as readonly string[]).includes(text)) return text;
  return Object.hasOwn(hintWords, text) ? (hintWords[text] ?? null) : null;
}

/** One value where the operator takes several. */
function bareMember({ rule, inRule, path }: FaultPlace): Suggestion | null {
  const key = inRule.at(-1);
  const value = valueAt(rule, inRule);
  if (typeof key !== 'string' || value === null || typeof value === 'object' || value === undefined) return null;
  const parsed = parseKey(key);
  if (parsed.kind !== 'test' || !['in', 'not_in', 'any_in', 'all_in', 'domain_in'].includes(parsed.operator))
    return null;
  return { message: 'write the value in brackets', patch: [replace(path, [value])] };
}

/** `{"lst": "vips"}` and `{"list": "vip"}`. */
function correctedReference(
  { rule, inRule, path }: FaultPlace,
  nearestList: LintContext['nearestList'],
): Suggestion | null {
  const value = valueAt(rule, inRule);
  if (!isRecord(value)) return null;
  const [key = '', ...others] = Object.keys(value);
  if (others.length > 0) return null;
  const name = value[key];
  if (key === 'list' && typeof name === 'string') {
    const meant = nearestList(name);
    return meant === null ? null : { message: `write \`${meant}\``, patch: [replace([...path, 'list'], meant)] };
  }
  const meant = key === 'field' || key === 'list' ? null : nearest(key, ['field', 'list']);
  return meant === null ? null : { message: `write \`${meant}\``, patch: [replace(path, { [meant]: name })] };
}
