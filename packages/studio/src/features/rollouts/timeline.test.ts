import { describe, expect, it } from 'vitest';
import { entriesOf, eventWords, type TrailEntry } from './timeline.js';

const entry = (kind: string, data: Record<string, unknown> = {}, subject = 'rollout/3'): TrailEntry => ({
  seq: 1,
  at: '2026-11-23T12:00:00Z',
  actor: 'Jonas Weber',
  kind,
  subject,
  data,
});

describe('the timeline of a rollout', () => {
  it('takes what is about it, its bundle and its approval, and tells its start once', () => {
    const subjects = [
      entry('rollout.started'),
      entry('bundle.created', {}, 'bundle/7'),
      entry('bundle.activated', {}, 'bundle/7'),
      entry('approval.approved', {}, 'approval/2'),
      entry('approval.used', {}, 'approval/2'),
      entry('rollout.started', {}, 'rollout/4'),
      entry('bundle.created', {}, 'bundle/8'),
      entry('approval.approved', {}, 'approval/null'),
    ];
    expect(entriesOf(subjects, { id: 3, bundle_id: 7, approval_id: 2 })).toEqual([
      subjects[0],
      subjects[1],
      subjects[3],
    ]);
  });
  it.each([
    ['rollout.started', { to: { phase: 'canary', share_pct: 10 } }, 'started it at 10 %'],
    ['rollout.started', { to: { phase: 'shadow', share_pct: 0 } }, 'started it in shadow'],
    ['rollout.promoted', { to: { share_pct: 50 } }, 'promoted it to 50 %'],
    ['rollout.held', { holds: ['operator'] }, 'holds it: an operator paused it'],
    ['rollout.held', { asked: 'pause', reason: 'lunch', holds: ['operator'] }, 'paused it: lunch'],
    ['rollout.released', { asked: 'resume' }, 'resumed it'],
    [
      'rollout.promoted',
      { asked: 'skip', to: { share_pct: 50 }, reason: 'urgent' },
      'skipped the gates and took it to 50 %: urgent',
    ],
    ['rollout.rolled_back', { rollback: { reason: 'seen in the log' } }, 'rolled it back: seen in the log'],
    ['rollout.rolled_back', { reason: 'too many denials' }, 'rolled it back: too many denials'],
    ['approval.approved', { comment: ' ' }, 'approved'],
    ['approval.approved', { comment: 'looks right' }, 'approved: looks right'],
    ['rollout.drained', {}, 'rollout drained 3'],
  ])('says %s %j', (kind, data, words) => {
    expect(eventWords(entry(kind, data))).toBe(words);
  });
});
