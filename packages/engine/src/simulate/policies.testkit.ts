import { type CompiledPolicy, type CompileOptions, compile } from '../compile.js';
import type { RuleInput } from '../generated/rule.js';
import type { Lists } from '../list.js';

/** Compiles rules that the test knows to be valid. */
export function policyOf(
  rules: readonly RuleInput[],
  options: CompileOptions & { lists?: Lists } = {},
): CompiledPolicy {
  const { lists = {}, ...rest } = options;
  const policy = compile({ rules }, lists, rest);
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy));
  return policy;
}

/** Rules for the fixtures: each effect, one that is never hit. */
export const inboxRules: readonly RuleInput[] = [
  {
    id: 'deny-new-domains',
    agent: 'inbox.*',
    action: 'quarantine',
    effect: 'deny',
    priority: 90,
    reason: 'new domains are looked at first',
    conditions: { '>=risk_score': 90, '<domain_seen_days': 30 },
  },
  {
    id: 'approve-known-domains',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'needs_approval',
    reason: 'a person decides about known domains',
    conditions: { '>=risk_score': 90 },
    budget: { cost: 2.5, compute: 1 },
  },
  {
    id: 'allow-reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    effect: 'allow',
    reason: 'reindexing is harmless',
    budget: { cost: 7, compute: 3 },
  },
  {
    id: 'approve-deploy',
    agent: 'planner.deploy',
    action: 'deploy',
    effect: 'needs_approval',
    reason: 'deployments are approved',
    budget: { cost: 40, compute: 12 },
  },
  {
    id: 'never-asked',
    agent: 'planner.deploy',
    action: 'delete',
    effect: 'deny',
    reason: 'deleting is not for planners',
  },
];
