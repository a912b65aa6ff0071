import type { RolloutCritical } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import {
  type ArmEvidence,
  decidedSince,
  type EvidenceByArm,
  type EvidenceSince,
  evidenceOf,
  evidenceSince,
  type PartEvidence,
  type PrincipalEvidence,
  spentSince,
} from '../decisions/queries.js';

export type { ArmEvidence, EvidenceSince, PartEvidence, PrincipalEvidence };

/**
 * All that was seen in one step of a rollout. `stable`: requests of principals outside the canary, as the previous bundle
 * answered them; `shadow`: the same as the candidate would have answered them; `canary`: those of principals in the canary,
 * as the candidate answered them. So `canary` and `shadow` are the candidate on all traffic.
 */
export interface StepEvidence extends EvidenceByArm {
  /** Decisions of the last ten minutes. */
  readonly recent: { readonly stable: number; readonly canary: number };
  /** The same since later moments of the step, so that long health hides no sudden failure. */
  readonly since: readonly EvidenceSince[];
  /** USD that decisions of the bundle cost in the last 24 hours, not cut anywhere; null: there is no cap to compare with. */
  readonly spent: number | null;
  /** How long the step has lasted, milliseconds. */
  readonly stepMs: number;
}

const recentMs = 10 * 60_000;
const dayMs = 24 * 3_600_000;

/** What was seen up to now in the step that the rollout is in. */
export async function stepEvidence(
  db: Pool | PoolClient,
  rollout: {
    readonly workspace_id: number;
    readonly id: number;
    readonly bundle_id: number;
    readonly step: number;
    readonly step_entered_at: Date;
    readonly plan: { readonly critical: Pick<RolloutCritical, 'max_spend_24h'> };
  },
  now: Date,
): Promise<StepEvidence> {
  const { workspace_id: workspaceId, id, bundle_id: bundleId, step, step_entered_at: entered } = rollout;
  // In this order what was seen since a later moment is never more than all there is.
  const later = await evidenceSince(db, id, step);
  const arms = await evidenceOf(db, id, step);
  const since = new Date(Math.max(now.getTime() - recentMs, entered.getTime()));
  const recent = await decidedSince(db, workspaceId, bundleId, since);
  return {
    ...arms,
    recent: { stable: recent.byOthers, canary: recent.byBundle },
    since: later,
    spent:
      (rollout.plan.critical.max_spend_24h ?? null) === null
        ? null
        : await spentSince(db, workspaceId, bundleId, new Date(now.getTime() - dayMs)),
    stepMs: Math.max(0, now.getTime() - entered.getTime()),
  };
}

export function total(arm: ArmEvidence, count: keyof PrincipalEvidence): number {
  return arm.byPrincipal.reduce((sum, one) => sum + one[count], 0);
}

/** The share of decisions that allowed something and of which the outcome is known; null when nothing was allowed. */
export function outcomeCoverage(arm: ArmEvidence): number | null {
  const allowed = allowedCount(arm);
  return allowed === 0 ? null : Math.min(1, total(arm, 'outcomes') / allowed);
}

export function allowedCount(arm: ArmEvidence): number {
  return total(arm, 'decisions') - total(arm, 'denied') - total(arm, 'approvals');
}
