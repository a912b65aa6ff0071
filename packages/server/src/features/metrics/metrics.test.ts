import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alike, before, hourMs, openYard, strict, type Yard } from '../rollouts/rollouts.testkit.js';
import { createDecisionMeter, meteredBundles } from './decision-meter.js';

const token = 'scrape-token-0123456789';
let yard: Yard;

beforeEach(async () => {
  yard = await openYard({ config: { metricsToken: token } });
});
afterEach(() => yard.close());

async function scrape(headers: Record<string, string> = {}, query = ''): Promise<{ status: number; text: string }> {
  const response = await fetch(`${yard.url}/metrics${query}`, { headers });
  return { status: response.status, text: await response.text() };
}

/** The samples of a scrape by name and labels. Figures are kept for two seconds, so time goes on first. */
async function samples(): Promise<Map<string, number>> {
  yard.advance(2_000);
  const { status, text } = await scrape();
  expect(status).toBe(200);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

describe('GET /metrics', () => {
  it('says nothing of what is not known', async () => {
    const seen = await samples();
    for (const name of ['policy_error_rate_5m', 'policy_deny_rate_5m', 'policy_cost_budget']) {
      expect(seen.has(name)).toBe(false);
    }
    expect([...seen.keys()].filter((name) => name.startsWith('policy_canary_gate_passed'))).toEqual([]);
    expect(Object.fromEntries([...seen].filter(([name]) => !name.includes('duration')))).toEqual({
      policy_cost_24h: 0,
      policy_canary_pct: 0,
      policy_rollbacks_total: 0,
      policy_rollback_failures: 0,
      policy_approvals_pending: 0,
    });
  });

  it('counts each recorded decision once, by effect, arm and version, and not the repetition of an answer', async () => {
    const { version } = await yard.inForce(yard.version(), before);
    await yard.ask(5);
    const request = { agent: 'inbox.triage', action: 'deploy', context: {}, request_id: 'once' };
    for (let time = 0; time < 3; time += 1) await yard.call('evaluate', { body: request });
    const seen = await samples();
    expect(seen.get(`policy_decisions_total{effect="allow",arm="stable",bundle="${version}"}`)).toBe(5);
    expect(seen.get(`policy_decisions_total{effect="deny",arm="stable",bundle="${version}"}`)).toBe(1);
    expect(seen.get('policy_decision_duration_seconds_count')).toBe(6);
    expect(seen.get('policy_deny_rate_5m')).toBeCloseTo(1 / 6);
    expect(seen.get('policy_error_rate_5m')).toBe(0);
    expect(seen.get('policy_canary_pct')).toBe(100);
  });

  it('counts failures and costs that were reported, until they are past', async () => {
    await yard.inForce(yard.version(), before);
    await yard.call('putSettings', { body: { cost_budget_24h: 40 } });
    const key = await yard.createKey('agent');
    for (const status of ['error', 'success', 'success', 'success']) {
      const body = { agent: 'inbox.triage', action: 'quarantine', context: {} };
      const { decision_id: id } = (await yard.call('evaluate', { token: key, body })).body;
      await yard.call('reportOutcome', { token: key, params: { id }, body: { status, cost: 1.5 } });
    }
    const seen = await samples();
    expect(seen.get('policy_error_rate_5m')).toBe(0.25);
    expect([seen.get('policy_cost_24h'), seen.get('policy_cost_budget')]).toEqual([6, 40]);
    yard.advance(6 * 60_000);
    const later = await samples();
    expect([later.has('policy_error_rate_5m'), later.get('policy_cost_24h')]).toEqual([false, 6]);
    yard.advance(24 * hourMs);
    expect((await samples()).get('policy_cost_24h')).toBe(0);
    const caps = [
      { scope: 'workspace', spend: 30, calls: 5_000 },
      { scope: 'agent', spend: 3 },
    ];
    await yard.call('putSettings', { body: { caps } });
    expect((await samples()).get('policy_cost_budget')).toBe(30);
    await yard.call('putSettings', { body: { caps: [], cost_budget_24h: null } });
    expect((await samples()).has('policy_cost_budget')).toBe(false);
  });

  it('tells how a rollout goes: its share, its gates, its rollback', async () => {
    await yard.inForce(yard.version(), before);
    await yard.rollOut(alike, 10);
    const waiting = await samples();
    expect(waiting.get('policy_canary_pct')).toBe(10);
    expect(waiting.has('policy_canary_gate_passed{gate="error_rate"}')).toBe(false);
    await yard.ask(1500, 2);
    expect((await samples()).get('policy_canary_gate_passed{gate="error_rate"}')).toBe(1);

    await yard.rollOut(strict, 50, { supersede: true });
    await yard.ask(400, 2);
    expect((await samples()).get('policy_canary_gate_passed{gate="deny_rate"}')).toBe(0);
    await yard.tick();
    const over = await samples();
    expect([over.get('policy_rollbacks_total'), over.get('policy_canary_pct')]).toEqual([1, 100]);
    expect([...over.keys()].filter((name) => name.startsWith('policy_canary_gate_passed'))).toEqual([]);
  });

  it('counts a rollback that has nowhere to go as failed', async () => {
    await yard.rollOut(strict, 100);
    await yard.ask(300, 2);
    await yard.tick();
    expect((await samples()).get('policy_rollback_failures')).toBe(1);
  });

  it('counts approvals that wait, without those that ran out', async () => {
    await yard.request((await yard.draft(yard.version())).id);
    expect((await samples()).get('policy_approvals_pending')).toBe(1);
    yard.advance(25 * hourMs);
    expect((await samples()).get('policy_approvals_pending')).toBe(0);
  });

  it('takes a token, or a key that may read, from who is not at this machine', async () => {
    const far = { 'x-forwarded-for': '203.0.113.7' };
    const bearer = (shown: string) => ({ ...far, authorization: `Bearer ${shown}` });
    const statusOf = async (headers: Record<string, string>) => (await scrape(headers)).status;
    expect(await statusOf({})).toBe(200);
    expect(await statusOf(far)).toBe(401);
    expect(await statusOf(bearer('scrape-token-9876543210'))).toBe(401);
    expect(await statusOf({ authorization: 'Bearer scrape-token-9876543210' })).toBe(401);
    expect(await statusOf(bearer(token))).toBe(200);
    expect(await statusOf(bearer(await yard.createKey('viewer')))).toBe(200);
    expect(await statusOf(bearer(await yard.createKey('agent')))).toBe(403);
  });

  it('keeps workspaces apart', async () => {
    await yard.db.pool.query(`insert into workspace (name) values ('other')`);
    await yard.inForce(yard.version(), before);
    await yard.ask(5);
    expect((await scrape({}, '?workspace=default')).text).toContain('policy_decisions_total{');
    const other = await scrape({}, '?workspace=other');
    expect([other.status, other.text.includes('policy_decisions_total{')]).toEqual([200, false]);
    expect((await scrape({}, '?workspace=absent')).status).toBe(404);
    const viewer = { authorization: `Bearer ${await yard.createKey('viewer')}` };
    expect((await scrape(viewer, '?workspace=other')).status).toBe(403);
  });
});

describe('the decision meter', () => {
  it('tells a bounded number of bundles apart and keeps those that decide', async () => {
    const meter = createDecisionMeter();
    const count = (version: string) =>
      meter.count(1, { effect: 'allow', arm: 'stable', bundle: { id: 1, version, digest: '' } }, 0.001);
    for (let version = 0; version < 100; version += 1) {
      count(`1.${version}.0`);
      count('0.0.1');
    }
    const series = (await meter.text(1)).split('\n').filter((line) => line.startsWith('policy_decisions_total{'));
    expect(series).toHaveLength(meteredBundles);
    expect(series).toContain('policy_decisions_total{effect="allow",arm="stable",bundle="0.0.1"} 100');
    expect(series.some((line) => line.includes('"1.99.0"'))).toBe(true);
  });
});
