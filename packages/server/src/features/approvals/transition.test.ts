import { approvalStatuses, risks } from '@policy-studio/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { samePerson } from '../../person.js';
import {
  type ApprovalCommand,
  type ApprovalState,
  type AskedGroup,
  approvalTransition,
  higherRisk,
  missing,
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
const approve = (by: string): ApprovalCommand => ({ type: 'approve', by });
const vote = (by: string) => ({ by, verdict: 'approve' }) as const;
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

describe('groups that keep the decision to their members', () => {
  const group = (name: string, members: string[], rest: Partial<AskedGroup> = {}): AskedGroup => ({
    name,
    members,
    membersOnly: true,
    escalatedTo: null,
    ...rest,
  });
  const money = group('money', ['Ann', 'Cleo']);
  const safety = group('safety', ['Bob', 'Cleo']);

  test('let nobody else decide, and are each to be heard beside the quorum', () => {
    const state = { ...open, asked: [money, safety] };
    expect(outcome(state, approve('Dan'))).toBe('! forbidden');
    expect(outcome(state, { type: 'reject', by: 'Dan' })).toBe('! forbidden');
    expect(outcome(state, approve('Ann'))).toBe('pending');
    expect(outcome(state, approve('Cleo'))).toBe('approved');
    expect(outcome({ ...state, votes: [vote('Ann')] }, approve('bob'))).toBe('approved');
    expect(missing({ ...state, votes: [vote('Ann')] })).toEqual(['an approval of somebody of `safety`']);
  });

  test('that merely are asked keep nobody out', () => {
    const watching = group('watch', ['Eve'], { membersOnly: false });
    expect(outcome({ ...open, asked: [watching] }, approve('Dan'))).toBe('approved');
    expect(outcome({ ...open, asked: [watching, money] }, approve('Eve'))).toBe('! forbidden');
  });

  test('share their say once they are escalated', () => {
    const duty = group('money', ['Ann'], { escalatedTo: ['Dan'] });
    expect(outcome({ ...open, asked: [duty] }, approve('Dan'))).toBe('approved');
    expect(outcome({ ...open, asked: [duty] }, approve('Eve'))).toBe('! forbidden');
    const all = group('money', ['Ann'], { escalatedTo: 'everybody' });
    expect(outcome({ ...open, asked: [all] }, approve('Eve'))).toBe('approved');
    expect(outcome({ ...open, asked: [all] }, approve('Otto'))).toBe('! self_approval');
  });
});

describe('links', () => {
  const byLink = (by: string, linkMadeBy: string): ApprovalCommand => ({ type: 'approve', by, linkMadeBy });
  const state = { ...open, quorum: 2, votes: [{ ...vote('Cleo'), linkMadeBy: 'Ada' }] };

  test('of one person are no two people where four eyes needs them, whoever they are for', () => {
    for (const command of [byLink('Dan', 'Ada'), byLink('Dan', 'ADA'), approve('Ada')]) {
      expect(outcome(state, command)).toBe('pending');
    }
    for (const command of [byLink('Dan', 'Bob'), byLink('Bob', 'Bob'), approve('Bob')]) {
      expect(outcome(state, command)).toBe('approved');
    }
  });

  test('are worth what the quorum says without four eyes, and where one is enough', () => {
    expect(outcome({ ...state, fourEyes: false }, byLink('Dan', 'Ada'))).toBe('approved');
    expect(outcome({ ...state, quorum: 1, votes: [] }, byLink('Dan', 'Ada'))).toBe('approved');
  });
});

test('nothing is approved without enough people, none of them the requester, each group that decides, and two hands', () => {
  const people = ['Otto', 'Ann', 'Bob', 'Cleo', 'ann', 'Dan'];
  const person = fc.constantFrom(...people);
  const groups = fc.array(
    fc.record({
      name: fc.constantFrom('money', 'safety'),
      membersOnly: fc.boolean(),
      members: fc.array(person, { minLength: 1, maxLength: 3 }),
      escalatedTo: fc.constantFrom<AskedGroup['escalatedTo']>(null, 'everybody', ['Dan']),
    }),
    { maxLength: 2 },
  );
  const cast = fc.record({ by: person, linkMadeBy: fc.option(person) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), groups, fc.array(cast, { maxLength: 8 }), (quorum, asked, casts) => {
      let state: ApprovalState = { ...open, quorum, asked };
      for (const one of casts) {
        const change = approvalTransition(state, { type: 'approve', ...one }, now);
        if ('refused' in change) continue;
        state = { ...state, status: change.status, votes: [...state.votes, { ...one, verdict: 'approve' }] };
      }
      const distinct = new Set(state.votes.map(({ by }) => by.toLowerCase()));
      expect(distinct.size).toBe(state.votes.length);
      expect(distinct.has('otto')).toBe(false);
      if (state.status !== 'approved') return;
      expect(distinct.size).toBeGreaterThanOrEqual(quorum);
      for (const { membersOnly, members, escalatedTo } of asked) {
        const speakers = [...members, ...(Array.isArray(escalatedTo) ? escalatedTo : [])].map((name) =>
          name.toLowerCase(),
        );
        if (membersOnly && escalatedTo !== 'everybody') expect(speakers.some((name) => distinct.has(name))).toBe(true);
      }
      const hands = new Set(state.votes.map(({ by, linkMadeBy }) => (linkMadeBy ?? by).toLowerCase()));
      if (quorum > 1) expect(hands.size).toBeGreaterThan(1);
    }),
    { numRuns: 2_000 },
  );
});
