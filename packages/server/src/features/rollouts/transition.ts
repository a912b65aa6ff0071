import { type HoldReason, holdReasons, type ProblemCode, type RolloutPhase } from '@policy-studio/contract';

export interface RolloutPlan {
  /** Shares of traffic in percent, ascending; the last is 100. */
  readonly steps: readonly number[];
  /** Healthy time on each step before the next, and at 100 % before the end. */
  readonly dwellMs: number;
  readonly bakeMs: number;
  /** A security fix holds where others are rolled back. */
  readonly onBreach: 'rollback' | 'hold';
}

export interface Rollout {
  readonly phase: RolloutPhase;
  /** The share of traffic the candidate decides, percent. */
  readonly sharePct: number;
  readonly plan: RolloutPlan;
  /** In the order of `holdReasons`, none twice. */
  readonly holds: readonly HoldReason[];
  /** Healthy time on this step up to `healthySince`. */
  readonly dwelledMs: number;
  /** Since when dwell time runs; null while it stands still. */
  readonly healthySince: Date | null;
  /** Newly allowed actions of high risk need a named person before the first share of traffic. */
  readonly signOff: 'not_needed' | 'needed' | 'given';
  /** Whether a bundle is there to go back to. */
  readonly hasTarget: boolean;
}

/** What the gates of this step say, taken together. */
export interface GateReading {
  /** The worst of the gates, those left out that stable fails at the same time: they hold as `environmental`. */
  readonly verdict: 'pass' | 'inconclusive' | 'fail' | 'critical';
  /** What besides keeps the rollout where it is. */
  readonly holds: readonly ('telemetry' | 'ratio-mismatch' | 'environmental')[];
  /** What freezes the workspace and until when, for people; null: nothing does. */
  readonly frozen: string | null;
}

export type RolloutCommand =
  | { readonly kind: 'start'; readonly sharePct: number; readonly frozen: string | null }
  /** A person's promotion by one step, or the controller's. */
  | { readonly kind: 'promote'; readonly targetPct: number; readonly reading: GateReading }
  /** Past gates and dwell, and over steps: a second person and a reason are the caller's to ask for. */
  | { readonly kind: 'skip'; readonly targetPct: number; readonly frozen: string | null }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'sign_off' }
  /** What the controller saw: holds come and go, and what is due happens. */
  | { readonly kind: 'tick'; readonly reading: GateReading }
  | { readonly kind: 'rollback' }
  | { readonly kind: 'supersede' };

export type RolloutEvent =
  | 'started'
  | 'promoted'
  | 'held'
  | 'released'
  | 'signed_off'
  | 'completed'
  | 'rolled_back'
  | 'aborted'
  | 'superseded';

export type RolloutOutcome =
  | { readonly to: Rollout; readonly event: RolloutEvent }
  /** As asked, and nothing to do. */
  | { readonly unchanged: true; readonly to: Rollout }
  | { readonly refused: ProblemCode; readonly detail: string };

const ended: ReadonlySet<RolloutPhase> = new Set(['completed', 'rolled_back', 'aborted', 'superseded']);

export function isOver({ phase }: Pick<Rollout, 'phase'>): boolean {
  return ended.has(phase);
}

/** The rollout after the command, or why it is refused. Pure; `now` is the time of the whole command. */
export function transition(rollout: Rollout, command: RolloutCommand, now: Date): RolloutOutcome {
  if (command.kind === 'rollback' && rollout.phase === 'rolled_back') return { unchanged: true, to: rollout };
  // The end of a rollout does not end the right to go back from its bundle.
  if (isOver(rollout) && !(command.kind === 'rollback' && rollout.phase === 'completed')) {
    return { refused: 'rollout_over', detail: `the rollout is ${rollout.phase.replace('_', ' ')}; start another` };
  }
  switch (command.kind) {
    case 'start':
      return start(rollout, command, now);
    case 'promote':
      return promote(rollout, command, now);
    case 'skip':
      return skip(rollout, command, now);
    case 'pause':
      return hold(rollout, 'operator', now);
    case 'resume':
      return release(rollout, 'operator', now);
    case 'sign_off':
      return signOff(rollout);
    case 'tick':
      return tick(rollout, command.reading, now);
    case 'rollback':
      return rollback(rollout);
    case 'supersede':
      // Who decides everything has arrived; what follows begins from there.
      if (rollout.phase === 'baking') return { to: atRest({ ...rollout, phase: 'completed' }), event: 'completed' };
      return { to: atRest({ ...rollout, phase: 'superseded', sharePct: 0 }), event: 'superseded' };
  }
}

