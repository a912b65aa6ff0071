import type { CompiledPolicy } from '../compile.js';
import type { Effect } from '../generated/rule.js';
import { enabledRules } from './enabled-rules.js';

/** Which rules the cases reached. */
export interface RuleCoverage {
  /** Every enabled rule in decision order, with the number of cases it decided. */
  readonly rules: readonly RuleHits[];
  /** Ids of the enabled rules that decided no case, in decision order. */
  readonly never_hit: readonly string[];
  /** Share of the enabled rules that decided some case, 0 to 1; 1 where there are no rules. */
  readonly covered_rate: number;
}

export interface RuleHits {
  readonly rule_id: string;
  readonly effect: Effect;
  readonly hits: number;
}

/** The coverage that hits, by rule id, come to. */
export function ruleCoverage(policy: CompiledPolicy, hits: ReadonlyMap<string, number>): RuleCoverage {
  const rules = enabledRules(policy).map(({ rule: { id, effect } }) => ({
    rule_id: id,
    effect,
    hits: hits.get(id) ?? 0,
  }));
  const neverHit = rules.filter((rule) => rule.hits === 0).map(({ rule_id }) => rule_id);
  return {
    rules,
    never_hit: neverHit,
    covered_rate: rules.length === 0 ? 1 : (rules.length - neverHit.length) / rules.length,
  };
}
