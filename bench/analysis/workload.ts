import type { Effect, RuleInput } from '@policy-studio/engine';

/** Numbers that are the same on every machine (mulberry32). */
export function numbersFrom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * limit);
  };
}

const categories = ['spam', 'phishing', 'newsletter', 'invoice', 'personal', 'alert'];
const effects: readonly Effect[] = ['allow', 'deny', 'needs_approval'];

/**
 * Conditions as people write them: two or three tests of thresholds, categories, texts and presence. In `narrow` ones the
 * first test picks out one tenant, so that rules seldom meet; the others overlap a lot.
 */
function conditions(next: (limit: number) => number, narrow: boolean): Record<string, unknown> {
  const found: Record<string, unknown> = narrow ? { tenant: `t${next(400)}` } : {};
  const kinds = 2 + next(2);
  for (let i = 0; i < kinds; i++) {
    switch (next(8)) {
      case 0:
      case 1:
        found[next(2) === 0 ? '>=risk_score' : '<risk_score'] = next(100);
        break;
      case 2:
        found['>domain_seen_days'] = next(365);
        break;
      case 3:
        found['category in'] = [categories[next(6)], categories[next(6)]];
        break;
      case 4:
        found['recipient ends_with'] = `@example${next(20)}.com`;
        break;
      case 5:
        found['subject contains'] = `word${next(30)}`;
        break;
      case 6:
        found.confidence = `>=${next(100) / 100}`;
        break;
      default:
        found.current_hour = `<${next(24)}`;
    }
  }
  return found;
}

/** Rules spread evenly over the pairs, with `wide` more that hold in every pair. */
export function rulesOver(
  count: number,
  pairs: number,
  options: { wide?: number; narrow?: boolean; seed?: number } = {},
): RuleInput[] {
  const { wide = 0, narrow = false, seed = 1 } = options;
  const next = numbersFrom(seed);
  return Array.from({ length: count }, (_, i): RuleInput => {
    const everywhere = i < wide;
    const pair = i % pairs;
    return {
      id: `rule-${String(i).padStart(5, '0')}`,
      agent: everywhere ? '*' : `agent${pair % Math.ceil(Math.sqrt(pairs))}`,
      action: everywhere ? '*' : `action${Math.floor(pair / Math.ceil(Math.sqrt(pairs)))}`,
      effect: effects[next(3)] as Effect,
      priority: 10 * next(10),
      reason: 'a reason that is long enough',
      conditions: conditions(next, narrow),
    };
  });
}

/** The same rules with the share of them given another threshold or effect. */
export function edited(rules: readonly RuleInput[], sharePercent: number): RuleInput[] {
  const next = numbersFrom(7);
  return rules.map((rule) => {
    if (next(100) >= sharePercent) return rule;
    if (next(2) === 0) return { ...rule, effect: rule.effect === 'deny' ? 'allow' : 'deny' };
    return { ...rule, conditions: { ...rule.conditions, '>=risk_score': next(100) } };
  });
}

/** The same rules under other names, in another order, with every test spelled another way. */
export function respelled(rules: readonly RuleInput[]): RuleInput[] {
  const copy = rules.map(
    (rule, i): RuleInput => ({
      ...rule,
      id: `copy-${i}`,
      conditions: { all: [respelledConditions(rule.conditions ?? {})] },
    }),
  );
  return copy.reverse();
}

function respelledConditions(tests: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tests)
      .reverse()
      .map(([key, value]) => {
        if (key.startsWith('>=')) return [`${key.slice(2)} >=`, value];
        return key.startsWith('>') || key.startsWith('<') ? [`${key.slice(1)}${key.charAt(0)}`, value] : [key, value];
      }),
  );
}
