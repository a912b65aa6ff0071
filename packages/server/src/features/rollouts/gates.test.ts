import type { GateName } from '@policy-studio/contract';
import { describe, expect, it } from 'vitest';
import { checkMetrics } from './check-gates.js';
import type { ArmEvidence, PrincipalEvidence, StepEvidence } from './evidence.js';
import { type Judged, judge } from './gates.js';

const gates = { max_error_rate: 0.05, max_deny_rate: 0.3, max_cost_increase: 0.2, min_sample_size: 100 };
const critical = { max_error_rate: 0.1, max_deny_rate: 0.5, max_cost_increase: 0.5, max_no_match_increase: 0.2 };
const hour = 3_600_000;

const nobody: PrincipalEvidence = {
  decisions: 0,
  failed: 0,
  denied: 0,
  approvals: 0,
  unmatched: 0,
  mismatched: 0,
  newlyDenied: 0,
  newlyAllowed: 0,
  newlyUnmatched: 0,
  newlyMatched: 0,
  outcomes: 0,
  outcomeErrors: 0,
};

/** An arm of ten principals who share these counts; each decision cost one dollar, or as said. */
function arm(counts: Partial<PrincipalEvidence>, cost = 1): ArmEvidence {
  const principals = 10;
  const one = Object.fromEntries(
    Object.entries({ ...nobody, ...counts }).map(([name, count]) => [name, count / principals]),
  ) as unknown as PrincipalEvidence;
  const count = counts.decisions ?? 0;
  const costOf = (share: number) => ({
    count: count * share,
    sum: count * cost * share,
    squares: count * cost * cost * share,
  });
  return {
    byPrincipal: count === 0 ? [] : Array<PrincipalEvidence>(principals).fill(one),
    principals: count === 0 ? 0 : principals,
    cost: costOf(1),
    costOfOthers: costOf(1 - 1 / principals),
    lastAt: null,
  };
}

function evidence(arms: Partial<StepEvidence>): StepEvidence {
  return {
    stable: arm({}),
    canary: arm({}),
    shadow: arm({}),
    recent: { stable: 0, canary: 0 },
    since: [],
    spent: null,
    stepMs: hour,
    ...arms,
  };
}

const canary: Judged = { phase: 'canary', sharePct: 50, hasTarget: true, limits: { gates, critical } };
const healthy = {
  stable: arm({ decisions: 1000 }),
  canary: arm({ decisions: 1000 }),
  shadow: arm({ decisions: 1000 }),
};

function verdicts(arms: Partial<StepEvidence>, rollout: Partial<Judged> = {}): Partial<Record<GateName, string>> {
  const judgement = judge({ ...canary, ...rollout }, evidence(arms));
  return Object.fromEntries(judgement.gates.map(({ gate, verdict }) => [gate, verdict]));
}

