/** One event of a rollout, as far as the figures go. */
export interface RolloutMoment {
  readonly kind: string;
  readonly at: Date;
  readonly actor: string;
  readonly data: {
    readonly from?: { readonly phase: string; readonly share_pct: number } | null;
    readonly to?: { readonly phase: string; readonly share_pct: number } | null;
    readonly holds?: readonly string[] | null;
    /** A person took it past its gates. */
    readonly skipped?: boolean;
  };
}

/** How one change of policy went. */
export interface ChangeStory {
  /** It began with a part of the traffic, or with none. */
  readonly isCanary: boolean;
  /** It came to decide everything, whatever followed. */
  readonly arrived: boolean;
  readonly skipped: boolean;
  /** `seconds` from the first sign of trouble; null: nothing announced it. */
  readonly rolledBack: { readonly seconds: number | null } | null;
}

/** The story that a rollout's events tell, oldest first. `incidentAt`: when the first incident about it opened. */
export function storyOf(moments: readonly RolloutMoment[], incidentAt: Date | null): ChangeStory {
  let isCanary = false;
  let arrived = false;
  let skipped = false;
  let sign: Date | null = null;
  let rolledBack: ChangeStory['rolledBack'] = null;
  for (const { kind, at, actor, data } of moments) {
    if (kind === 'rollout.started') isCanary = (data.to?.share_pct ?? 100) < 100;
    if (data.to?.phase === 'baking') arrived = true;
    if (kind === 'rollout.promoted') {
      skipped ||= data.skipped === true;
      sign = null;
    }
    if (kind === 'rollout.held' || kind === 'rollout.released') {
      // Trouble that passed is no sign of what came later.
      sign = data.holds?.includes('failing') ? (sign ?? at) : null;
    }
    if (kind === 'rollout.rolled_back') {
      const first = earlier(sign, incidentAt);
      // The controller acts on what it sees at that moment, and its own incident opens with it.
      const seconds = first !== null && first < at ? (at.getTime() - first.getTime()) / 1000 : null;
      rolledBack = { seconds: seconds ?? (actor === 'controller' ? 0 : null) };
    }
  }
  return { isCanary, arrived, skipped, rolledBack };
}

function earlier(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
