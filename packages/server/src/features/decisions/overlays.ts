import type { ApprovalOfAction, Decision } from '@policy-studio/contract';
import { type ContextFault, contextInvalid, observed, overlaid, pinned, safely } from '@policy-studio/engine';
import type { Enforced } from '../enforcement/queries.js';
import { type CapRefusal, capSaid, capSentence } from './caps.js';

/** What besides the policy has a say in an answer. */
export interface Say {
  /** The context violates its schema, and that denies. */
  readonly fault: ContextFault | null;
  /** The pin in force at this time. */
  readonly pin: Enforced['pin'];
  /** The agent is only observed. */
  readonly observed: boolean;
  /** An answer that allows needs a reservation under a cap. */
  readonly reserves: boolean;
  readonly databaseAway: boolean;
  /** Older than `max_stale_minutes`: everything is denied. */
  readonly stale: boolean;
}

/**
 * The decision as it is enforced: what denies for safety first, then the emergency switch, then what this server cannot
 * know; observation last, which gives way to nothing but a switch that denies.
 */
export function enforced(plain: Decision, say: Say, inForce: Enforced, hasRequestId: boolean): Decision {
  let decision = plain;
  // So that a wrong type cannot dodge a rule.
  if (say.fault !== null) decision = contextInvalid(decision, say.fault);
  if (inForce.safe) decision = safely(decision);
  const { pin } = say;
  if (pin !== null) decision = pinned(decision, pin);
  if (say.databaseAway) decision = withoutDatabase(decision, say.reserves, inForce.generation, hasRequestId);
  if (say.stale) {
    const why = `the policy has not been confirmed for more than ${inForce.maxStaleMinutes} minutes, everything is denied`;
    decision = overlaid(decision, 'deny', 'stale_policy', why);
  }
  return say.observed && pin?.effect !== 'deny' ? observed(decision) : decision;
}

function withoutDatabase(decision: Decision, reserves: boolean, generation: number, hasRequestId: boolean): Decision {
  if (reserves && decision.effect === 'allow') {
    const why = 'the database cannot be reached, and this needs a reservation under a cap';
    return overlaid(decision, 'deny', 'database_unavailable', why);
  }
  if (decision.effect === 'needs_approval') {
    const why = 'the database cannot be reached, and people can neither be asked nor have their answer used up';
    return overlaid(decision, 'deny', 'database_unavailable', why);
  }
  const unseen = hasRequestId ? ', without looking for earlier uses of the request_id' : '';
  const detail = `the database cannot be reached; decided by generation ${generation}, the last one known${unseen}`;
  return { ...decision, overlays: [...decision.overlays, { kind: 'database_unavailable', detail }] };
}

/** What came of asking people about an action. */
export type ApprovalSay =
  | { readonly kind: 'waits'; readonly approval: ApprovalOfAction }
  | { readonly kind: 'allows'; readonly id: number }
  | { readonly kind: 'refused'; readonly detail: string };

/** What needs an approval, with what came of it: only that effect gives way to one, never a denial. */
export function approved(decision: Decision, say: ApprovalSay): Decision {
  if (decision.effect !== 'needs_approval') return decision;
  switch (say.kind) {
    case 'waits':
      return { ...decision, approval: say.approval };
    case 'allows': {
      const about = { approval_id: say.id, would_be: decision.effect };
      return overlaid(decision, 'allow', 'approved', `approval ${say.id} allows this once`, about);
    }
    case 'refused':
      return overlaid(decision, 'needs_approval', 'approval_refused', say.detail);
  }
}

/** The same decision, denied because a cap leaves no room for it. */
export function exhausted(decision: Decision, refusal: CapRefusal): Decision {
  return overlaid(decision, 'deny', 'budget_exhausted', capSentence(refusal), { cap: capSaid(refusal) });
}
