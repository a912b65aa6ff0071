import { analyse } from '../analysis/analyse.js';
import { compileParsed } from '../compile.js';
import type { Condition } from '../condition.js';
import type { SoundRule } from '../rule.js';
import type { LintContext } from './check.js';
import { enforcedTyping } from './enforced-typing.js';
import { conditionTag, numberOf, rememberContradiction } from './memory.js';

/** Each part is an analysis of its own; a rule of more is told of without. */
const maxParts = 16;

/**
 * For a rule that never matches, the parts of its condition that cannot hold together, none of which could be left out;
 * none when there are too many to try.
 */
export function contradictionIn(context: LintContext, rule: SoundRule): readonly Condition[] {
  const { memory, lists, catalog, enforceContext } = context;
  const parts = rule.condition.kind === 'all' ? rule.condition.of : [rule.condition];
  const schemas = catalog === null || !enforceContext ? '' : numberOf(memory, catalog);
  const { agent, action } = rule.rule;
  const key = `${conditionTag(memory, rule.condition, lists ?? {})} ${agent} ${action} ${schemas}`;
  let places = memory.contradictions.get(key);
  if (places === undefined) {
    places = contradictingPlaces(context, rule, parts);
    rememberContradiction(memory, key, places);
  }
  return places.map((place) => parts[place] as Condition);
}

function contradictingPlaces(context: LintContext, rule: SoundRule, parts: readonly Condition[]): number[] {
  if (parts.length > maxParts) return [];
  let places = [...parts.keys()];
  for (const place of [...places]) {
    if (places.length === 1) break;
    const others = places.filter((other) => other !== place);
    const condition: Condition = { kind: 'all', of: others.map((other) => parts[other] as Condition) };
    if (isNeverMet(context, rule, condition)) places = others;
  }
  return places;
}

/** Whether a condition in place of the rule's is never met in any action it is about. */
function isNeverMet(
  { catalog, enforceContext, lists }: LintContext,
  { rule }: SoundRule,
  condition: Condition,
): boolean {
  const alone = compileParsed([{ rule, condition }], lists ?? {});
  return analyse(alone, enforceContext ? enforcedTyping(catalog, alone) : {}).neverMatches.length === 1;
}
