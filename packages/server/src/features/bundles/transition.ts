import type { BundleStatus, ProblemCode } from '@policy-studio/contract';

export type BundleCommand = 'edit' | 'delete' | 'archive' | 'activate';

/** What a command does to a bundle: it ends in a status, is gone, needs nothing, or is refused. */
export type BundleOutcome =
  | { readonly to: BundleStatus }
  | { readonly deleted: true }
  | { readonly unchanged: true }
  | { readonly refused: ProblemCode };

const drafts = { to: 'draft' } as const;
const archived = { to: 'archived' } as const;
const active = { to: 'active' } as const;
const notADraft = { refused: 'not_a_draft' } as const;
const inForce = { refused: 'bundle_in_force' } as const;

/**
 * Every command in every status. Activated bundles never change again, so that a recorded decision can be replayed;
 * going back to one that was superseded or rolled back is an activation like any other, with an approval of its own.
 */
const outcomes: Readonly<Record<BundleCommand, Readonly<Record<BundleStatus, BundleOutcome>>>> = {
  edit: {
    draft: drafts,
    shadow: notADraft,
    canary: notADraft,
    active: notADraft,
    superseded: notADraft,
    rolled_back: notADraft,
    archived: notADraft,
  },
  delete: {
    draft: { deleted: true },
    shadow: notADraft,
    canary: notADraft,
    active: notADraft,
    superseded: notADraft,
    rolled_back: notADraft,
    archived: notADraft,
  },
  archive: {
    draft: archived,
    shadow: inForce,
    canary: inForce,
    active: inForce,
    superseded: archived,
    rolled_back: archived,
    archived: { unchanged: true },
  },
  activate: {
    draft: active,
    shadow: inForce,
    canary: inForce,
    active: inForce,
    superseded: active,
    rolled_back: active,
    archived: { refused: 'bundle_archived' },
  },
};

export function bundleTransition(status: BundleStatus, command: BundleCommand): BundleOutcome {
  return outcomes[command][status];
}
