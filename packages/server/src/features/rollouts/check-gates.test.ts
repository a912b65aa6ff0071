import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alike, before, openYard, type Yard } from './rollouts.testkit.js';

let yard: Yard;
let stable: number;
beforeAll(async () => {
  yard = await openYard();
  stable = (await yard.rollOut(before, 100)).id;
});
afterAll(() => yard?.close());

describe('checking gates', () => {
  it('with figures needs no rollout, and without reads the telemetry', async () => {
    const check = (id: number, body: object) => yard.call('checkGates', { token: yard.operator, params: { id }, body });
    const metrics = { total_decisions: 1000, error_count: 100, deny_count: 10 };
    const figures = await check(stable, { metrics });
    expect(figures.body).toMatchObject({ passed: false, canary_status: { bundle_id: stable, fully_promoted: true } });
    expect(figures.body.failures).toEqual(['the error rate is 10 % over 1,000 decisions, not below 5 %']);
    expect((await check(stable, { metrics, gate_config: { max_error_rate: 0.2 } })).body.passed).toBe(true);
    const { id } = await yard.rollOut(alike, 50);
    expect((await check(id, {})).body).toMatchObject({ passed: false, canary_status: { canary_pct: 50 } });
    await yard.ask(400, 2);
    const telemetry = await check(id, {});
    expect([telemetry.body.passed, telemetry.body.failures]).toEqual([true, []]);
    expect((await check(id, { gate_config: { min_sample_size: 100_000 } })).body.passed).toBe(false);
    expect((await check(2_000_000_000, {})).status).toBe(404);
  });
});
