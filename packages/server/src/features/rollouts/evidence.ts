import type { CostSums } from '@policy-studio/engine';

/** What one principal did in one arm of one step. */
export interface PrincipalEvidence {
  readonly decisions: number;
  /** Evaluations that threw or exhausted their work; they count in nothing below but outcomes. */
  readonly failed: number;
  readonly denied: number;
  readonly approvals: number;
  /** Decided by the default effect. */
  readonly unmatched: number;
  /** With at least one type mismatch. */
  readonly mismatched: number;
  /** Denied here and not by the other bundle to the same request; denied by the other and not here. */
  readonly newlyDenied: number;
  readonly newlyAllowed: number;
  /** Without a rule here and with one in the other bundle. */
  readonly newlyUnmatched: number;
  /** Reported of these decisions, and of those the failed ones. */
  readonly outcomes: number;
  readonly outcomeErrors: number;
}

export interface ArmEvidence {
  /** The largest one by one; many small ones may be put together, as fractions that cannot outgrow the largest. */
  readonly byPrincipal: readonly PrincipalEvidence[];
  readonly principals: number;
  /** Winsorised at the ceiling of the step. */
  readonly cost: CostSums;
}

/** All that was seen in one step of a rollout. */
export interface StepEvidence {
  /** Requests of principals outside the canary, as the previous bundle answered them. */
  readonly stable: ArmEvidence;
  /** Requests of principals in the canary, as the candidate answered them. */
  readonly canary: ArmEvidence;
  /** Those of `stable` as the candidate would have answered them. With `canary` it is the candidate on all traffic. */
  readonly shadow: ArmEvidence;
  /** Decisions of the last ten minutes. */
  readonly recent: { readonly stable: number; readonly canary: number };
  /** How long the step has lasted, milliseconds. */
  readonly stepMs: number;
}

export const noEvidence: ArmEvidence = { byPrincipal: [], principals: 0, cost: { count: 0, sum: 0, squares: 0 } };

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
