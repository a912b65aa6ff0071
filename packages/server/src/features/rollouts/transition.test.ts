import { type HoldReason, holdReasons, type RolloutPhase, rolloutPhases } from '@policy-studio/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  durationText,
  dwelled,
  type GateReading,
  isOver,
  nextStep,
  type Rollout,
  type RolloutCommand,
  transition,
} from './transition.js';

const hour = 3_600_000;
const t0 = new Date('2026-03-02T09:00:00Z');
const later = (ms: number) => new Date(t0.getTime() + ms);
const shareOf: Readonly<Record<RolloutPhase, number>> = {
  approved: 0,
  shadow: 0,
  canary: 10,
  baking: 100,
  completed: 100,
  rolled_back: 0,
  aborted: 0,
  superseded: 0,
};

function rollout(phase: RolloutPhase, more: Partial<Rollout> = {}): Rollout {
  return {
    phase,
    sharePct: shareOf[phase],
    plan: { steps: [10, 50, 100], dwellMs: 24 * hour, bakeMs: 24 * hour, onBreach: 'rollback' },
    holds: [],
    dwelledMs: 0,
    healthySince: ['shadow', 'canary', 'baking'].includes(phase) ? t0 : null,
    signOff: 'not_needed',
    hasTarget: true,
    ...more,
  };
}

const weekend = 'freeze window `weekend` is on until 2026-03-09T08:00:00.000Z';
const healthy: GateReading = { verdict: 'pass', holds: [], frozen: null };
const reading = (verdict: GateReading['verdict'], more: Partial<GateReading> = {}): GateReading => ({
  ...healthy,
  verdict,
  ...more,
});
const tick = (seen: GateReading): RolloutCommand => ({ kind: 'tick', reading: seen });

const commands = {
  start: { kind: 'start', sharePct: 10, frozen: null },
  promote: { kind: 'promote', targetPct: 50, reading: healthy },
  skip: { kind: 'skip', targetPct: 100, frozen: null },
  pause: { kind: 'pause' },
  resume: { kind: 'resume' },
  sign_off: { kind: 'sign_off' },
  tick: tick(healthy),
  rollback: { kind: 'rollback' },
  supersede: { kind: 'supersede' },
} as const satisfies Record<RolloutCommand['kind'], RolloutCommand>;

/** Each phase and command a day into the step: the event, `same`, or the code of the refusal. */
const table: Readonly<Record<RolloutPhase, Readonly<Record<keyof typeof commands, string>>>> = {
  approved: {
    start: 'started',
    promote: 'rollout_not_running',
    skip: 'rollout_not_running',
    pause: 'rollout_not_running',
    resume: 'same',
    sign_off: 'sign_off_not_needed',
    tick: 'same',
    rollback: 'aborted',
    supersede: 'superseded',
  },
  shadow: {
    start: 'rollout_running',
    promote: 'step_skipped',
    skip: 'promoted',
    pause: 'held',
    resume: 'same',
    sign_off: 'sign_off_not_needed',
    tick: 'same',
    rollback: 'aborted',
    supersede: 'superseded',
  },
  canary: {
    start: 'rollout_running',
    promote: 'promoted',
    skip: 'promoted',
    pause: 'held',
    resume: 'same',
    sign_off: 'sign_off_not_needed',
    tick: 'promoted',
    rollback: 'rolled_back',
    supersede: 'superseded',
  },
  baking: {
    start: 'rollout_running',
    promote: 'step_passed',
    skip: 'step_passed',
    pause: 'held',
    resume: 'same',
    sign_off: 'sign_off_not_needed',
    tick: 'completed',
    rollback: 'rolled_back',
    supersede: 'completed',
  },
  completed: over({ rollback: 'rolled_back' }),
  rolled_back: over({ rollback: 'same' }),
  aborted: over({}),
  superseded: over({}),
};

function over(exceptions: Partial<Record<keyof typeof commands, string>>): Record<keyof typeof commands, string> {
  const all = Object.keys(commands).map((name) => [name, 'rollout_over']);
  return { ...Object.fromEntries(all), ...exceptions };
}

function said(state: Rollout, command: RolloutCommand, now: Date): string {
  const outcome = transition(state, command, now);
  return 'refused' in outcome ? outcome.refused : 'event' in outcome ? outcome.event : 'same';
}

