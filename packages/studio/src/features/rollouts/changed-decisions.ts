type EffectName = 'allow' | 'deny' | 'needs_approval';

/** Of a recorded decision, what both bundles said. */
export interface BothAnswers {
  readonly decision_id: string;
  readonly agent: string;
  readonly action: string;
  readonly policy_effect: EffectName;
  readonly matched_rule: string | null;
  readonly bundle: { readonly id: number } | null;
  readonly rollout: {
    readonly id: number;
    readonly shadow: { readonly effect: EffectName | null; readonly matched_rule: string | null } | null;
  } | null;
}

/** Requests of one agent and action that the candidate answers otherwise, by the same rule. */
export interface Cause {
  readonly agent: string;
  readonly action: string;
  readonly from: EffectName;
  readonly to: EffectName;
  /** The rule of the candidate; null: none matched. */
  readonly rule: string | null;
  readonly count: number;
  /** The newest such decision. */
  readonly example: string;
}

export interface Changes {
  readonly newlyDenied: readonly Cause[];
  /** Denied before, and no longer. */
  readonly newlyAllowed: readonly Cause[];
  readonly others: readonly Cause[];
}

/** What a rollout changes among these decisions (newest first), the most frequent causes first. */
export function changesAmong(
  decisions: readonly BothAnswers[],
  { id, bundle_id }: { readonly id: number; readonly bundle_id: number },
): Changes {
  const causes = new Map<string, Cause>();
  for (const decision of decisions) {
    const found = decision.rollout?.id === id ? changeOf(decision, bundle_id) : null;
    if (found === null) continue;
    const name = JSON.stringify([found.agent, found.action, found.from, found.to, found.rule]);
    const known = causes.get(name);
    causes.set(name, known ? { ...known, count: known.count + 1 } : found);
  }
  const sorted = [...causes.values()].sort((a, b) => b.count - a.count);
  const isDenied = ({ to }: Cause): boolean => to === 'deny';
  const wasDenied = ({ from }: Cause): boolean => from === 'deny';
  return {
    newlyDenied: sorted.filter(isDenied),
    newlyAllowed: sorted.filter(wasDenied),
    others: sorted.filter((cause) => !isDenied(cause) && !wasDenied(cause)),
  };
}

function changeOf(decision: BothAnswers, candidateId: number): Cause | null {
  const other = decision.rollout?.shadow;
  if (!other || other.effect === null) return null;
  const answered = { effect: decision.policy_effect, rule: decision.matched_rule };
  const asked = { effect: other.effect, rule: other.matched_rule };
  const byCandidate = decision.bundle?.id === candidateId;
  const [before, after] = byCandidate ? [asked, answered] : [answered, asked];
  if (before.effect === after.effect) return null;
  const { agent, action, decision_id } = decision;
  return { agent, action, from: before.effect, to: after.effect, rule: after.rule, count: 1, example: decision_id };
}
