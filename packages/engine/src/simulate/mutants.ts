import { canonicalJson } from '../canonical.js';
import { patternsMeet } from '../catalog/name-pattern.js';
import { compareRules } from '../compile.js';
import type { Condition, Scalar, Test } from '../condition.js';
import { quoted } from '../diagnostic.js';
import { allOf, anyOf, formatCondition } from '../format-condition.js';
import type { Effect, Rule } from '../generated/rule.js';
import type { ParsedRule } from '../rule.js';
import { besidesNumber } from './near-values.js';

export const mutantKinds = [
  'effect',
  'drop-rule',
  'threshold',
  'drop-condition',
  'negate',
  'member',
  'priority',
] as const;
export type MutantKind = (typeof mutantKinds)[number];

/** A small change of one rule that a good set of cases notices. */
export interface Mutant {
  /** `<rule id>/<kind>/<number>`, unique. */
  readonly mutant: string;
  readonly rule_id: string;
  readonly kind: MutantKind;
  /** What changes, in words. */
  readonly description: string;
  /** The rule as changed; null: it is left out. The change can break a limit, such as that of nesting. */
  changed(): Rule | null;
}

const membersTried = 3;
/** Rules behind one that are looked at for one to fall behind. */
const lowerTried = 200;
const effects: readonly Effect[] = ['allow', 'deny', 'needs_approval'];

/**
 * The mutants of the enabled rules, in turns: the first of each rule in decision order, then the second of each, and so
 * on, so that a limit takes some of every rule. The rules are valid and parsed.
 */
export function mutantsOf(rules: readonly ParsedRule[]): Mutant[] {
  const enabled = rules.filter(({ rule }) => rule.enabled).sort((a, b) => compareRules(a.rule, b.rule));
  const byRule = enabled.map((parsed, i) => mutantsOfRule(parsed, enabled.slice(i + 1, i + 1 + lowerTried)));
  const found: Mutant[] = [];
  const most = byRule.reduce((length, each) => Math.max(length, each.length), 0);
  for (let turn = 0; turn < most; turn++) {
    for (const each of byRule) {
      const mutant = each[turn];
      if (mutant !== undefined) found.push(mutant);
    }
  }
  return found;
}

/** `lower`: the rules behind it in decision order. */
function mutantsOfRule({ rule, condition }: ParsedRule, lower: readonly ParsedRule[]): Mutant[] {
  const found: Mutant[] = [];
  const numbers = new Map<MutantKind, number>();
  const add = (kind: MutantKind, description: string, changed: () => Rule | null) => {
    const number = (numbers.get(kind) ?? 0) + 1;
    numbers.set(kind, number);
    found.push({ mutant: `${rule.id}/${kind}/${number}`, rule_id: rule.id, kind, description, changed });
  };
  for (const effect of effects) {
    if (effect !== rule.effect) add('effect', `\`${rule.effect}\` becomes \`${effect}\``, () => ({ ...rule, effect }));
  }
  add('drop-rule', 'the rule is left out', () => null);
  for (const { kind, description, condition: changed } of conditionMutants(condition)) {
    add(kind, description, () => ({ ...rule, conditions: formatCondition(changed()) }));
  }
  const demoted = demotion(rule, lower);
  if (demoted !== null) add('priority', demoted.description, () => demoted.changed);
  return found;
}

/** The rule with a priority just below that of the next rule it can meet whose effect is another. */
function demotion(rule: Rule, lower: readonly ParsedRule[]): { description: string; changed: Rule } | null {
  const next = lower.find(
    ({ rule: other }) =>
      other.effect !== rule.effect && patternsMeet(other.agent, rule.agent) && patternsMeet(other.action, rule.action),
  )?.rule;
  if (next === undefined) return null;
  // At the same priority the effects' rank may still put it first.
  const priority = next.priority === 0 ? 0 : next.priority - 1;
  const changed = { ...rule, priority };
  if (compareRules(changed, next) < 0) return null;
  return { description: `it comes after ${quoted(next.id)}: priority ${rule.priority} becomes ${priority}`, changed };
}

