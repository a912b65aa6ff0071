import type { Decision, ReplayAnswer } from '@policy-studio/contract';
import {
  type CompiledPolicy,
  canonicalJson,
  type DecisionRequest,
  decide,
  type Explanation,
  explain,
  type PolicyDecision,
  policyErrors,
  type RuleInput,
} from '@policy-studio/engine';
import type { Pool } from 'pg';
import { Refusal, refuse } from '../../refusal.js';
import { compilePolicy } from '../enforcement/queries.js';
import { type CurrentList, listsAt } from '../lists/queries.js';
import { withFacts } from './draft.js';
import type { DecisionRow } from './record.js';
import { notKept } from './redaction.js';

/** Compiled policies of recorded decisions, the least lately used making room. Everything they are made from is immutable. */
export interface PolicyArchive {
  /**
   * The policy that decided a record, or `not_replayable` when something it was made from is gone, not what it was, or
   * was never kept.
   */
  policyOf(row: DecisionRow, workspaceId: number): Promise<CompiledPolicy | Refusal>;
}

export function createPolicyArchive(pool: Pool, maxPolicies = 32): PolicyArchive {
  const policies = new Map<string, CompiledPolicy>();
  return {
    async policyOf(row, workspaceId) {
      const { bundle, default_effect, lists } = row.detail;
      const key = canonicalJson([workspaceId, row.bundle_id, bundle?.digest ?? null, default_effect, lists]);
      const known = policies.get(key);
      const policy = known ?? (await compileRecorded(pool, workspaceId, row));
      if (policy instanceof Refusal) return policy;
      policies.delete(key);
      policies.set(key, policy);
      const oldest = policies.keys().next();
      if (policies.size > maxPolicies && !oldest.done) policies.delete(oldest.value);
      return unkept(policy, row) ?? policy;
    },
  };
}

/** The refusal to decide a record again whose rules read what it does not keep. */
function unkept(policy: CompiledPolicy, { agent, action, detail }: DecisionRow): Refusal | null {
  const field = notKept(policy.fieldsRead(agent, action), detail.redacted);
  if (field === null) return null;
  return refuse('not_replayable', `rules read \`${field}\`, which the record does not keep because it is sensitive`);
}

async function compileRecorded(pool: Pool, workspaceId: number, row: DecisionRow): Promise<CompiledPolicy | Refusal> {
  const { bundle, default_effect: defaultEffect, lists } = row.detail;
  const rules = row.bundle_id === null ? [] : await rulesOf(pool, workspaceId, row.bundle_id);
  if (rules === null) return refuse('not_replayable', `bundle ${row.bundle_id} is not there any more`);
  const named = await listsOf(pool, workspaceId, lists);
  if (named instanceof Refusal) return named;
  const policy = compilePolicy(rules, named, defaultEffect, bundle?.digest ?? null);
  return typeof policy === 'string' ? refuse('not_replayable', `bundle ${row.bundle_id} ${policy}`) : policy;
}

async function rulesOf(pool: Pool, workspaceId: number, bundleId: number): Promise<readonly RuleInput[] | null> {
  const { rows } = await pool.query<{ rules: readonly RuleInput[] }>(
    'select rules from bundle where workspace_id = $1 and id = $2',
    [workspaceId, bundleId],
  );
  return rows[0]?.rules ?? null;
}

async function listsOf(
  pool: Pool,
  workspaceId: number,
  versions: Readonly<Record<string, number>>,
): Promise<Record<string, Pick<CurrentList, 'values' | 'normalize'>> | Refusal> {
  const found = await listsAt(pool, workspaceId, versions);
  const missing = Object.keys(versions).find((name) => !found.has(name));
  if (missing !== undefined) {
    return refuse('not_replayable', `version ${versions[missing]} of the list \`${missing}\` is not there any more`);
  }
  return Object.fromEntries(found);
}

/** What the policy was asked, as recorded: the request's context with the facts of that time. */
function requestOf({ agent, action, context, detail }: DecisionRow): DecisionRequest {
  return { agent, action, context: withFacts(context, detail.facts) };
}

/** The trace of a recorded decision, computed again. */
export function explainRecorded(policy: CompiledPolicy, row: DecisionRow): Explanation['trace'] {
  return explain(policy, requestOf(row)).trace;
}

const compared = ['effect', 'matched_rule', 'reason', 'default', 'budget', 'errors'] as const;

/** Decides a record again and compares it, part by part, with what the policy said then. */
export function replayRecorded(policy: CompiledPolicy, row: DecisionRow): ReplayAnswer {
  const again = pick(decide(policy, requestOf(row)));
  const then: Record<(typeof compared)[number], unknown> = {
    effect: row.policy_effect,
    matched_rule: row.rule_id,
    reason: policyReason(row),
    default: row.detail.default,
    budget: row.detail.budget,
    errors: policyErrors(row.detail.errors),
  };
  const differences = compared.filter((part) => canonicalJson(again[part]) !== canonicalJson(then[part]));
  return { same: differences.length === 0, differences, decision: again };
}

function pick({ effect, matched_rule, reason, default: isDefault, budget, errors }: PolicyDecision) {
  return { effect, matched_rule, reason, default: isDefault, budget, errors };
}

/** An overlay that denies gives its own reason to the caller and keeps the policy's. */
function policyReason({ detail }: DecisionRow): string {
  const overlay = detail.overlays.find((candidate: Decision['overlays'][number]) => 'policy_reason' in candidate);
  return overlay ? String(overlay.policy_reason) : detail.reason;
}
