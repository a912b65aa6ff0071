import { describe, expect, it } from 'vitest';
import { aheadOf, type StandingRollout, standingOf, timeLeft } from './standing.js';

const gate = (verdict: 'pass' | 'inconclusive' | 'fail', sentence = 'the deny rate is too close to call') => ({
  verdict,
  sentence,
});
const rollout = (change: Partial<StandingRollout>): StandingRollout => ({
  phase: 'canary',
  version: '2.2.0',
  previous_version: '2.1.0',
  share_pct: 10,
  next_step_pct: 50,
  holds: [],
  sign_off: 'not_needed',
  gates: [gate('pass')],
  dwelled_seconds: 58_800,
  dwell_seconds: 86_400,
  end_reason: null,
  ...change,
});
const told = (change: Partial<StandingRollout>): string => {
  const { mood, title, why } = standingOf(rollout(change));
  return `${mood}: ${title}. ${why}`.replaceAll('\u00a0', ' ');
};

describe('where a rollout is and why', () => {
  it('names the hold, what is open, and the time that is left as well', () => {
    expect(told({ holds: ['inconclusive'], gates: [gate('inconclusive'), gate('pass')] })).toBe(
      'holding: Holding at 10 % for 2 reasons. The evidence does not decide yet. The deny rate is too close to call. This step has 7 h 40 min still to run.',
    );
    expect(told({ holds: ['operator'], dwelled_seconds: 86_400 })).toBe(
      'holding: Holding at 10 %. An operator paused it.',
    );
  });
  it('does not hold for gates that pass by now', () => {
    expect(told({ holds: ['inconclusive', 'telemetry'] })).toMatch(/^going: /);
    expect(told({ holds: ['inconclusive', 'freeze'] })).toMatch(/^holding: .* A freeze is on\./);
  });
  it('says what comes next and when', () => {
    expect(told({})).toBe('going: Going on at 10 %. All gates pass. On to 50 % in 7 h 40 min at the earliest.');
    expect(told({ phase: 'baking', share_pct: 100, next_step_pct: null, dwelled_seconds: 86_400 })).toBe(
      'going: Going on at 100 %. All gates pass. Completed within a minute.',
    );
    expect(told({ phase: 'shadow', share_pct: 0 })).toContain('2.2.0 decides nothing yet');
  });
  it('asks for the sign-off before anything else', () => {
    expect(told({ sign_off: 'needed', holds: ['inconclusive'] })).toMatch(/^asking: Waiting for somebody to sign off/);
  });
  it('says how it ended, and why', () => {
    expect(told({ phase: 'rolled_back', end_reason: 'too many denials' })).toBe(
      'harmed: Rolled back: 2.1.0 decides everything. Too many denials.',
    );
    expect(told({ phase: 'aborted', previous_version: null })).toContain('The built-in safe bundle decides everything');
    expect(told({ phase: 'superseded' })).toMatch(/^done: Superseded/);
  });
  it('says when the next step can begin, and how long all traffic is watched', () => {
    const plan = { bake_hours: 24 } as Parameters<typeof aheadOf>[0]['plan'];
    const step = { share_pct: 10, next_step_pct: 50, dwell_seconds: 3_600, dwelled_seconds: 0, plan };
    const now = new Date(2026, 10, 23, 12, 0);
    expect(aheadOf(step, now)).toEqual({ 50: 'earliest today 13:00', 100: 'bakes for 1\u00a0d' });
    // From shadow it goes on when somebody promotes it.
    expect(aheadOf({ ...step, share_pct: 0 }, now)).toEqual({ 100: 'bakes for 1\u00a0d' });
  });
  it('never has less than no time left', () => {
    expect(timeLeft({ dwell_seconds: 10, dwelled_seconds: 15 })).toBe(0);
  });
});