describe('the gates of a step', () => {
  it('pass where nothing is wrong', () => {
    expect(judge(canary, evidence(healthy)).reading).toEqual({ verdict: 'pass', holds: [] });
    expect(verdicts(healthy)).toEqual({
      error_rate: 'pass',
      deny_rate: 'pass',
      no_match: 'pass',
      cost_increase: 'pass',
      sample_ratio: 'pass',
      telemetry: 'pass',
    });
  });

  it('say nothing before anything was decided, with what is missing in words', () => {
    const { reading, gates: read } = judge(canary, evidence({}));
    expect(reading.verdict).toBe('inconclusive');
    expect(read.find(({ gate }) => gate === 'error_rate')).toMatchObject({
      value: null,
      sample: 0,
      expected_seconds: null,
      sentence: 'no error rate yet: nothing was decided in this step',
    });
  });

  it.each([
    ['no errors, but few decisions', { decisions: 20 }, 'inconclusive'],
    ['4 %', { decisions: 5000, failed: 200 }, 'pass'],
    ['8 %: more than may pass, less than ends it', { decisions: 2000, failed: 160 }, 'fail'],
    ['20 %', { decisions: 500, failed: 100 }, 'critical'],
    ['everything, at the fourth decision', { decisions: 4, failed: 4 }, 'critical'],
    ['two of two', { decisions: 2, failed: 2 }, 'fail'],
    ['the outcomes, once there are some', { decisions: 1000, outcomes: 500, outcomeErrors: 250 }, 'critical'],
    [
      'outcomes and evaluations together',
      { decisions: 1000, failed: 100, outcomes: 300, outcomeErrors: 0 },
      'critical',
    ],
  ])('errors: %s', (_, counts, expected) => {
    expect(verdicts({ ...healthy, canary: arm(counts) }).error_rate).toBe(expected);
  });

  it.each([
    ['a fifth', { decisions: 1000, denied: 200 }, 'pass'],
    ['two fifths', { decisions: 1000, denied: 400 }, 'fail'],
    ['three fifths', { decisions: 1000, denied: 600 }, 'critical'],
    ['everything, at once', { decisions: 10, denied: 10 }, 'critical'],
  ])('denials: %s', (_, counts, expected) => {
    expect(verdicts({ ...healthy, canary: arm(counts) }).deny_rate).toBe(expected);
  });

  it('count what is newly denied where stable itself denies too much', () => {
    const strict = { stable: arm({ decisions: 1000, denied: 700 }), shadow: arm({ decisions: 1000, denied: 700 }) };
    const same = { ...strict, canary: arm({ decisions: 1000, denied: 700 }) };
    expect(verdicts(same)).toMatchObject({ newly_denied: 'pass' });
    expect(verdicts(same).deny_rate).toBeUndefined();
    expect(judge(canary, evidence(same)).gates[1]?.sentence).toContain('stable itself denies 70 %');
    const more = { ...same, canary: arm({ decisions: 1000, denied: 800, newlyDenied: 200 }) };
    expect(verdicts(more)).toMatchObject({ newly_denied: 'fail' });
    const all = { ...strict, canary: arm({ decisions: 1000, denied: 1000, newlyDenied: 300 }) };
    expect(verdicts({ ...all, shadow: arm({ decisions: 1000, newlyDenied: 300 }) })).toMatchObject({
      newly_denied: 'critical',
    });
  });

  it('compare at 100 % with what the bundle before would have denied', () => {
    const baking = { phase: 'baking', sharePct: 100 } as const;
    const read = verdicts({ canary: arm({ decisions: 1000, denied: 700, newlyDenied: 10, newlyAllowed: 10 }) }, baking);
    expect(read).toEqual({ error_rate: 'pass', newly_denied: 'pass', no_match: 'pass', telemetry: 'pass' });
    expect(verdicts({ canary: arm({ decisions: 1000, denied: 700, newlyDenied: 700 }) }, baking)).toMatchObject({
      deny_rate: 'critical',
    });
  });

  it.each([
    ['none', 0, 'pass'],
    ['a tenth of all traffic', 200, 'pass'],
    ['a third', 700, 'critical'],
  ])('requests newly without a rule: %s', (_, newlyUnmatched, expected) => {
    const half = { decisions: 1000, newlyUnmatched: newlyUnmatched / 2 };
    expect(verdicts({ ...healthy, canary: arm(half), shadow: arm(half) }).no_match).toBe(expected);
  });

  it.each([
    [1.1, 'pass'],
    [1.4, 'fail'],
    [2, 'critical'],
  ])('costs of %f times those of stable: %s', (times, expected) => {
    expect(verdicts({ ...healthy, canary: arm({ decisions: 1000 }, times) }).cost_increase).toBe(expected);
  });

  it('hold for one principal who spends more than all others, and do not roll back', () => {
    const spending = { ...arm({ decisions: 1000 }, 3), costOfOthers: { count: 900, sum: 900, squares: 900 } };
    const read = (principals: number) =>
      judge(canary, evidence({ ...healthy, canary: { ...spending, principals } })).gates.find(
        ({ gate }) => gate === 'cost_increase',
      );
    expect(read(10)).toMatchObject({ verdict: 'fail', sentence: expect.stringMatching(/; one principal alone/) });
    expect(read(2)).toMatchObject({ verdict: 'critical' });
  });

  it('hold, and neither fail nor roll back, where stable has the same trouble', () => {
    const broken = { decisions: 500, failed: 100 };
    const outage = { ...healthy, stable: arm(broken), canary: arm(broken) };
    const { reading, gates: read } = judge(canary, evidence(outage));
    expect(reading).toEqual({ verdict: 'pass', holds: ['environmental'] });
    expect(read[0]).toMatchObject({ verdict: 'critical', environmental: true });
    expect(read[0]?.sentence).toContain('stable has 20 % at the same time');
  });

  it('do not excuse a candidate that is far worse by a stable that is merely bad', () => {
    const bad = {
      ...healthy,
      stable: arm({ decisions: 2000, failed: 160 }),
      canary: arm({ decisions: 500, failed: 400 }),
    };
    expect(judge(canary, evidence(bad)).reading).toEqual({ verdict: 'critical', holds: [] });
  });

  it('roll back for another fault while the environment is at fault for one', () => {
    const both = {
      ...healthy,
      stable: arm({ decisions: 500, failed: 100 }),
      canary: arm({ decisions: 500, failed: 100, denied: 400 }),
    };
    expect(judge(canary, evidence(both)).reading).toEqual({ verdict: 'critical', holds: ['environmental'] });
  });

  it('leave out what needs a bundle to compare with, and blame nothing on the environment, for a first bundle', () => {
    const broken = { decisions: 500, failed: 100 };
    const first = { hasTarget: false };
    const read = verdicts({ stable: arm(broken), canary: arm(broken) }, first);
    expect(Object.keys(read)).toEqual(['error_rate', 'deny_rate', 'sample_ratio', 'telemetry']);
    expect(judge({ ...canary, ...first }, evidence({ stable: arm(broken), canary: arm(broken) })).reading).toEqual({
      verdict: 'critical',
      holds: [],
    });
  });

  it('read the candidate from what it would have answered while it only watches', () => {
    const shadow = { phase: 'shadow', sharePct: 0 } as const;
    const read = verdicts({ stable: arm({ decisions: 1000 }), shadow: arm({ decisions: 1000, denied: 900 }) }, shadow);
    expect(read).toEqual({ error_rate: 'pass', deny_rate: 'critical', no_match: 'pass', telemetry: 'pass' });
  });

  it('do not let one of many principals decide for everybody', () => {
    const quiet = Array.from({ length: 20 }, () => ({ ...nobody, decisions: 10 }));
    const noisy = { ...nobody, decisions: 100_000, failed: 9_000 };
    const mixed = { ...arm({ decisions: 1 }), byPrincipal: [...quiet, noisy], principals: 21 };
    expect(verdicts({ ...healthy, canary: mixed }).error_rate).not.toBe('critical');
    const alone = { ...mixed, byPrincipal: [noisy], principals: 1 };
    expect(verdicts({ ...healthy, canary: alone }).error_rate).toBe('fail');
    const loop = { ...nobody, decisions: 100_000, failed: 100_000 };
    const looping = { ...mixed, byPrincipal: [...quiet, loop] };
    expect(verdicts({ ...healthy, canary: looping }).error_rate).toBe('fail');
  });

  it('let one of many principals of stable excuse no candidate', () => {
    const quiet = Array.from({ length: 20 }, () => ({ ...nobody, decisions: 10 }));
    const loop = { ...nobody, decisions: 100_000, failed: 100_000 };
    const stable = { ...arm({ decisions: 1 }), byPrincipal: [...quiet, loop], principals: 21 };
    const [gate] = judge(canary, evidence({ ...healthy, stable, canary: arm({ decisions: 200, failed: 60 }) })).gates;
    expect(gate).toMatchObject({ gate: 'error_rate', verdict: 'critical', environmental: false });
  });
});

