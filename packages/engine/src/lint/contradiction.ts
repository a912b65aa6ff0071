import { analyse } from '../analysis/analyse.js';
import { compileParsed } from '../compile.js';
import type { Condition } from '../condition.js';
import type { SoundRule } from '../rule.js';
import type { LintContext } from './check.js';
import { conditionTag, numberOf, rememberContradiction } from './memory.js';

/** Each part is an analysis of its own; beyond these bounds a rule is told of without. */
const maxParts = 16;
const maxTypings = 64;

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
  const isNeverMet = neverMetBy(context, rule);
  if (isNeverMet === null) return [];
  let places = [...parts.keys()];
  for (const place of [...places]) {
    if (places.length === 1) break;
    const others = places.filter((other) => other !== place);
    if (isNeverMet({ kind: 'all', of: others.map((other) => parts[other] as Condition) })) places = others;
  }
  return places;
}

/** Whether a condition in place of the rule's is never met in any action it is about; null: too many to look at. */
function neverMetBy(
  { schemas, catalog, enforceContext, lists }: LintContext,
  { rule }: SoundRule,
): ((condition: Condition) => boolean) | null {
  const pairs = enforceContext ? (schemas?.samplesIn(rule) ?? []) : [];
  if (pairs.length > maxTypings) return null;
  const typed =
    catalog === null || !enforceContext
      ? {}
      : { typing: (agent: string, action: string) => catalog.typing(agent, action), pairs };
  return (condition) => {
    const alone = compileParsed([{ rule, condition }], lists ?? {});
    return analyse(alone, typed).neverMatches.length === 1;
  };
}