describe('a rollout', () => {
  it.each(rolloutPhases.flatMap((phase) => Object.keys(commands).map((name) => [phase, name] as const)))(
    '%s: %s',
    (phase, name) => {
      const command = commands[name as keyof typeof commands];
      expect(said(rollout(phase), command, later(24 * hour))).toBe(table[phase][name as keyof typeof commands]);
    },
  );

  it.each([
    [0, 'shadow'],
    [10, 'canary'],
    [25, 'canary'],
    [100, 'baking'],
  ] as const)('that starts with %i %% is in %s', (sharePct, phase) => {
    const outcome = transition(rollout('approved'), { kind: 'start', sharePct, frozen: null }, t0);
    expect(outcome).toMatchObject({ event: 'started', to: { phase, sharePct, dwelledMs: 0, healthySince: t0 } });
  });

  it('goes through its steps by itself, a day each, and bakes a day before it ends', () => {
    let state = rollout('canary');
    const events: string[] = [];
    for (let minute = 1; minute <= 4 * 24 * 60; minute++) {
      const outcome = transition(state, tick(healthy), later(minute * 60_000));
      if ('refused' in outcome) break;
      state = outcome.to;
      if ('event' in outcome) events.push(`${outcome.event} ${state.sharePct} ${minute / 60}`);
    }
    expect(events).toEqual(['promoted 50 24', 'promoted 100 48', 'completed 100 72']);
  });

  it('rolls back for what is its own fault while something else is the fault of the environment', () => {
    expect(said(rollout('canary'), tick(reading('critical', { holds: ['environmental'] })), t0)).toBe('rolled_back');
  });

  it('stays in shadow until a person promotes it', () => {
    expect(said(rollout('shadow'), tick(healthy), later(100 * 24 * hour))).toBe('same');
    expect(said(rollout('shadow'), { kind: 'promote', targetPct: 10, reading: healthy }, later(24 * hour))).toBe(
      'promoted',
    );
  });

  it('rolls back by itself on a critical verdict, at any share, held or not', () => {
    for (const phase of ['canary', 'baking'] as const) {
      for (const holds of [[], ['operator'], ['freeze', 'inconclusive']] as HoldReason[][]) {
        expect(said(rollout(phase, { holds }), tick(reading('critical', { frozen: weekend })), t0)).toBe('rolled_back');
      }
    }
  });

  it('holds instead when the environment is to blame, nothing is there to go back to, or it is a security fix', () => {
    const critical = reading('critical');
    const held = (state: Rollout, seen: GateReading) => {
      const outcome = transition(state, tick(seen), t0);
      return 'to' in outcome ? outcome.to.holds : outcome.refused;
    };
    expect(held(rollout('canary'), { ...healthy, holds: ['environmental'] })).toEqual(['environmental']);
    expect(held(rollout('canary', { hasTarget: false }), critical)).toEqual(['failing', 'no-target']);
    const fix = rollout('canary', { plan: { ...rollout('canary').plan, onBreach: 'hold' } });
    expect(held(fix, critical)).toEqual(['failing']);
    expect(held(rollout('shadow'), critical)).toEqual(['failing']);
  });

  it('goes on where it was when what held it is over, without the time in between', () => {
    const held = transition(rollout('canary'), tick(reading('inconclusive')), later(10 * hour));
    expect(held).toMatchObject({
      event: 'held',
      to: { holds: ['inconclusive'], dwelledMs: 10 * hour, healthySince: null },
    });
    if (!('to' in held)) return;
    const on = transition(held.to, tick(healthy), later(50 * hour));
    expect(on).toMatchObject({ event: 'released', to: { dwelledMs: 10 * hour, healthySince: later(50 * hour) } });
    if (!('to' in on)) return;
    expect(said(on.to, tick(healthy), later(63 * hour))).toBe('same');
    expect(said(on.to, tick(healthy), later(64 * hour))).toBe('promoted');
  });

  it('stays paused whatever the gates say, until somebody resumes it', () => {
    const paused = transition(rollout('canary'), { kind: 'pause' }, later(hour));
    if (!('to' in paused)) throw new Error('refused');
    expect(said(paused.to, tick(healthy), later(1000 * hour))).toBe('same');
    expect(said(paused.to, { kind: 'promote', targetPct: 50, reading: healthy }, later(1000 * hour))).toBe(
      'rollout_held',
    );
    expect(said(paused.to, { kind: 'resume' }, later(1000 * hour))).toBe('released');
  });

  it.each([
    [{ ...commands.promote, reading: reading('inconclusive') }, 24, 'gates_not_passed'],
    [{ ...commands.promote, reading: reading('fail') }, 24, 'gates_not_passed'],
    [{ ...commands.promote, reading: reading('pass', { holds: ['telemetry'] }) }, 24, 'rollout_held'],
    [{ ...commands.promote, reading: reading('pass', { frozen: weekend }) }, 24, 'frozen'],
    [{ ...commands.promote, targetPct: 100 }, 24, 'step_skipped'],
    [{ ...commands.promote, targetPct: 10 }, 24, 'step_passed'],
    [commands.promote, 23.99, 'dwell_not_over'],
    [commands.promote, 24, 'promoted'],
    [{ ...commands.skip, frozen: weekend }, 0, 'frozen'],
    [commands.skip, 0, 'promoted'],
  ] as const)('%o after %f hours: %s', (command, hours, expected) => {
    expect(said(rollout('canary'), command as RolloutCommand, later(hours * hour))).toBe(expected);
  });

  it('gives no traffic to newly allowed actions of high risk before somebody signed them off', () => {
    const unsigned = { signOff: 'needed' } as const;
    const ready = later(24 * hour);
    expect(said(rollout('approved', unsigned), commands.start, ready)).toBe('sign_off_needed');
    expect(said(rollout('approved', unsigned), { ...commands.start, sharePct: 0 }, ready)).toBe('started');
    expect(said(rollout('shadow', unsigned), { ...commands.promote, targetPct: 10 }, ready)).toBe('sign_off_needed');
    expect(said(rollout('shadow', unsigned), commands.skip, ready)).toBe('sign_off_needed');
    const signed = transition(rollout('shadow', unsigned), commands.sign_off, ready);
    expect('to' in signed && said(signed.to, { ...commands.promote, targetPct: 10 }, ready)).toBe('promoted');
  });

  it('keeps its invariants over any sequence of commands', () => {
    const arbitrary = fc.oneof(
      fc.constantFrom<RolloutCommand>(...Object.values(commands)),
      fc
        .record({
          verdict: fc.constantFrom('pass', 'inconclusive', 'fail', 'critical'),
          holds: fc.subarray(['telemetry', 'ratio-mismatch', 'environmental']),
          frozen: fc.constantFrom(null, weekend),
        })
        .map((seen) => tick(seen as GateReading)),
      fc.record({
        kind: fc.constant('promote'),
        targetPct: fc.integer({ min: 1, max: 100 }),
        reading: fc.constant(healthy),
      }),
    ) as fc.Arbitrary<RolloutCommand>;
    const steps = fc.array(fc.tuple(arbitrary, fc.integer({ min: -hour, max: 30 * hour })), { maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.constantFrom(...rolloutPhases), fc.boolean(), (sequence, phase, hasTarget) => {
        let state = rollout(phase, { hasTarget });
        let at = 0;
        for (const [command, ms] of sequence) {
          at += ms;
          const before = state;
          const outcome = transition(state, command, later(at));
          if ('refused' in outcome) continue;
          state = outcome.to;
          const rises = state.sharePct > before.sharePct;
          if (rises) expect(['start', 'promote', 'skip', 'tick']).toContain(command.kind);
          if (isOver(before) && state !== before)
            expect([before.phase, state.phase]).toEqual(['completed', 'rolled_back']);
          expect(state.holds).toEqual(holdReasons.filter((reason) => state.holds.includes(reason)));
          if (state.holds.length > 0) expect(state.healthySince).toBeNull();
          expect(state.sharePct > 0).toBe(['canary', 'baking', 'completed'].includes(state.phase));
          expect(dwelled(state, later(at))).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the next step', () => {
  it.each([
    [0, 10],
    [10, 50],
    [25, 50],
    [50, 100],
    [100, 100],
  ])('after %i %% is %i %%', (sharePct, next) => {
    expect(nextStep(rollout('canary', { sharePct }))).toBe(next);
  });
});

describe('a duration', () => {
  it.each([
    [1, '1 s'],
    [59_000, '59 s'],
    [60_001, '2 min'],
    [hour, '1 h'],
    [hour + 60_000, '1 h 1 min'],
  ])('of %i ms reads %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});
