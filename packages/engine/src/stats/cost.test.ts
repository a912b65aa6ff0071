import { describe, expect, it } from 'vitest';
import { costGate, costSums, differenceLowerBound, quantile, sequenceHalfWidth } from './cost.js';
import { draws } from './draws.testkit.js';

const limits = { gate: 0.2, critical: 0.5, minSample: 100 };
const gate = costGate(limits);
const constant = (count: number, cost: number) =>
  costSums(
    Array.from({ length: count }, () => cost),
    null,
  );

describe('the gate of cost', () => {
  it('says nothing below the minimum sample in either arm', () => {
    expect(gate(constant(99, 5), constant(1000, 1)).verdict).toBe('inconclusive');
    expect(gate(constant(1000, 5), constant(99, 1)).verdict).toBe('inconclusive');
  });

  it.each([
    [1, 1, 'pass'],
    [1.19, 1, 'pass'],
    [1.4, 1, 'fail'],
    [1.6, 1, 'critical'],
    [0, 0, 'pass'],
    [1, 0, 'inconclusive'],
    [0.2, 1, 'pass'],
  ] as const)('costs of %f against %f: %s', (canary, stable, verdict) => {
    expect(gate(constant(500, canary), constant(500, stable)).verdict).toBe(verdict);
  });

  it('says how much more a decision costs', () => {
    expect(gate(constant(500, 1.4), constant(500, 1)).sentence).toBe(
      'a decision costs +40 % against stable, more than the +20 % allowed, and that is no chance',
    );
  });

  it('takes an increase that may be chance for inconclusive', () => {
    const { normal } = draws(5);
    const noisy = (count: number, mean: number) =>
      costSums(
        Array.from({ length: count }, () => mean * Math.exp(2 * normal() - 2)),
        null,
      );
    const verdicts = Array.from({ length: 40 }, () => gate(noisy(120, 1.1), noisy(120, 1)).verdict);
    expect(verdicts).not.toContain('critical');
  });

  it('stays quiet under heavy tails without a true change where plain thresholds cry out', () => {
    const { normal, uniform } = draws(6);
    const runs = 200;
    let fails = 0;
    let criticals = 0;
    let plain = 0;
    for (let run = 0; run < runs; run++) {
      const cost = () => Math.exp(2 * normal());
      const ceiling = quantile(Array.from({ length: 1000 }, cost), 0.99) as number;
      const arms = { canary: [] as number[], stable: [] as number[] };
      let fired = false;
      let plainFired = false;
      let criticalFired = false;
      for (let look = 0; look < 24; look++) {
        for (let i = 0; i < 60; i++) arms[uniform() < 0.5 ? 'canary' : 'stable'].push(cost());
        const verdict = gate(costSums(arms.canary, ceiling), costSums(arms.stable, ceiling)).verdict;
        fired ||= verdict === 'fail' || verdict === 'critical';
        criticalFired ||= verdict === 'critical';
        const mean = (costs: number[]) => costs.reduce((sum, one) => sum + one, 0) / costs.length;
        plainFired ||= arms.canary.length >= 100 && mean(arms.canary) > 1.2 * mean(arms.stable);
      }
      fails += Number(fired);
      criticals += Number(criticalFired);
      plain += Number(plainFired);
    }
    expect(fails / runs).toBeLessThanOrEqual(0.05);
    expect(criticals / runs).toBeLessThanOrEqual(0.01);
    expect(plain / runs).toBeGreaterThan(0.5);
  });

  it('finds a doubled cost under the same tails', () => {
    const { normal } = draws(7);
    const ceiling = 105;
    const costs = (count: number, factor: number) =>
      costSums(
        Array.from({ length: count }, () => factor * Math.exp(2 * normal())),
        ceiling,
      );
    expect(gate(costs(3000, 2), costs(3000, 1)).verdict).toBe('critical');
  });
});

describe('the confidence sequence', () => {
  it('narrows as the sample grows and widens with the certainty asked for', () => {
    expect(sequenceHalfWidth(1, 10_000, 0.05)).toBeLessThan(sequenceHalfWidth(1, 1000, 0.05));
    expect(sequenceHalfWidth(1, 1000, 0.001)).toBeGreaterThan(sequenceHalfWidth(1, 1000, 0.05));
    expect(sequenceHalfWidth(1, 0, 0.05)).toBe(Number.POSITIVE_INFINITY);
  });

  it('knows nothing of arms with fewer than two decisions', () => {
    expect(differenceLowerBound(constant(1, 1), constant(5, 1), 1, 0.05)).toBe(Number.NEGATIVE_INFINITY);
  });
});
