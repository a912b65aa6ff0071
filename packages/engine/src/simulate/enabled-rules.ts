import type { CompiledPolicy } from '../compile.js';
import type { CompiledRule } from '../plan.js';

/** An enabled rule with the names it is for. */
export interface EnabledRule {
  readonly rule: CompiledRule;
  /** Names or patterns. */
  readonly agent: string;
  readonly action: string;
}

/** The enabled rules of a policy in decision order. */
export function enabledRules({ index }: CompiledPolicy): EnabledRule[] {
  const found: EnabledRule[] = [];
  for (const [agent, byAction] of index.buckets) {
    for (const [action, rules] of byAction) for (const rule of rules) found.push({ rule, agent, action });
  }
  return found.sort((a, b) => a.rule.rank - b.rule.rank);
}
