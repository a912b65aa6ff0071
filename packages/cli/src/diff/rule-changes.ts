import {
  canonicalJson,
  formatCondition,
  parseCondition,
  parseRules,
  type Rule,
  type RuleInput,
} from '@policy-studio/engine';

export interface ModifiedRule {
  readonly id: string;
  /** With their defaults, conditions in canonical spelling. */
  readonly before: Rule;
  readonly after: Rule;
  readonly changed_fields: readonly string[];
}

/** Which rules were written otherwise, by id. Spelling, order and defaults that were written out do not count. */
export interface RuleChanges {
  readonly rules_added: readonly Rule[];
  readonly rules_removed: readonly Rule[];
  readonly rules_modified: readonly ModifiedRule[];
  readonly summary: {
    readonly added: number;
    readonly removed: number;
    readonly modified: number;
    readonly unchanged: number;
  };
}

/** Compares two lists of valid rules; each list of the answer is in the order of its side's file. */
export function ruleChanges(before: readonly RuleInput[], after: readonly RuleInput[]): RuleChanges {
  const [a, b] = [canonicalRules(before), canonicalRules(after)];
  const added = [...b.values()].filter(({ id }) => !a.has(id));
  const removed = [...a.values()].filter(({ id }) => !b.has(id));
  const modified: ModifiedRule[] = [];
  for (const rule of a.values()) {
    const other = b.get(rule.id);
    if (other === undefined) continue;
    const fields = changedFields(rule, other);
    if (fields.length > 0) modified.push({ id: rule.id, before: rule, after: other, changed_fields: fields });
  }
  return {
    rules_added: added,
    rules_removed: removed,
    rules_modified: modified,
    summary: {
      added: added.length,
      removed: removed.length,
      modified: modified.length,
      unchanged: a.size - removed.length - modified.length,
    },
  };
}

function canonicalRules(rules: readonly RuleInput[]): Map<string, Rule> {
  const parsed = parseRules(rules) as Rule[];
  return new Map(
    parsed.map((rule) => {
      const condition = parseCondition(rule.conditions);
      return [rule.id, Array.isArray(condition) ? rule : { ...rule, conditions: formatCondition(condition) }] as const;
    }),
  );
}

function changedFields(a: Rule, b: Rule): string[] {
  const text = (value: unknown) => (value === undefined ? '' : canonicalJson(value));
  const [left, right] = [a, b].map((rule) => new Map(Object.entries(rule).map(([key, value]) => [key, text(value)])));
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => left?.get(key) !== right?.get(key));
}
