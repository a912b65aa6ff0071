import { approvalStatuses, risks } from '@policy-studio/contract';
import { describe, expect, test } from 'vitest';
import { samePerson } from '../../person.js';
import {
  type ApprovalCommand,
  type ApprovalState,
  approvalTransition,
  higherRisk,
  quorumFor,
  statusAt,
} from './transition.js';

const now = new Date('2026-01-05T12:00:00Z');
const later = new Date(now.getTime() + 1);
const open: ApprovalState = {
  status: 'pending',
  expiresAt: later,
  requestedBy: 'Otto',
  quorum: 1,
  fourEyes: true,
  votes: [],
  asked: [],
};
const commands: ApprovalCommand[] = [
  { type: 'approve', by: 'Ann' },
  { type: 'reject', by: 'Ann' },
  { type: 'cancel', by: 'Otto', admin: false },
  { type: 'use' },
  { type: 'expire' },
];
const outcome = (state: ApprovalState, command: ApprovalCommand, at = now): string => {
  const change = approvalTransition(state, command, at);
  return 'refused' in change ? `! ${change.refused}` : change.status;
};

describe('every command in every status', () => {
  test.each([
    ['pending', ['approved', 'rejected', 'canceled', '! approval_not_approved', '! approval_not_pending']],
    ['approved', ['! approval_not_pending', '! approval_not_pending', 'canceled', 'used', '! approval_not_pending']],
    [
      'rejected',
      [
        '! approval_not_pending',
        '! approval_not_pending',
        '! approval_not_pending',
        '! approval_not_approved',
        '! approval_not_pending',
      ],
    ],
    [
      'canceled',
      [
        '! approval_not_pending',
        '! approval_not_pending',
        '! approval_not_pending',
        '! approval_not_approved',
        '! approval_not_pending',
      ],
    ],
    [
      'expired',
      [
        '! approval_expired',
        '! approval_expired',
        '! approval_expired',
        '! approval_expired',
        '! approval_not_pending',
      ],
    ],
    [
      'used',
      [
        '! approval_not_pending',
        '! approval_not_pending',
        '! approval_not_pending',
        '! approval_used',
        '! approval_not_pending',
      ],
    ],
  ] as const)('%s', (status, expected) => {
    expect(commands.map((command) => outcome({ ...open, status }, command))).toEqual(expected);
  });

  test('what is open past its time is expired, what is decided stays as it is', () => {
    for (const status of approvalStatuses) {
      const ended = status === 'pending' || status === 'approved';
      expect(statusAt({ status, expiresAt: now }, now)).toBe(ended ? 'expired' : status);
      expect(statusAt({ status, expiresAt: later }, now)).toBe(status);
    }
    for (const status of ['pending', 'approved'] as const) {
      expect(commands.map((command) => outcome({ ...open, status }, command, later))).toEqual([
        '! approval_expired',
        '! approval_expired',
        '! approval_expired',
        '! approval_expired',
        'expired',
      ]);
    }
  });
});

describe('votes', () => {
  const approve = (by: string): ApprovalCommand => ({ type: 'approve', by });
  const vote = (by: string) => ({ by, verdict: 'approve' }) as const;

  test('are counted up to the quorum', () => {
    expect(outcome({ ...open, quorum: 2 }, approve('Ann'))).toBe('pending');
    expect(outcome({ ...open, quorum: 2, votes: [vote('Ann')] }, approve('Bob'))).toBe('approved');
  });

  test('one person has one, however the name is written', () => {
    const state = { ...open, quorum: 2, votes: [vote('Ann')] };
    for (const by of ['Ann', 'ann', ' ANN ', 'Ａｎｎ']) expect(outcome(state, approve(by))).toBe('! already_voted');
    expect(outcome(state, { type: 'reject', by: 'Ann' })).toBe('! already_voted');
    expect(samePerson('Ann', 'Anne')).toBe(false);
  });

  test.each(['An\u200bn', 'Ann\u2800', '\u202eAnn', 'A\u00adnn', 'An\u034fn', 'Ann\ufe0f', 'Ann\u3164'])(
    'characters that do not show make no second person (%j)',
    (spelling) => {
      expect(samePerson('Ann', spelling)).toBe(true);
    },
  );

  test('spaces between names count as one', () => {
    expect(samePerson('Ann Weiß', ' ann \u00a0 WEISS')).toBe(true);
    expect(samePerson('Ann Weiß', 'AnnWeiß')).toBe(false);
  });

  test('the requester has none for it under four eyes', () => {
    for (const by of ['Otto', 'otto']) expect(outcome(open, approve(by))).toBe('! self_approval');
  });

  test('the requester may approve without four eyes, and that is marked', () => {
    const alone = { ...open, fourEyes: false };
    const marked = { verdict: 'approve', selfApproved: true };
    expect(approvalTransition(alone, approve('Otto'), now)).toEqual({ status: 'approved', vote: marked });
    expect(outcome({ ...alone, quorum: 2 }, approve('Otto'))).toBe('pending');
  });

  test('one rejection is enough, though others approved', () => {
    const state = { ...open, quorum: 3, votes: [vote('Ann'), vote('Bob')] };
    expect(outcome(state, { type: 'reject', by: 'Cleo' })).toBe('rejected');
  });
});

test('only the requester or an admin withdraws', () => {
  expect(outcome(open, { type: 'cancel', by: 'Ada', admin: false })).toBe('! forbidden');
  expect(outcome(open, { type: 'cancel', by: 'Ada', admin: true })).toBe('canceled');
});

test('two people approve what is high or critical under four eyes; an explicit number always holds', () => {
  const quorums = (fourEyes: boolean, min?: number) => risks.map((risk) => quorumFor(risk, fourEyes, min));
  expect(quorums(true)).toEqual([1, 1, 2, 2]);
  expect(quorums(false)).toEqual([1, 1, 1, 1]);
  expect(quorums(true, 3)).toEqual([3, 3, 3, 3]);
  expect(quorums(false, 2)).toEqual([2, 2, 2, 2]);
  expect(quorums(true, 1)).toEqual([1, 1, 2, 2]);
});

test('the higher risk wins either way round', () => {
  for (const [i, a] of risks.entries()) {
    for (const [j, b] of risks.entries()) expect(higherRisk(a, b)).toBe(risks[Math.max(i, j)]);
  }
});
