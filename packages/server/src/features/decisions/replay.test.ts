import type { RuleInput } from '@policy-studio/engine';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId, putInForce, steppingClock } from './in-force.testkit.js';

const clock = steppingClock('2026-05-01T08:00:00Z');
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

const agents = ['inbox.triage', 'inbox.sort', 'deploy'];
const actions = ['send', 'read', 'drop'];
const value = fc.oneof(
  fc.integer({ min: 0, max: 9 }),
  fc.constantFrom('low', 'high', 'a@x.org', '\u0000', '__proto__'),
  fc.boolean(),
  fc.constant(null),
);
const test = fc.oneof(
  fc.record({ '>=n': fc.integer({ min: 0, max: 9 }) }),
  fc.record({ kind: fc.constantFrom('low', 'high') }),
  fc.record({ 'sender in': fc.constant({ list: 'vip' }) }),
  fc.record({ '<calls_last_hour': fc.integer({ min: 0, max: 60 }) }),
  fc.record({ '<current_hour': fc.integer({ min: 0, max: 23 }) }),
  fc.record({ '>daily_spend': fc.integer({ min: 0, max: 9 }) }),
  fc.record({ not: fc.record({ n: fc.record({ field: fc.constant('m') }) }) }),
);
const rule = (index: number): fc.Arbitrary<RuleInput> =>
  fc.record({
    id: fc.constant(`rule-${index}`),
    agent: fc.constantFrom('*', 'inbox.*', ...agents),
    action: fc.constantFrom('*', ...actions),
    effect: fc.constantFrom('allow' as const, 'deny' as const, 'needs_approval' as const),
    priority: fc.integer({ min: 0, max: 3 }),
    conditions: test as fc.Arbitrary<Record<string, unknown>>,
    reason: fc.constantFrom('because', 'the policy says so: \u0000 é'),
    budget: fc.record({ cost: fc.constantFrom(0, 0.25, 1) }),
  }) as fc.Arbitrary<RuleInput>;
const policy = fc.tuple(...Array.from({ length: 12 }, (_, index) => rule(index)));
const request = fc.record(
  {
    agent: fc.constantFrom(...agents),
    action: fc.constantFrom(...actions),
    context: fc.record({ n: value, m: value, kind: value, sender: value, now: value }, { requiredKeys: [] }),
    session: fc.constantFrom('s1', 's2'),
  },
  { requiredKeys: ['agent', 'action', 'context'] },
);

describe('replay', () => {
  it('proves every recorded decision, whatever the policy, the lists, the facts and the budget were', async () => {
    const ids: string[] = [];
    const samples = fc.sample(fc.tuple(policy, fc.array(request, { minLength: 60, maxLength: 60 })), {
      numRuns: 6,
      seed: 7,
    });
    for (const [index, [rules, requests]] of samples.entries()) {
      await putInForce(server, {
        rules,
        lists: { vip: { values: ['a@x.org', index] } },
        settings: { default_effect: index % 2 ? 'allow' : 'deny', cost_budget_24h: index === 3 ? 4 : null },
      });
      const { body } = await server.call('evaluateBatch', { body: { requests } });
      for (const item of body.decisions) if ('decision_id' in item) ids.push(item.decision_id);
      for (const single of requests.slice(0, 5))
        ids.push((await server.call('evaluate', { body: single })).body.decision_id);
      clock.advance(3_700_000);
    }
    expect(ids).toHaveLength(6 * 65);
    const effects = new Set<string>();
    for (const id of ids) {
      const { body } = await server.call('replayDecision', { params: { id } });
      expect(body.differences).toEqual([]);
      expect(body.same).toBe(true);
      effects.add(`${body.decision.effect} ${body.decision.default} ${body.decision.errors.length > 0}`);
    }
    // The sample is worth something only if it reaches the corners.
    expect(effects.size).toBeGreaterThan(7);
  });

  it('names what differs when the record was tampered with', async () => {
    await putInForce(server, { rules: [{ id: 'yes', agent: '*', action: '*', effect: 'allow', reason: 'fine' }] });
    const { body } = await server.call('evaluate', { body: { agent: 'a', action: 'b', context: {} } });
    await server.db.pool.query(`update decision set policy_effect = 'deny', rule_id = 'no' where id = $1`, [
      body.decision_id,
    ]);
    const { body: replay } = await server.call('replayDecision', { params: { id: body.decision_id } });
    expect(replay).toMatchObject({
      same: false,
      differences: ['effect', 'matched_rule'],
      decision: { effect: 'allow' },
    });
  });

  it('refuses when the bundle is not what it was', async () => {
    const { bundleId } = await putInForce(server, {
      rules: [{ id: 'odd', agent: '*', action: '*', effect: 'allow', reason: 'odd' }],
    });
    const { body } = await server.call('evaluate', { body: { agent: 'a', action: 'b', context: {} } });
    await server.db.pool.query(`update bundle set rules = '[]' where id = $1 and workspace_id = $2`, [
      bundleId,
      defaultWorkspaceId,
    ]);
    const { status, problem } = await server.call('replayDecision', { params: { id: body.decision_id } });
    expect([status, problem.code]).toEqual([409, 'not_replayable']);
    expect(problem.detail).toContain('digest');
  });
});