type Of<Kind extends RolloutCommand['kind']> = Extract<RolloutCommand, { kind: Kind }>;

function start(rollout: Rollout, { sharePct, frozen }: Of<'start'>, now: Date): RolloutOutcome {
  if (rollout.phase !== 'approved') {
    return { refused: 'rollout_running', detail: 'the rollout has begun; promote it instead' };
  }
  if (frozen !== null) return frozenRefusal(frozen);
  if (sharePct > 0 && rollout.signOff === 'needed') return signOffRefusal();
  return { to: onStep(rollout, sharePct, now), event: 'started' };
}

function promote(rollout: Rollout, { targetPct, reading }: Of<'promote'>, now: Date): RolloutOutcome {
  const notRunning = refuseUnlessRising(rollout);
  if (notRunning) return notRunning;
  if (targetPct <= rollout.sharePct) {
    return { refused: 'step_passed', detail: `the share is ${rollout.sharePct} % already; name a larger one` };
  }
  const next = nextStep(rollout);
  if (targetPct > next) {
    return {
      refused: 'step_skipped',
      detail: `the next step is ${next} %; to go further at once, skip the gate with a second person and a reason`,
    };
  }
  const seen = withReading(rollout, reading, now);
  const holds = seen.holds.filter((reason) => reason !== 'inconclusive' && reason !== 'failing');
  if (reading.frozen !== null) return frozenRefusal(reading.frozen);
  if (holds.length > 0) {
    return {
      refused: 'rollout_held',
      detail: `the rollout is held: ${holds.join(', ')}; see what to do in its status`,
    };
  }
  if (reading.verdict !== 'pass') {
    const what = reading.verdict === 'inconclusive' ? 'have no verdict yet' : 'do not pass';
    return {
      refused: 'gates_not_passed',
      detail: `the gates of this step ${what}; wait, or skip the gate with a second person`,
    };
  }
  const missing = rollout.plan.dwellMs - dwelled(seen, now);
  if (missing > 0) {
    return {
      refused: 'dwell_not_over',
      detail: `${durationText(missing)} of healthy time are missing on this step; wait, or skip the gate with a second person`,
    };
  }
  if (rollout.signOff === 'needed') return signOffRefusal();
  return { to: onStep(seen, targetPct, now), event: 'promoted' };
}

function skip(rollout: Rollout, { targetPct, frozen }: Of<'skip'>, now: Date): RolloutOutcome {
  const notRunning = refuseUnlessRising(rollout);
  if (notRunning) return notRunning;
  if (frozen !== null) return frozenRefusal(frozen);
  if (targetPct <= rollout.sharePct) {
    return { refused: 'step_passed', detail: `the share is ${rollout.sharePct} % already; name a larger one` };
  }
  if (rollout.signOff === 'needed') return signOffRefusal();
  return { to: onStep(rollout, targetPct, now), event: 'promoted' };
}

function signOff(rollout: Rollout): RolloutOutcome {
  if (rollout.signOff === 'given') return { unchanged: true, to: rollout };
  if (rollout.signOff === 'not_needed') {
    return {
      refused: 'sign_off_not_needed',
      detail: 'the candidate allows nothing of high risk that was not allowed before',
    };
  }
  return { to: { ...rollout, signOff: 'given' }, event: 'signed_off' };
}

function rollback(rollout: Rollout): RolloutOutcome {
  const phase = rollout.phase === 'approved' || rollout.phase === 'shadow' ? 'aborted' : 'rolled_back';
  return { to: atRest({ ...rollout, phase, sharePct: 0 }), event: phase };
}

function tick(rollout: Rollout, reading: GateReading, now: Date): RolloutOutcome {
  if (rollout.phase === 'approved') return { unchanged: true, to: rollout };
  const breached = reading.verdict === 'critical' && rollout.sharePct > 0;
  if (breached && rollout.plan.onBreach === 'rollback' && rollout.hasTarget) return rollback(rollout);
  const seen = withReading(rollout, reading, now);
  if (seen.holds.length === 0) {
    if (seen.phase === 'baking' && dwelled(seen, now) >= seen.plan.bakeMs) {
      return { to: atRest({ ...seen, phase: 'completed' }), event: 'completed' };
    }
    if (seen.phase === 'canary' && dwelled(seen, now) >= seen.plan.dwellMs) {
      return { to: onStep(seen, nextStep(seen), now), event: 'promoted' };
    }
  }
  if (sameHolds(rollout.holds, seen.holds)) return { unchanged: true, to: rollout };
  return { to: seen, event: seen.holds.length > 0 ? 'held' : 'released' };
}

