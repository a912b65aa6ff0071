import { type ApprovalStatus, type ProblemCode, type Risk, risks } from '@policy-studio/contract';
import { samePerson } from '../../person.js';

export interface ApprovalState {
  /** As stored; whether it has expired meanwhile is seen from `expiresAt`. */
  readonly status: ApprovalStatus;
  readonly expiresAt: Date;
  readonly requestedBy: string;
  readonly quorum: number;
  readonly fourEyes: boolean;
  readonly votes: readonly CastVote[];
  readonly asked: readonly AskedGroup[];
}

export interface CastVote {
  readonly by: string;
  readonly verdict: 'approve' | 'reject';
  /** Of a vote through a link: who made the link; null or absent: the person has a credential. */
  readonly linkMadeBy?: string | null;
}

/** A group of approvers that is asked, with its members of now. */
export interface AskedGroup {
  readonly name: string;
  /** Without an approval that speaks for it nothing is approved. */
  readonly membersOnly: boolean;
  readonly members: readonly string[];
  /** Who may speak for it too since it was escalated; null: it was not. */
  readonly escalatedTo: 'everybody' | readonly string[] | null;
}

export type ApprovalCommand =
  | { readonly type: 'approve' | 'reject'; readonly by: string; readonly linkMadeBy?: string | null }
  | { readonly type: 'cancel'; readonly by: string; readonly admin: boolean }
  | { readonly type: 'use' }
  | { readonly type: 'expire' };

export interface ApprovalChange {
  readonly status: ApprovalStatus;
  readonly vote?: { readonly verdict: 'approve' | 'reject'; readonly selfApproved: boolean };
}

export type ApprovalRefusal = { readonly refused: ProblemCode; readonly detail: string };

/** The status at `now`: what is still open after its time has expired, whether or not a job has written that down yet. */
export function statusAt(state: { status: ApprovalStatus; expiresAt: Date }, now: Date): ApprovalStatus {
  const open = state.status === 'pending' || state.status === 'approved';
  return open && state.expiresAt <= now ? 'expired' : state.status;
}

/** Whether a person who approves may speak for a group. */
export function speaksFor({ members, escalatedTo }: AskedGroup, by: string): boolean {
  if (escalatedTo === 'everybody') return true;
  return [...members, ...(escalatedTo ?? [])].some((member) => samePerson(member, by));
}

/** Whether the decision is a person's to take, as far as groups have a say in that. */
export function mayDecide(asked: readonly AskedGroup[], by: string): boolean {
  const keeping = asked.filter(({ membersOnly }) => membersOnly);
  return keeping.length === 0 || keeping.some((group) => speaksFor(group, by));
}

/** Whether one of those who approved speaks for the group. */
export function isHeard(group: AskedGroup, votes: ApprovalState['votes']): boolean {
  return votes.some(({ by, verdict }) => verdict === 'approve' && speaksFor(group, by));
}

/** What a pending approval still waits for, for people: empty when it waits for nothing. */
export function missing({ quorum, fourEyes, votes, asked }: Asks): string[] {
  const given = votes.filter(({ verdict }) => verdict === 'approve');
  const more = quorum - given.length;
  const unheard = asked.filter((group) => group.membersOnly && !isHeard(group, votes));
  return [
    ...(more > 0 ? [`${more} more ${more === 1 ? 'approval' : 'approvals'}`] : []),
    ...unheard.map(({ name }) => `an approval of somebody of \`${name}\``),
    ...(fourEyes && quorum > 1 && more <= 0 && isOneHand(given)
      ? [`an approval that \`${handOf(given[0] as CastVote)}\` has no part in, who alone stands behind those given`]
      : []),
  ];
}

type Asks = Pick<ApprovalState, 'quorum' | 'fourEyes' | 'votes' | 'asked'>;

/** Whoever makes a link can use it, so where two are needed, links of one person are worth one. */
function isOneHand(given: readonly CastVote[]): boolean {
  const [first, ...rest] = given.map(handOf);
  return first !== undefined && rest.every((hand) => samePerson(hand, first));
}

