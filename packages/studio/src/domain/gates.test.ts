import { describe, expect, it } from 'vitest';
import { gateRow, type SeenArm } from './gates.js';

const stable: SeenArm = { decisions: 200, failed: 2, denied: 50, outcomes: 0, outcome_errors: 0, cost: 4 };
const row = (gate: string, value: number | null, limit: number | null, seen = stable): string[] =>
  Object.values(gateRow({ gate, value, limit }, seen)).map((text) => text.replaceAll('\u00a0', ' '));

describe('the figures of a gate', () => {
  it.each([
    ['deny_rate', 0.304, 0.3, ['Deny rate', '30.4 %', '25 %', 'below 30 %']],
    ['error_rate', 0.018, 0.05, ['Error rate', '1.8 %', '1 %', 'below 5 %']],
    ['newly_denied', 0.034, 0.05, ['Newly denied', '3.4 points', '', 'below 5 points']],
    ['cost_increase', 0.0619, 0.2, ['Cost a decision', '+6.2 %', '', 'below +20 %']],
    ['cost_increase', -0.1, 0.2, ['Cost a decision', '-10 %', '', 'below +20 %']],
    ['spend', 12.5, 100, ['Spend in 24 h', '$12.50', '', 'below $100.00']],
    ['sample_ratio', 0.11, 0.1, ['Share of sessions', '11 %', '', 'about 10 %']],
    ['telemetry', null, null, ['Outcomes reported', '', '', '']],
  ])('%s reads as people say it', (gate, value, limit, texts) => {
    expect(row(gate, value, limit)).toEqual(texts);
  });
  it('counts the errors of stable by outcomes once there are some', () => {
    expect(row('error_rate', 0, 0.05, { ...stable, outcomes: 98, outcome_errors: 8 })[2]).toBe('10 %');
  });
  it('has no share of nothing', () => {
    expect(row('deny_rate', null, 0.3, { ...stable, decisions: 0, denied: 0 })).toEqual([
      'Deny rate',
      '',
      '',
      'below 30 %',
    ]);
  });
});
