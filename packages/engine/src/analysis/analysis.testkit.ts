import { type CompiledPolicy, type CompileOptions, compile } from '../compile.js';
import type { RuleInput } from '../generated/rule.js';
import type { Lists } from '../list.js';

/** The policy of rules that compile. */
export function policyOf(rules: readonly RuleInput[], lists: Lists = {}, options: CompileOptions = {}): CompiledPolicy {
  const policy = compile({ rules }, lists, options);
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy));
  return policy;
}

/** A rule about one agent and action. */
export function rule(
  id: string,
  effect: RuleInput['effect'],
  conditions: Record<string, unknown>,
  more: Partial<RuleInput> = {},
): RuleInput {
  return { id, agent: 'inbox.triage', action: 'quarantine', effect, conditions, ...more };
}
