import { nearest } from '../../diagnostic.js';
import { ruleSchema } from '../../generated/rule-schema.js';
import type { LintCheck } from '../check.js';
import { isRecord, rename, replace, valueAt } from '../edits.js';
import { type FaultPlace, faultsOf } from '../faults.js';
import type { Suggestion } from '../finding.js';

export const check: LintCheck = {
  code: 'invalid-rule',
  severity: 'error',
  find: (context) => faultsOf(context, 'invalid-rule', mend),
};

function mend(place: FaultPlace): Suggestion | null {
  return misspelledKey(place) ?? misspelledWord(place) ?? quotedLiteral(place);
}

function misspelledKey({ rule, inRule, path }: FaultPlace): Suggestion | null {
  const key = inRule.at(-1);
  const owner = valueAt(rule, inRule.slice(0, -1));
  if (typeof key !== 'string' || !isRecord(owner)) return null;
  const known = knownKeys(inRule.slice(0, -1));
  const meant = known.includes(key) ? null : nearest(key, known);
  const patch = meant === null ? null : rename(owner, path.slice(0, -1), key, meant);
  return patch === null ? null : { message: `write \`${meant}\``, patch };
}

function knownKeys(inRule: FaultPlace['inRule']): string[] {
  if (inRule.length === 0) return Object.keys(ruleSchema.properties);
  return inRule.join('.') === 'budget' ? Object.keys(ruleSchema.properties.budget.properties) : [];
}

const words: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['effect', ruleSchema.properties.effect.enum],
  ['budget.risk', ruleSchema.properties.budget.properties.risk.enum],
]);

function misspelledWord({ rule, inRule, path }: FaultPlace): Suggestion | null {
  const known = words.get(inRule.join('.'));
  const value = valueAt(rule, inRule);
  const meant = known !== undefined && typeof value === 'string' ? nearest(value, known) : null;
  return meant === null ? null : { message: `write \`${meant}\``, patch: [replace(path, meant)] };
}

/** A number or boolean in quotes, where the field wants it bare. */
function quotedLiteral({ rule, inRule, path }: FaultPlace): Suggestion | null {
  const value = valueAt(rule, inRule);
  if (typeof value !== 'string') return null;
  const name = inRule.join('.');
  const isNumber = ['priority', 'budget.cost', 'budget.compute', 'metadata.min_approvers'].includes(name);
  const literal =
    isNumber && /^\d{1,9}$/.test(value)
      ? Number(value)
      : name === 'enabled' && (value === 'true' || value === 'false')
        ? value === 'true'
        : null;
  if (literal === null) return null;
  return { message: `write \`${literal}\` without quotes`, patch: [replace(path, literal)] };
}