/** The rollout with the holds that a reading puts on or takes off; those of people stay. */
function withReading(rollout: Rollout, reading: GateReading, now: Date): Rollout {
  const holds = new Set<HoldReason>(rollout.holds.filter((reason) => reason === 'operator'));
  for (const reason of reading.holds) holds.add(reason);
  if (reading.frozen !== null) holds.add('freeze');
  if (reading.verdict === 'inconclusive') holds.add('inconclusive');
  if (reading.verdict === 'fail' || reading.verdict === 'critical') holds.add('failing');
  if (reading.verdict === 'critical' && rollout.sharePct > 0 && !rollout.hasTarget) holds.add('no-target');
  return withHolds(rollout, holds, now);
}

function hold(rollout: Rollout, reason: HoldReason, now: Date): RolloutOutcome {
  if (rollout.phase === 'approved') {
    return { refused: 'rollout_not_running', detail: 'the rollout has not begun; there is nothing to pause' };
  }
  if (rollout.holds.includes(reason)) return { unchanged: true, to: rollout };
  return { to: withHolds(rollout, new Set([...rollout.holds, reason]), now), event: 'held' };
}

function release(rollout: Rollout, reason: HoldReason, now: Date): RolloutOutcome {
  if (!rollout.holds.includes(reason)) return { unchanged: true, to: rollout };
  return { to: withHolds(rollout, new Set(rollout.holds.filter((one) => one !== reason)), now), event: 'released' };
}

function withHolds(rollout: Rollout, reasons: ReadonlySet<HoldReason>, now: Date): Rollout {
  const holds = holdReasons.filter((reason) => reasons.has(reason));
  return {
    ...rollout,
    holds,
    dwelledMs: dwelled(rollout, now),
    healthySince: holds.length > 0 || rollout.phase === 'approved' ? null : now,
  };
}

/** The rollout as it enters the step of that share: dwell begins anew, a person's pause stays. */
function onStep(rollout: Rollout, sharePct: number, now: Date): Rollout {
  const holds = rollout.holds.filter((reason) => reason === 'operator');
  const phase = sharePct === 0 ? 'shadow' : sharePct < 100 ? 'canary' : 'baking';
  return { ...rollout, phase, sharePct, holds, dwelledMs: 0, healthySince: holds.length > 0 ? null : now };
}

function atRest(rollout: Rollout): Rollout {
  return { ...rollout, holds: [], healthySince: null };
}

/** Healthy time on this step so far. A clock that went back adds nothing. */
export function dwelled({ dwelledMs, healthySince }: Rollout, now: Date): number {
  return dwelledMs + (healthySince === null ? 0 : Math.max(0, now.getTime() - healthySince.getTime()));
}

/** The share of the next step; 100 after the last. */
export function nextStep({ plan, sharePct }: Rollout): number {
  return plan.steps.find((step) => step > sharePct) ?? 100;
}

function refuseUnlessRising({ phase }: Rollout): RolloutOutcome | null {
  if (phase === 'shadow' || phase === 'canary') return null;
  if (phase === 'approved') {
    return { refused: 'rollout_not_running', detail: 'the rollout has not begun; activate the bundle first' };
  }
  return { refused: 'step_passed', detail: 'the bundle decides all traffic already' };
}

function frozenRefusal(frozen: string): RolloutOutcome {
  return { refused: 'frozen', detail: `${frozen}; rollbacks stay possible, everything else waits` };
}

function signOffRefusal(): RolloutOutcome {
  return {
    refused: 'sign_off_needed',
    detail:
      'the candidate allows actions of high risk that were not allowed before; a named person must sign them off first',
  };
}

function sameHolds(a: readonly HoldReason[], b: readonly HoldReason[]): boolean {
  return a.length === b.length && a.every((reason, index) => reason === b[index]);
}

/** `3 h 20 min`, rounded up to minutes; seconds below one. */
export function durationText(ms: number): string {
  if (ms < 60_000) return `${Math.ceil(ms / 1000)} s`;
  const minutes = Math.ceil(ms / 60_000);
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