function handOf({ by, linkMadeBy }: CastVote): string {
  return linkMadeBy ?? by;
}

/** The higher of two risks. */
export function higherRisk(a: Risk, b: Risk): Risk {
  return risks.indexOf(a) >= risks.indexOf(b) ? a : b;
}

/** How many people must approve: two for what is dangerous when four eyes is on; an explicit number always holds. */
export function quorumFor(risk: Risk, fourEyes: boolean, minApprovers = 1): number {
  const dangerous = risk === 'high' || risk === 'critical';
  return Math.max(minApprovers, fourEyes && dangerous ? 2 : 1);
}

/** What `command` makes of an approval at `now`, or why it is refused. */
export function approvalTransition(
  state: ApprovalState,
  command: ApprovalCommand,
  now: Date,
): ApprovalChange | ApprovalRefusal {
  const status = statusAt(state, now);
  switch (command.type) {
    case 'approve':
    case 'reject':
      return status === 'pending' ? vote(state, command) : closed(status, state.expiresAt);
    case 'cancel':
      if (status !== 'pending' && status !== 'approved') return closed(status, state.expiresAt);
      if (command.admin || samePerson(command.by, state.requestedBy)) return { status: 'canceled' };
      return { refused: 'forbidden', detail: `only \`${state.requestedBy}\`, who asked, or an admin can withdraw it` };
    case 'use':
      return status === 'approved' ? { status: 'used' } : unusable(status, state);
    case 'expire':
      return status === 'expired' && state.status !== 'expired'
        ? { status: 'expired' }
        : { refused: 'approval_not_pending', detail: `it is ${status} and does not expire` };
  }
}

function vote(
  state: ApprovalState,
  { type, by, linkMadeBy = null }: ApprovalCommand & { readonly type: 'approve' | 'reject' },
): ApprovalChange | ApprovalRefusal {
  if (!mayDecide(state.asked, by)) {
    const names = state.asked.filter(({ membersOnly }) => membersOnly).map(({ name }) => `\`${name}\``);
    return { refused: 'forbidden', detail: `only members of ${names.join(' or ')} decide it, and \`${by}\` is none` };
  }
  if (state.votes.some((earlier) => samePerson(earlier.by, by))) {
    return { refused: 'already_voted', detail: `\`${by}\` has voted; each person has one vote` };
  }
  const own = samePerson(by, state.requestedBy);
  if (type === 'reject') return { status: 'rejected', vote: { verdict: 'reject', selfApproved: false } };
  if (own && state.fourEyes) {
    return {
      refused: 'self_approval',
      detail: `\`${by}\` asked for this approval; with four eyes on another person must approve`,
    };
  }
  const votes = [...state.votes, { by, verdict: 'approve' as const, linkMadeBy }];
  return {
    status: missing({ ...state, votes }).length === 0 ? 'approved' : 'pending',
    vote: { verdict: 'approve', selfApproved: own },
  };
}

function closed(status: ApprovalStatus, expiresAt: Date): ApprovalRefusal {
  if (status === 'expired') {
    return { refused: 'approval_expired', detail: `it expired at ${expiresAt.toISOString()}; request a new one` };
  }
  return { refused: 'approval_not_pending', detail: `it is ${status} already` };
}

function unusable(status: Exclude<ApprovalStatus, 'approved'>, state: ApprovalState): ApprovalRefusal {
  switch (status) {
    case 'used':
      return { refused: 'approval_used', detail: 'it has been used, and each approval serves once; request a new one' };
    case 'expired':
      return closed(status, state.expiresAt);
    case 'pending': {
      const given = state.votes.filter(({ verdict }) => verdict === 'approve').length;
      const waitsFor = missing(state).join(', and ');
      return {
        refused: 'approval_not_approved',
        detail: `it is pending: ${given} of ${state.quorum} approvals given; it waits for ${waitsFor}`,
      };
    }
    case 'rejected':
    case 'canceled':
      return { refused: 'approval_not_approved', detail: `it was ${status}; request a new one` };
  }
}