interface ConditionMutant {
  readonly kind: MutantKind;
  readonly description: string;
  readonly condition: () => Condition;
}

const always: Condition = { kind: 'all', of: [] };

/** One change at one test each; in canonical order of the tests. */
function conditionMutants(condition: Condition): ConditionMutant[] {
  const byKind = new Map<MutantKind, ConditionMutant[]>();
  for (const { part, replaced } of partsOf(condition, (changed) => changed ?? always)) {
    if (part.kind === 'test') {
      for (const { kind, description, test } of testMutants(part))
        note(byKind, kind, description, () => replaced(test));
      note(byKind, 'negate', `${shown(part)} is negated`, () => replaced({ kind: 'not', of: part }));
    }
    if (part.kind === 'test' || part.kind === 'not') {
      note(byKind, 'drop-condition', `${shown(part)} is left out`, () => replaced(null));
    }
  }
  return (['threshold', 'drop-condition', 'negate', 'member'] as const).flatMap((kind) => byKind.get(kind) ?? []);
}

function note(
  found: Map<MutantKind, ConditionMutant[]>,
  kind: MutantKind,
  description: string,
  condition: () => Condition,
): void {
  const known = found.get(kind);
  if (known === undefined) found.set(kind, [{ kind, description, condition }]);
  else known.push({ kind, description, condition });
}

interface Part {
  readonly part: Condition;
  /** The whole condition with this part in its place; null: without it. */
  readonly replaced: (changed: Condition | null) => Condition;
}

/** Each part that could be changed by itself. */
function partsOf(condition: Condition, replaced: Part['replaced']): Part[] {
  switch (condition.kind) {
    case 'test':
      return [{ part: condition, replaced }];
    case 'not': {
      const inside = partsOf(condition.of, (changed) =>
        replaced(changed === null ? null : { kind: 'not', of: changed }),
      );
      // Without the one test inside there is no `not` either.
      return condition.of.kind === 'test' ? inside : [{ part: condition, replaced }, ...inside];
    }
    default: {
      const combine = condition.kind === 'all' ? allOf : anyOf;
      return condition.of.flatMap((child, i) =>
        partsOf(child, (changed) =>
          replaced(
            combine(changed === null ? condition.of.filter((_, at) => at !== i) : condition.of.with(i, changed)),
          ),
        ),
      );
    }
  }
}

const strictness: Readonly<Record<string, Test['operator']>> = { '>=': '>', '>': '>=', '<=': '<', '<': '<=' };

function testMutants(test: Test): { kind: MutantKind; description: string; test: Test }[] {
  const { operator, operand } = test;
  const stricter = strictness[operator];
  if (operand.kind === 'value' && stricter !== undefined) {
    const { value } = operand;
    if (typeof value !== 'number') {
      return [
        {
          kind: 'threshold',
          description: `${shown(test)} is tested by \`${stricter}\``,
          test: { ...test, operator: stricter },
        },
      ];
    }
    return besidesNumber(value).map((shifted) => ({
      kind: 'threshold',
      description: `${shown(test)} becomes ${shifted}`,
      test: { ...test, operand: { kind: 'value', value: shifted } },
    }));
  }
  if (operand.kind !== 'values' || operand.values.length < 2) return [];
  const { values } = operand;
  return values.slice(0, membersTried).map((member) => ({
    kind: 'member',
    description: `${quoted(`${test.field} ${operator}`)} no longer names ${quoted(textOf(member))}`,
    test: { ...test, operand: { kind: 'values', values: values.filter((each) => each !== member) } },
  }));
}

function shown(condition: Condition): string {
  return quoted(canonicalJson(formatCondition(condition)));
}

function textOf(value: Scalar): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
