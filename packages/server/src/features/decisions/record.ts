import type { Decision, DecisionRecord } from '@policy-studio/contract';
import { bootstrapKeyId } from '../access/queries.js';
import { timeOfId } from './decision-id.js';
import type { RecordDetail, RecordRow } from './draft.js';
import { exhausted } from './overlays.js';

/** A row of the log: what was sent to it, and what the database and the outcome added. */
export interface DecisionRow
  extends Pick<
    RecordRow,
    | 'id'
    | 'generation'
    | 'bundle_id'
    | 'arm'
    | 'agent'
    | 'action'
    | 'session'
    | 'key_id'
    | 'owner'
    | 'request_id'
    | 'effect'
    | 'policy_effect'
    | 'rule_id'
    | 'source'
    | 'day'
    | 'failed'
  > {
  readonly reserved: number | null;
  readonly context: Record<string, unknown>;
  readonly detail: RecordDetail;
  readonly outcome_status: 'success' | 'error' | null;
  readonly outcome_cost: number | null;
  readonly outcome_compute: number | null;
  readonly outcome_message: string | null;
  readonly outcome_at: Date | null;
}

export const decisionColumns = `id, generation, bundle_id, arm, agent, action, session, key_id, owner, request_id, effect,
  policy_effect, rule_id, source, reserved, day, failed, context, detail, outcome_status, outcome_cost, outcome_compute,
  outcome_message, outcome_at`;

/** The answer that was given for a recorded decision. */
export function answerOf(row: DecisionRow): Decision {
  const { detail } = row;
  const answer: Decision = {
    decision_id: row.id,
    created_at: new Date(timeOfId(row.id)).toISOString(),
    agent: row.agent,
    action: row.action,
    effect: row.effect,
    policy_effect: row.policy_effect,
    matched_rule: row.rule_id,
    reason: detail.reason,
    default: detail.default,
    bundle: bundleOf(row),
    generation: row.generation,
    arm: row.arm,
    budget: detail.budget,
    errors: detail.errors,
    facts_used: detail.facts,
    overlays: detail.overlays,
    ...(detail.approval && { approval: detail.approval }),
  };
  return detail.cap ? exhausted(answer, detail.cap) : answer;
}

/** The whole record: the answer and everything it was made from. */
export function recordOf(row: DecisionRow): DecisionRecord {
  const { detail } = row;
  return {
    ...answerOf(row),
    context: row.context,
    session: row.session,
    request_id: row.request_id,
    caller: { key_id: row.key_id === bootstrapKeyId ? null : row.key_id, owner: row.owner },
    default_effect: detail.default_effect,
    lists: { ...detail.lists },
    redacted: [...(detail.redacted ?? [])],
    source: row.source,
    rollout: rolloutOf(row),
    outcome: outcomeOf(row),
  };
}

function bundleOf({ bundle_id: id, detail: { bundle } }: DecisionRow): Decision['bundle'] {
  return id === null || bundle === null ? null : { id, version: bundle.version, digest: bundle.digest };
}

function rolloutOf({ detail: { rollout } }: DecisionRow): DecisionRecord['rollout'] {
  return rollout ? { id: rollout.id, step: rollout.step, shadow: rollout.shadow } : null;
}

function outcomeOf(row: DecisionRow): DecisionRecord['outcome'] {
  if (row.outcome_status === null || row.outcome_at === null) return null;
  return {
    status: row.outcome_status,
    cost: row.outcome_cost,
    compute: row.outcome_compute,
    message: row.outcome_message,
    reported_at: row.outcome_at.toISOString(),
  };
}
