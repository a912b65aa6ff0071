import type { RuleInput } from '@policy-studio/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { putInForce, steppingClock } from './in-force.testkit.js';

const clock = steppingClock('2026-03-04T12:30:00.250Z');
const rules: RuleInput[] = [
  {
    id: 'deny-risky',
    agent: 'inbox.*',
    action: '*',
    effect: 'deny',
    priority: 90,
    conditions: { '>=risk': 85 },
    reason: 'too risky',
  },
  {
    id: 'allow-vip',
    agent: 'inbox.triage',
    action: 'apply',
    effect: 'allow',
    conditions: { sender: { list: 'vip' } },
    reason: 'a known sender',
    budget: { cost: 0.5, risk: 'low' },
  },
  {
    id: 'office-hours',
    agent: 'inbox.triage',
    action: 'update',
    effect: 'allow',
    conditions: { '>=current_hour': 13, '<current_hour': 14 },
    reason: 'in office hours',
  },
  {
    id: 'ask-first',
    agent: 'inbox.triage',
    action: 'delete',
    effect: 'needs_approval',
    reason: 'deleting needs a person',
  },
];

let server: TestServer;
let agentKey: string;
beforeAll(async () => {
  server = await startTestServer({ clock });
  await putInForce(server, {
    rules,
    lists: { vip: { values: ['A@x.org'], normalize: 'email' } },
    settings: { time_zone: 'Europe/Berlin' },
  });
  agentKey = await server.createKey('agent', { agents: ['inbox.*'] });
});
afterAll(() => server.close());

const ask = (body: unknown, token: string = agentKey) => server.call('evaluate', { body, token });

describe('evaluate', () => {
  it('answers with the winning rule, its budget, bundle and generation', async () => {
    const { status, body } = await ask({
      agent: 'inbox.triage',
      action: 'apply',
      context: { sender: 'a@X.org', risk: 3 },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      created_at: '2026-03-04T12:30:00.250Z',
      effect: 'allow',
      policy_effect: 'allow',
      matched_rule: 'allow-vip',
      reason: 'a known sender',
      default: false,
      budget: { cost: 0.5, risk: 'low' },
      generation: 1,
      arm: 'stable',
      bundle: { version: '0.0.0' },
      errors: [],
      facts_used: {},
      overlays: [],
    });
  });

  it('keeps the whole question on record', async () => {
    const request = {
      agent: 'inbox.triage',
      action: 'apply',
      context: { sender: 'a@x.org', deep: { nul: '\u0000', list: [1, null] } },
      session: 's-1',
    };
    const { body } = await ask(request);
    const { body: record } = await server.call('getDecision', { params: { id: body.decision_id } });
    expect(record).toMatchObject({
      ...body,
      ...request,
      lists: { vip: 1 },
      default_effect: 'deny',
      source: 'api',
      outcome: null,
      request_id: null,
    });
    expect(record.caller.owner).toBe('agent-1');
  });

  it('answers the default effect when nothing matches', async () => {
    const { body } = await ask({ agent: 'inbox.triage', action: 'apply', context: {} });
    expect(body).toMatchObject({ effect: 'deny', matched_rule: null, default: true, budget: null });
  });

  it('reports mismatches of the rules it considered', async () => {
    const { body } = await ask({ agent: 'inbox.triage', action: 'delete', context: { risk: '95' } });
    expect(body.effect).toBe('needs_approval');
    expect(body.errors).toEqual([{ code: 'type_mismatch', rule_id: 'deny-risky', field: 'risk', operator: '>=' }]);
  });

  it('sets facts itself, in the time zone of the workspace, and says that it discarded those of the caller', async () => {
    const { body } = await ask({
      agent: 'inbox.triage',
      action: 'update',
      context: { current_hour: 3, calls_last_hour: 0, note: 'x' },
    });
    expect(body).toMatchObject({ effect: 'allow', matched_rule: 'office-hours', facts_used: { current_hour: 13 } });
    expect(body.overlays).toMatchObject([{ kind: 'facts_discarded', facts: ['current_hour', 'calls_last_hour'] }]);
    const { body: record } = await server.call('getDecision', { params: { id: body.decision_id } });
    expect(record.context).toEqual({ note: 'x' });
  });

  it('refuses an agent outside the patterns of the key', async () => {
    const { status, problem } = await ask({ agent: 'planner.deploy', action: 'deploy', context: {} });
    expect([status, problem.code]).toEqual([403, 'agent_not_permitted']);
  });

  it('traces every candidate on request, but not for the role agent', async () => {
    const question = { agent: 'inbox.triage', action: 'apply', context: { sender: 'b@x.org', risk: 3 }, explain: true };
    const { status, problem } = await ask(question);
    expect([status, problem.code]).toEqual([403, 'forbidden']);
    const { body } = await ask(question, server.adminToken);
    expect(body.trace).toMatchObject([
      { rule_id: 'deny-risky', matched: false },
      { rule_id: 'allow-vip', matched: false },
    ]);
    const { body: record } = await server.call('getDecision', {
      params: { id: body.decision_id },
      query: { explain: true },
    });
    expect(record.trace).toEqual(body.trace);
  });

  it('refuses a context deeper than 32 levels or larger than 64 KiB, at the limit it does not', async () => {
    const nested = (levels: number): unknown => (levels === 1 ? {} : { a: nested(levels - 1) });
    const sized = (bytes: number) => ({ a: 'é'.repeat((bytes - 8) / 2) });
    for (const context of [nested(32), sized(65_536)]) {
      expect((await ask({ agent: 'inbox.triage', action: 'apply', context })).status).toBe(200);
    }
    for (const context of [nested(33), sized(65_538)]) {
      const { status, problem } = await ask({ agent: 'inbox.triage', action: 'apply', context });
      expect([status, problem.code, problem.errors[0]?.path]).toEqual([422, 'validation_failed', '/context']);
    }
  });
});

describe('evaluate/batch', () => {
  it('answers in order, a bad request in its place', async () => {
    const good = (action: string) => ({ agent: 'inbox.triage', action, context: { sender: 'a@x.org' } });
    const { status, body } = await server.call('evaluateBatch', {
      token: agentKey,
      body: {
        requests: [
          good('apply'),
          null,
          good('delete'),
          { ...good('apply'), agent: 'other' },
          { ...good('apply'), extra: 1 },
          good('x'),
        ],
      },
    });
    expect(status).toBe(200);
    const told = body.decisions.map((item) => ('error' in item ? (item.error as { code: string }).code : item.effect));
    expect(told).toEqual([
      'allow',
      'validation_failed',
      'needs_approval',
      'agent_not_permitted',
      'validation_failed',
      'deny',
    ]);
  });

  it('takes 1,000 requests and records each once', async () => {
    const requests = Array.from({ length: 1000 }, (_, index) => ({
      agent: 'inbox.triage',
      action: 'apply',
      context: { index },
    }));
    const { body } = await server.call('evaluateBatch', { token: agentKey, body: { requests } });
    const ids = body.decisions.flatMap((item) => ('error' in item ? [] : [item.decision_id]));
    expect(new Set(ids).size).toBe(1000);
    const { rows } = await server.db.pool.query('select count(*) as kept from decision where id = any ($1::uuid[])', [
      ids,
    ]);
    expect(rows[0].kept).toBe(1000);
    expect([...ids].sort()).toEqual(ids);
  });

  it('refuses an empty batch and one of 1,001', async () => {
    for (const requests of [[], Array.from({ length: 1001 }, () => null)]) {
      expect((await server.call('evaluateBatch', { token: agentKey, body: { requests } })).status).toBe(422);
    }
  });
});
