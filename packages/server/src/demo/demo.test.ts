import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asSystem } from '../database/scope.js';
import { eraseWorkspaces } from '../features/workspaces/erase.js';
import { startTestServer, type TestServer } from '../server.testkit.js';
import { letAgentsAct } from './agents.js';
import { seedDemo } from './seed.js';

let server: TestServer;
const headers = { 'x-workspace': 'demo' };
beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict', log: pino({ level: 'warn' }) });
}, 60_000);
afterAll(() => server?.close());

describe('the demo', () => {
  it('is made once, by one of several that begin at the same time', async () => {
    const started = performance.now();
    const made = await Promise.all([1, 2].map(() => seedDemo(server.services, server.adminToken)));
    expect(made.sort()).toEqual([false, true]);
    expect(performance.now() - started).toBeLessThan(45_000);
    expect(await seedDemo(server.services, server.adminToken)).toBe(false);
  }, 60_000);

  it('has everything worth looking at', async () => {
    const { bundles } = (await server.call('listBundles', { headers })).body;
    expect(bundles.map(({ version, status }) => `${version} ${status}`).sort()).toEqual([
      '1.0.0 superseded',
      '1.1.0 active',
      '2.0.0 rolled_back',
      '2.1.0 canary',
      '2.2.0 draft',
      '2.3.0 draft',
    ]);
    const { approvals } = (await server.call('listApprovals', { headers, query: { status: 'pending' } })).body;
    expect(approvals.map(({ kind }) => kind).sort()).toEqual(['action', 'action', 'activation']);
    const { incidents } = (await server.call('listIncidents', { headers })).body;
    expect(incidents.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'agent_failing open',
      'rollback resolved',
      'agent_blocked resolved',
    ]);
    const { totals, buckets } = (await server.call('getDecisionSummary', { headers })).body;
    expect(totals.decisions).toBeGreaterThan(5_000);
    expect(totals.deny / totals.decisions).toBeLessThan(0.3);
    expect(buckets.filter(({ decisions }) => decisions === 0).length).toBeLessThan(10);
    const { figures } = (await server.call('getPolicyReport', { headers })).body;
    expect(figures.rolled_back).toMatchObject({ count: 1, of: 3 });
    expect(figures.canaries_passed).toMatchObject({ count: 1, of: 2 });
    expect(figures.time_to_rollback).toMatchObject({ median_seconds: 180, verdict: 'met' });
    const { rollouts } = (await server.call('listRollouts', { headers, query: { phase: 'canary' } })).body;
    const { gates } = (await server.call('getRollout', { headers, params: { id: rollouts[0]?.id ?? 0 } })).body;
    // The demo neither goes back nor fails when somebody looks.
    expect(gates.filter(({ verdict }) => verdict === 'fail' || verdict === 'critical')).toEqual([]);
    expect(gates.find(({ gate }) => gate === 'deny_rate')?.value).toBeLessThan(0.35);
    expect(gates.find(({ gate }) => gate === 'deny_rate')?.value).toBeGreaterThan(0.2);
    expect((await server.call('listBundles')).body.total).toBe(0);
  });

  it('has agents that go on, one question at a time', async () => {
    const before = (await server.call('getDecisionSummary', { headers })).body.totals.decisions;
    const at = (seconds: number) => new Date(Date.now() + seconds * 1000);
    const acted = await asSystem(async () => [
      ...(await Promise.all([letAgentsAct(server.services, at(20)), letAgentsAct(server.services, at(20))])),
      await letAgentsAct(server.services, at(25)),
      await letAgentsAct(server.services, at(31)),
    ]);
    expect(acted.reduce((sum, one) => sum + one, 0)).toBe(2);
    const to = at(60).toISOString();
    const { totals } = (await server.call('getDecisionSummary', { headers, query: { to } })).body;
    expect(totals.decisions).toBeGreaterThanOrEqual(before);
  });

  it('is marked, and gone at one call, while all else stays', async () => {
    const marked = async () =>
      (await server.call('listWorkspaces')).body.workspaces.map(({ name, demo }) => [name, demo]);
    expect(await marked()).toEqual([
      ['default', false],
      ['demo', true],
    ]);
    expect((await server.call('endDemo')).status).toBe(204);
    const later = new Date(Date.now() + 60_000);
    expect(await asSystem(() => letAgentsAct(server.services, later))).toBe(0);
    for (let turn = 0; turn < 5; turn += 1) await asSystem(() => eraseWorkspaces(server.services, new Date()));
    expect(await marked()).toEqual([['default', false]]);
    expect((await server.call('endDemo')).status).toBe(404);
    expect(await seedDemo(server.services, server.adminToken)).toBe(false);
  }, 60_000);
});
