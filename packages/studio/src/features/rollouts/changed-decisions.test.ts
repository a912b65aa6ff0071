import { describe, expect, it } from 'vitest';
import { type BothAnswers, changesAmong } from './changed-decisions.js';

const rollout = { id: 3, bundle_id: 30 };
let count = 0;

/** A request that `by` decided, as both bundles answer it. */
function asked(by: 'stable' | 'candidate', before: string, after: string, rule: string | null, id = 3): BothAnswers {
  count += 1;
  const [own, other] = by === 'candidate' ? [after, before] : [before, after];
  return {
    decision_id: `d${count}`,
    agent: 'inbox.triage',
    action: 'quarantine',
    policy_effect: own as 'deny',
    matched_rule: by === 'candidate' ? rule : 'old',
    bundle: { id: by === 'candidate' ? 30 : 20 },
    rollout: { id, shadow: { effect: other as 'deny', matched_rule: by === 'candidate' ? 'old' : rule } },
  };
}

describe('the decisions that a rollout changes', () => {
  it('are grouped by cause, whichever of the two bundles decided', () => {
    const newest = asked('stable', 'allow', 'deny', 'low-confidence');
    const { newlyDenied, newlyAllowed, others } = changesAmong(
      [
        asked('stable', 'deny', 'allow', 'any'),
        newest,
        asked('candidate', 'allow', 'deny', 'low-confidence'),
        asked('candidate', 'allow', 'needs_approval', 'ask'),
        asked('stable', 'allow', 'allow', 'any'),
      ],
      rollout,
    );
    expect(newlyDenied).toMatchObject([
      { from: 'allow', to: 'deny', rule: 'low-confidence', count: 2, example: newest.decision_id },
    ]);
    expect(newlyAllowed).toMatchObject([{ from: 'deny', to: 'allow', rule: 'any', count: 1 }]);
    expect(others).toMatchObject([{ to: 'needs_approval' }]);
  });
  it('begin with the most frequent cause', () => {
    const rare = asked('stable', 'allow', 'deny', 'rare');
    const often = asked('stable', 'allow', 'deny', 'often');
    expect(changesAmong([rare, often, often], rollout).newlyDenied.map(({ rule }) => rule)).toEqual(['often', 'rare']);
  });
  it('leave out other rollouts, and requests that only one bundle could answer', () => {
    const elsewhere = asked('stable', 'allow', 'deny', 'x', 4);
    const alone = { ...asked('stable', 'allow', 'deny', 'x'), rollout: { id: 3, shadow: null } };
    const failed = {
      ...asked('stable', 'allow', 'deny', 'x'),
      rollout: { id: 3, shadow: { effect: null, matched_rule: null } },
    };
    expect(changesAmong([elsewhere, alone, failed], rollout)).toEqual({
      newlyDenied: [],
      newlyAllowed: [],
      others: [],
    });
  });
});
