import type { JsonSchema } from '../catalog/catalog.js';
import { type CompiledCatalog, compileCatalog } from '../catalog/compiled-catalog.js';
import { type CompiledPolicy, compile } from '../compile.js';
import { decide, type PolicyDecision } from '../decide.js';
import type { RuleInput } from '../generated/rule.js';
import type { Lists } from '../list.js';
import type { LintCode } from './check.js';
import type { Finding, LintReport } from './finding.js';
import { type LintOptions, lint } from './run.js';

/** A rule with nothing to say about it by itself. */
export function rule(id: string, effect: RuleInput['effect'], more: Partial<RuleInput> = {}): RuleInput {
  const budget = effect === 'needs_approval' ? { budget: { risk: 'low' } as const } : {};
  return {
    id,
    agent: 'inbox.triage',
    action: 'quarantine',
    effect,
    reason: 'A reason for a test.',
    ...budget,
    ...more,
  };
}

export function allOf(report: LintReport): Finding[] {
  return [...report.errors, ...report.warnings, ...report.info];
}

/** What lint says under one code. */
export function found(code: LintCode, rules: readonly unknown[], options: LintOptions = {}): Finding[] {
  return allOf(lint(rules, { lists: {}, ...options })).filter((finding) => finding.code === code);
}

export function policyOf(rules: readonly RuleInput[], lists: Lists = {}): CompiledPolicy {
  const policy = compile({ rules }, lists);
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy));
  return policy;
}

/** What the rules decide about a finding's witness. */
export function onWitness(rules: readonly RuleInput[], { witness }: Finding): PolicyDecision {
  if (witness === undefined) throw new Error('the finding has no witness');
  return decide(policyOf(rules), witness);
}

/** Every agent may use every action; a schema of null lets anything through. */
export function catalogOf(
  agents: readonly string[],
  actions: Readonly<Record<string, JsonSchema | null>>,
): CompiledCatalog {
  const catalog = compileCatalog({
    agents: agents.map((agent) => ({ agent, description: '' })),
    actions: Object.entries(actions).map(([action, context_schema]) => {
      return { action, agents: null, context_schema, risk: null, cost: null, description: '', annotations: {} };
    }),
  });
  if (Array.isArray(catalog)) throw new Error(JSON.stringify(catalog));
  return catalog;
}
