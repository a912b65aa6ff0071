import { canonicalJson } from './canonical.js';
import { formatCondition } from './format-condition.js';
import type { Rule, RuleInput } from './generated/rule.js';
import { parseCondition } from './parse-condition.js';
import { parseRules } from './rule.js';

export interface ModifiedRule<R extends RuleInput> {
  readonly id: string;
  readonly before: R;
  readonly after: R;
  /** Members that differ, defaults filled in, by name. */
  readonly changed_fields: readonly string[];
}

/** Which rules were written otherwise, by id. Spelling, order and defaults that were written out do not count. */
export interface RuleChanges<R extends RuleInput = RuleInput> {
  /** In the order of the later rules, as `rules_modified`. */
  readonly rules_added: readonly R[];
  /** In the order of the earlier rules. */
  readonly rules_removed: readonly R[];
  readonly rules_modified: readonly ModifiedRule<R>[];
  readonly summary: {
    readonly added: number;
    readonly removed: number;
    readonly modified: number;
    readonly unchanged: number;
  };
}

/** Compares two lists of rules of sound structure, whose conditions need not parse; rules are answered as they were given. */
export function ruleChanges<R extends RuleInput>(before: readonly R[], after: readonly R[]): RuleChanges<R> {
  const earlier = new Map(before.map((rule) => [rule.id, rule]));
  const kept = new Set(after.map(({ id }) => id));
  const modified = after.flatMap((rule): ModifiedRule<R>[] => {
    const old = earlier.get(rule.id);
    if (old === undefined) return [];
    const fields = changedFields(canonicalRule(old), canonicalRule(rule));
    return fields.length === 0 ? [] : [{ id: rule.id, before: old, after: rule, changed_fields: fields }];
  });
  const added = after.filter(({ id }) => !earlier.has(id));
  const removed = before.filter(({ id }) => !kept.has(id));
  return {
    rules_added: added,
    rules_removed: removed,
    rules_modified: modified,
    summary: {
      added: added.length,
      removed: removed.length,
      modified: modified.length,
      unchanged: after.length - added.length - modified.length,
    },
  };
}

/** The rule with its defaults and its conditions in canonical spelling; as they are written where they do not parse. */
export function canonicalRule({ conditions = {}, ...rest }: RuleInput): Rule {
  const [parsed] = parseRules([rest]) as [Rule];
  const read = parseCondition(conditions);
  return { ...parsed, conditions: Array.isArray(read) ? conditions : formatCondition(read) };
}

function changedFields(before: Rule, after: Rule): string[] {
  const text = (value: unknown): string => (value === undefined ? '' : canonicalJson(value));
  const [a, b] = [before as unknown as Record<string, unknown>, after as unknown as Record<string, unknown>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => text(a[name]) !== text(b[name])).sort();
}
