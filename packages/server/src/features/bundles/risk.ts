import { type Risk, risks } from '@policy-studio/contract';
import { canonicalJson, parseRules, type Rule } from '@policy-studio/engine';

/**
 * The highest `budget.risk` among the rules of `next` that allow something and are not in `inForce` just so; null when
 * there is none or none states a risk. Both are valid. A changed reason, tag or note makes no rule new.
 */
export function newlyAllowedRisk(next: readonly unknown[], inForce: readonly unknown[]): Risk | null {
  const known = new Set(allowing(inForce).map(meaning));
  let highest: Risk | null = null;
  for (const rule of allowing(next)) {
    const risk = rule.budget?.risk;
    if (risk === undefined || known.has(meaning(rule))) continue;
    if (highest === null || risks.indexOf(risk) > risks.indexOf(highest)) highest = risk;
  }
  return highest;
}

function allowing(rules: readonly unknown[]): Rule[] {
  return parseRules(rules).filter((rule): rule is Rule => 'effect' in rule && rule.effect === 'allow' && rule.enabled);
}

function meaning({ id, agent, action, conditions, priority, budget }: Rule): string {
  return canonicalJson({ id, agent, action, conditions, priority, budget: budget ?? null });
}