describe('the comparison of the arms', () => {
  it('holds when principals do not fall to the canary as configured', () => {
    const of = (principals: number) => ({ ...arm({ decisions: 1000 }), principals });
    const skewed = { ...healthy, canary: of(600), stable: of(300) };
    expect(judge(canary, evidence(skewed)).reading).toEqual({ verdict: 'pass', holds: ['ratio-mismatch'] });
    expect(verdicts({ ...healthy, canary: of(460), stable: of(500) }).sample_ratio).toBe('pass');
  });

  it.each([
    [{ stable: 100, canary: 0 }, 'inconclusive'],
    [{ stable: 100, canary: 1 }, 'pass'],
    [{ stable: 4, canary: 0 }, 'pass'],
    [{ stable: 0, canary: 0 }, 'pass'],
  ])('holds when the canary falls silent while stable does not: %o', (recent, expected) => {
    expect(verdicts({ ...healthy, recent }).telemetry).toBe(expected);
  });

  it('expects little of a small share', () => {
    const recent = { stable: 40, canary: 0 };
    expect(verdicts({ ...healthy, recent }, { sharePct: 10 }).telemetry).toBe('pass');
    expect(verdicts({ ...healthy, recent: { ...recent, stable: 45 } }, { sharePct: 10 }).telemetry).toBe(
      'inconclusive',
    );
  });

  it('holds when outcomes of the canary go missing', () => {
    const missing = {
      ...healthy,
      stable: arm({ decisions: 1000, outcomes: 900 }),
      canary: arm({ decisions: 1000, outcomes: 300 }),
    };
    const { reading, gates: read } = judge(canary, evidence(missing));
    expect(reading.holds).toEqual(['telemetry']);
    expect(read.at(-1)?.sentence).toBe('outcomes are known of 30 % of what the canary allowed, against 90 % of stable');
  });

  it('foretells a verdict from the pace of the step', () => {
    const slow = judge(canary, evidence({ ...healthy, canary: arm({ decisions: 20 }) })).gates[0];
    expect(slow?.verdict).toBe('inconclusive');
    expect(slow?.expected_seconds).toBeGreaterThan(hour / 1000);
    expect(slow?.sentence).toMatch(/about \d+ more decisions will tell, in about \d+ h/);
  });
});

