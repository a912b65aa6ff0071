import { describe, expect, it } from 'vitest';
import { type RolloutMoment, storyOf } from './change-story.js';

const at = (second: number): Date => new Date(Date.UTC(2026, 2, 2, 9, 0, second));
const to = (phase: string, sharePct: number) => ({ to: { phase, share_pct: sharePct } });
const moment = (kind: string, second: number, data: RolloutMoment['data'], actor = 'Otto'): RolloutMoment => ({
  kind: `rollout.${kind}`,
  at: at(second),
  actor,
  data,
});
const started = moment('started', 0, to('canary', 10));
const failing = (second: number) => moment('held', second, { holds: ['failing'] }, 'controller');
const back = (second: number, actor = 'Otto') => moment('rolled_back', second, to('rolled_back', 0), actor);

describe('the story of a change', () => {
  it.each([
    ['a person goes back, and nothing announced it', [started, back(50)], null, null],
    ['a person goes back after a hold', [started, failing(20), back(50)], null, 30],
    ['an incident came before the hold', [started, failing(20), back(50)], at(10), 40],
    ['the incident came with the rollback itself', [started, failing(20), back(50)], at(50), 30],
    ['the controller goes back at the look that finds it', [started, back(50, 'controller')], at(50), 0],
    [
      'an earlier trouble had passed',
      [started, failing(5), moment('released', 9, { holds: [] }), failing(40), back(50)],
      null,
      10,
    ],
    [
      'an earlier step had its own',
      [started, failing(5), moment('promoted', 9, to('canary', 50)), back(50, 'controller')],
      null,
      0,
    ],
  ])('tells the time to rollback: %s', (_, moments, incidentAt, seconds) => {
    expect(storyOf(moments, incidentAt)).toEqual({
      isCanary: true,
      arrived: false,
      skipped: false,
      rolledBack: { seconds },
    });
  });

  it('tells that it arrived, whether it was a canary, and whether somebody took it past its gates', () => {
    const promoted = (skipped: boolean) => moment('promoted', 60, { ...to('baking', 100), skipped });
    expect(storyOf([started, promoted(false)], null)).toMatchObject({ arrived: true, skipped: false });
    expect(storyOf([started, promoted(true), back(90)], null)).toMatchObject({ arrived: true, skipped: true });
    expect(storyOf([moment('started', 0, to('baking', 100))], null)).toMatchObject({ arrived: true, isCanary: false });
    expect(storyOf([moment('started', 0, to('shadow', 0))], null)).toMatchObject({ arrived: false, isCanary: true });
  });
});
