import type { BodyOf, Gate, GateName, operations, RolloutGates } from '@policy-studio/contract';
import { percent } from '@policy-studio/engine';

type Metrics = NonNullable<BodyOf<typeof operations.checkGates>['metrics']>;

/**
 * Plain thresholds over given figures, for a check offline: a gate passes below its limit (cost and sample: up to it, from
 * it). Without decisions there are no rates, so nothing passes; without a baseline cost there is no cost gate.
 */
export function checkMetrics(metrics: Metrics, limits: RolloutGates): Gate[] {
  const { total_decisions: decisions, error_count: errors, deny_count: denied } = metrics;
  const enough = decisions >= limits.min_sample_size;
  const sample: Gate = {
    ...blank('sample_size', decisions),
    verdict: enough ? 'pass' : 'inconclusive',
    value: decisions,
    limit: limits.min_sample_size,
    sentence: `${plural(decisions)}, ${enough ? 'enough' : `of at least ${limits.min_sample_size.toLocaleString('en-US')}`}`,
  };
  return [
    sample,
    rate('error_rate', 'error rate', errors, decisions, limits.max_error_rate),
    rate('deny_rate', 'deny rate', denied, decisions, limits.max_deny_rate),
    ...cost(metrics, limits),
  ];
}

function rate(gate: GateName, name: string, count: number, decisions: number, limit: number): Gate {
  if (decisions === 0) return { ...blank(gate, 0), limit, sentence: `no ${name}: nothing was decided` };
  const value = count / decisions;
  const passes = value < limit;
  const sentence = `the ${name} is ${percent(value)} over ${plural(decisions)}, ${passes ? 'below' : 'not below'} ${percent(limit)}`;
  return { ...blank(gate, decisions), verdict: passes ? 'pass' : 'fail', value, limit, sentence };
}

function cost(
  { baseline_avg_cost: baseline = 0, canary_avg_cost: canary, total_decisions: sample }: Metrics,
  { max_cost_increase: limit }: RolloutGates,
): Gate[] {
  if (baseline === 0 || canary === undefined) return [];
  const value = canary / baseline - 1;
  // 1.2 is 20 % above 1, which `1.2 / 1 - 1` would deny.
  const passes = canary < baseline * (1 + limit);
  const sentence = `a decision costs ${value < 0 ? '' : '+'}${percent(value)} against the baseline, ${passes ? 'below' : 'not below'} the ${percent(limit)} allowed`;
  return [{ ...blank('cost_increase', sample), verdict: passes ? 'pass' : 'fail', value, limit, sentence }];
}

function blank(gate: GateName, sample: number): Gate {
  return {
    gate,
    verdict: 'inconclusive',
    value: null,
    limit: null,
    critical_limit: null,
    sample,
    sentence: '',
    expected_seconds: null,
    environmental: false,
  };
}

function plural(count: number): string {
  return `${count.toLocaleString('en-US')} decision${count === 1 ? '' : 's'}`;
}
