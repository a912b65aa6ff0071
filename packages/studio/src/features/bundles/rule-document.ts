import type { EffectName } from '../../domain/effect.js';
import type { Severity } from '../../domain/findings.js';

export interface FindingOfRule {
  readonly code: string;
  readonly rule_id: string | null;
  readonly severity: Severity;
  readonly message: string;
}

/** A rule as a bundle keeps it: drafts may hold anything, so each part is read by itself. */
export interface RuleDocument {
  readonly id: string;
  readonly agent: string;
  readonly action: string;
  /** Null: none of the three. */
  readonly effect: EffectName | null;
  readonly priority: number;
  readonly enabled: boolean;
  readonly reason: string;
  readonly tags: readonly string[];
  readonly budget: { readonly cost?: number; readonly compute?: number; readonly risk?: string } | null;
  readonly minApprovers: number | null;
  readonly conditions: unknown;
  readonly findings: readonly FindingOfRule[];
  /** The worst of its findings. */
  readonly severity: Severity | null;
}

const effectRank: Readonly<Record<EffectName, number>> = { deny: 0, needs_approval: 1, allow: 2 };
const severityRank: readonly Severity[] = ['error', 'warning', 'info'];

/** The rules in the order in which they are asked: priority, then deny before needs_approval before allow, then id. */
export function readRules(rules: readonly unknown[], findings: readonly FindingOfRule[]): readonly RuleDocument[] {
  const byRule = new Map<string, FindingOfRule[]>();
  for (const finding of findings) {
    if (finding.rule_id === null) continue;
    const known = byRule.get(finding.rule_id);
    if (known) known.push(finding);
    else byRule.set(finding.rule_id, [finding]);
  }
  return rules
    .map((rule) => readRule(rule, byRule))
    .sort((a, b) => b.priority - a.priority || rankOf(a) - rankOf(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

function rankOf({ effect }: RuleDocument): number {
  return effect === null ? 3 : effectRank[effect];
}

function readRule(value: unknown, findings: ReadonlyMap<string, readonly FindingOfRule[]>): RuleDocument {
  const rule = recordOf(value);
  const id = textOf(rule.id);
  const own = findings.get(id) ?? [];
  const minApprovers = recordOf(rule.metadata).min_approvers;
  return {
    id,
    agent: textOf(rule.agent),
    action: textOf(rule.action),
    effect: typeof rule.effect === 'string' && rule.effect in effectRank ? (rule.effect as EffectName) : null,
    priority: typeof rule.priority === 'number' ? rule.priority : 50,
    enabled: rule.enabled !== false,
    reason: textOf(rule.reason),
    tags: Array.isArray(rule.tags) ? rule.tags.map(String) : [],
    budget: rule.budget === undefined ? null : (recordOf(rule.budget) as RuleDocument['budget']),
    minApprovers: typeof minApprovers === 'number' ? minApprovers : null,
    conditions: rule.conditions ?? {},
    findings: own,
    severity: severityRank.find((severity) => own.some((finding) => finding.severity === severity)) ?? null,
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
