import type { Decision } from '@policy-studio/contract';
import { bucketKey, bucketOf, decide, isCanary, type PolicyDecision } from '@policy-studio/engine';
import type { Enforced, Side } from '../enforcement/queries.js';

export type EvidenceArm = 'stable' | 'canary' | 'shadow';

/** What counts for an arm of a rollout: each member is 1 where it holds, and left out where not. */
export interface ArmCounts {
  readonly arm: EvidenceArm;
  readonly failed?: 1;
  readonly mismatched?: 1;
  readonly denied?: 1;
  readonly approvals?: 1;
  readonly unmatched?: 1;
  readonly newly_denied?: 1;
  readonly newly_allowed?: 1;
  readonly newly_unmatched?: 1;
  readonly newly_matched?: 1;
  /** USD, cut at the step's ceiling. */
  readonly cost?: number;
}

/** What the bundle that did not decide would have answered. */
export interface Shadow {
  /** null: it could not. */
  readonly effect: Decision['effect'] | null;
  readonly matched_rule: string | null;
  readonly bundle: Decision['bundle'];
}

/** How a request was divided between the bundles in force, and what they said. */
export interface Judgement {
  /** Whose answer it is. */
  readonly side: Side;
  readonly arm: 'stable' | 'canary';
  readonly policy: PolicyDecision;
  /** Whose evidence this is; null while no rollout runs. */
  readonly principal: string | null;
  readonly shadow: Shadow | null;
  /** The candidate was to decide and could not, so the bundle before it did. */
  readonly candidateFailed: boolean;
  readonly counts: readonly ArmCounts[];
}

/** Who asks, as far as dividing them goes. */
export interface Asker {
  readonly session: string | null;
  readonly keyId: number;
}

interface Asked {
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/**
 * The policy's answer to a request. While a rollout runs both bundles answer, and the bucket of the principal says whose
 * answer holds; where the candidate cannot give one, that of the bundle before it holds.
 */
export function judge(enforced: Enforced, asked: Asked, { session, keyId }: Asker): Judgement {
  const { rollout, other } = enforced;
  const own = decide(enforced.policy, asked);
  if (rollout === null) {
    return {
      side: enforced,
      arm: 'stable',
      policy: own,
      principal: null,
      shadow: null,
      candidateFailed: false,
      counts: [],
    };
  }
  const principal = bucketKey(session, keyId, asked.agent);
  const compared = other?.policy ? attempt(other.policy, asked) : null;
  const baking = rollout.phase === 'baking';
  const candidate = baking ? own : compared;
  const before = baking ? compared : own;
  const decides = baking || (other !== null && isCanary(bucketOf(rollout.id, principal), rollout.sharePct));
  const candidateFailed = decides && failed(candidate) && before !== null;
  const byCandidate = decides && !candidateFailed;
  // In baking the own side is the candidate's; otherwise it is that of the bundle before.
  const ownAnswers = byCandidate === baking;
  return {
    side: ownAnswers || other === null ? enforced : other,
    arm: byCandidate && !baking ? 'canary' : 'stable',
    policy: ownAnswers || compared === null ? own : compared,
    principal,
    shadow: other && shadowOf(ownAnswers ? other : enforced, ownAnswers ? compared : own),
    candidateFailed,
    counts: decides
      ? [countsOf('canary', candidate, before)]
      : [countsOf('stable', own, null), ...(other ? [countsOf('shadow', candidate, before)] : [])],
  };
}

/** `decide` never throws; should it all the same, the candidate has failed and nothing else. */
function attempt(policy: NonNullable<Side['policy']>, asked: Asked): PolicyDecision | null {
  try {
    return decide(policy, asked);
  } catch {
    return null;
  }
}

function failed(decision: PolicyDecision | null): boolean {
  return decision === null || decision.errors.some(({ code }) => code === 'work_exhausted');
}

function shadowOf({ bundle }: Side, decision: PolicyDecision | null): Shadow {
  if (decision === null || failed(decision)) return { effect: null, matched_rule: null, bundle };
  return { effect: decision.effect, matched_rule: decision.matched_rule, bundle };
}

/** What an evaluation counts for in its arm, compared with that of the other bundle where there is one. */
function countsOf(arm: EvidenceArm, decision: PolicyDecision | null, other: PolicyDecision | null): ArmCounts {
  if (decision === null || failed(decision)) return { arm, failed: 1 };
  const denied = decision.effect === 'deny';
  const unmatched = decision.matched_rule === null;
  const comparable = other !== null && !failed(other);
  const [deniedThere, unmatchedThere] = comparable
    ? [other.effect === 'deny', other.matched_rule === null]
    : [denied, unmatched];
  return {
    arm,
    ...(decision.errors.length > 0 && { mismatched: 1 }),
    ...(denied && { denied: 1 }),
    ...(decision.effect === 'needs_approval' && { approvals: 1 }),
    ...(unmatched && { unmatched: 1 }),
    ...(denied && !deniedThere && { newly_denied: 1 }),
    ...(!denied && deniedThere && { newly_allowed: 1 }),
    ...(unmatched && !unmatchedThere && { newly_unmatched: 1 }),
    ...(!unmatched && unmatchedThere && { newly_matched: 1 }),
  };
}
