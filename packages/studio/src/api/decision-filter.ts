export const decisionRanges = { '1h': 3_600, '24h': 86_400, '7d': 7 * 86_400 } as const;
export type DecisionRange = keyof typeof decisionRanges;

/** Which recorded decisions: what the address carries. */
export interface DecisionFilter {
  readonly agent?: string;
  readonly action?: string;
  readonly effect?: 'allow' | 'deny' | 'needs_approval';
  readonly rule?: string;
  readonly session?: string;
  readonly arm?: 'stable' | 'canary' | 'shadow';
  readonly bundle_id?: number;
  readonly status?: 'error' | 'success';
  /** The last so much; left out: all that is kept. */
  readonly range?: DecisionRange;
  /** Decisions before this one, for the next page. */
  readonly before?: string;
}