describe('plain thresholds over given figures', () => {
  const metrics = { total_decisions: 200, error_count: 2, deny_count: 10, baseline_avg_cost: 1, canary_avg_cost: 1.1 };
  const failing = (change: Partial<typeof metrics>) =>
    checkMetrics({ ...metrics, ...change }, gates)
      .filter(({ verdict }) => verdict !== 'pass')
      .map(({ gate }) => gate);

  it.each([
    [{}, []],
    [{ total_decisions: 99 }, ['sample_size']],
    [{ error_count: 10 }, ['error_rate']],
    [{ deny_count: 60 }, ['deny_rate']],
    [{ canary_avg_cost: 1.2 }, ['cost_increase']],
    [{ canary_avg_cost: 1.19 }, []],
    [{ baseline_avg_cost: 0, canary_avg_cost: 1000 }, []],
    [{ total_decisions: 0, error_count: 0, deny_count: 0 }, ['sample_size', 'error_rate', 'deny_rate']],
    [{ error_count: 50, deny_count: 100, canary_avg_cost: 2 }, ['error_rate', 'deny_rate', 'cost_increase']],
  ])('%o', (change, expected) => {
    expect(failing(change)).toEqual(expected);
  });

  it('leave the cost out where no baseline is given', () => {
    const { baseline_avg_cost: _, ...rest } = metrics;
    expect(checkMetrics(rest, gates).map(({ gate }) => gate)).toEqual(['sample_size', 'error_rate', 'deny_rate']);
  });
});

describe('the cap on what a bundle under rollout spends', () => {
  const capped = { limits: { gates, critical: { ...critical, max_spend_24h: 50 } } };
  it.each([
    [null, {}, undefined],
    [10, {}, undefined],
    [50, capped, 'pass'],
    [50.01, capped, 'critical'],
    [50.01, { ...capped, phase: 'baking', sharePct: 100 } as const, 'critical'],
    [50.01, { ...capped, phase: 'shadow', sharePct: 0 } as const, undefined],
  ])('of %f USD spent says %o: %s', (spent, rollout, verdict) => {
    expect(verdicts({ ...healthy, spent }, rollout).spend).toBe(verdict);
  });
});
