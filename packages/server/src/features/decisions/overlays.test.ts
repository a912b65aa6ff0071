import type { Decision } from '@policy-studio/contract';
import type { RuleInput } from '@policy-studio/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../caller.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import type { Enforced } from '../enforcement/queries.js';
import { type Circumstances, type Draft, draft, questionOf } from './draft.js';
import { defaultWorkspaceId, introduce, putInForce, putRollout } from './in-force.testkit.js';

const rule = (action: string, effect: RuleInput['effect'], more: object = {}): RuleInput => ({
  id: `${action}-rule`,
  agent: '*',
  action,
  effect,
  reason: `${action} is like this`,
  ...more,
});
const caller: Caller = {
  workspaceId: defaultWorkspaceId,
  workspace: 'default',
  owner: 'test',
  role: 'agent',
  keyId: 7,
  agents: ['*'],
};
const nowMs = Date.parse('2026-03-02T10:00:00Z');

let server: TestServer;
let inForce: Enforced;
beforeAll(async () => {
  server = await startTestServer();
  await introduce(server, ['a.one', 'b'], ['go', 'stop', 'wait', 'pay']);
  await server.call('putCatalogAction', {
    params: { action: 'go' },
    body: { context_schema: { type: 'object', properties: { n: { type: 'number' } } } },
  });
  const rules = [
    rule('go', 'allow'),
    rule('stop', 'deny'),
    rule('wait', 'needs_approval'),
    rule('pay', 'allow', { budget: { cost: 3 } }),
  ];
  await putInForce(server, { rules, settings: { cost_budget_24h: 10 } });
  await putRollout(server, { rules, sharePct: 0 });
  inForce = await server.services.enforcement.inForce(defaultWorkspaceId);
});
afterAll(() => server.close());

const usual: Circumstances = { stale: false, databaseAway: false };
function drafted(
  action: string,
  {
    agent = 'a.one',
    context = {},
    under = usual,
    ...more
  }: Partial<Enforced> & {
    agent?: string;
    context?: Record<string, unknown>;
    under?: Circumstances;
  },
): Draft {
  const question = questionOf({ agent, action, context }, JSON.stringify(context));
  const made = { id: server.services.decisionId(nowMs), nowMs, source: 'api' as const };
  return draft(question, caller, { ...inForce, ...more }, {}, under, made);
}
const kinds = ({ overlays }: Decision) => overlays.map(({ kind }) => kind);
const pin = (effect: 'allow' | 'deny', until = '2026-03-02T10:00:01Z') => ({ effect, until, reason: 'a fire drill' });

describe('an emergency switch', () => {
  it.each([
    ['allow', 'stop', 'deny'],
    ['allow', 'wait', 'needs_approval'],
    ['allow', 'go', 'allow'],
    ['deny', 'go', 'allow'],
    ['deny', 'wait', 'needs_approval'],
    ['deny', 'stop', 'deny'],
  ] as const)(
    'that answers %s is the answer to `%s`, with what the policy said beside it',
    (effect, action, policy) => {
      const { decision, row } = drafted(action, { pin: pin(effect) });
      expect(decision).toMatchObject({
        effect,
        policy_effect: policy,
        reason: expect.stringContaining('a fire drill'),
        overlays: [{ kind: 'pinned', would_be: policy, policy_reason: `${action} is like this` }],
      });
      expect(row).toMatchObject({ effect, policy_effect: policy });
    },
  );

  it('ends by itself at its time', () => {
    expect(drafted('go', { pin: pin('deny', '2026-03-02T10:00:00Z') }).decision).toMatchObject({
      effect: 'allow',
      overlays: [],
    });
  });

  it('lets through what would violate a schema or cost too much, and counts the cost as spent', () => {
    expect(drafted('go', { pin: pin('allow'), context: { n: 'x' } }).decision).toMatchObject({ effect: 'allow' });
    const { row } = drafted('pay', { pin: pin('allow') });
    expect([row.cost, row.caps]).toMatchObject([3, { workspace_spend: 10, exempt: true }]);
    expect(drafted('pay', {}).row.caps).not.toHaveProperty('exempt');
    const away = { stale: false, databaseAway: true };
    expect(drafted('pay', { pin: pin('allow'), under: away }).decision.effect).toBe('allow');
    expect(drafted('pay', { under: away }).decision.effect).toBe('deny');
  });

  it('does not outlive what is known of it: a policy that is stale denies', () => {
    const { decision } = drafted('go', { pin: pin('allow'), under: { stale: true, databaseAway: false } });
    expect(decision.effect).toBe('deny');
    expect(kinds(decision)).toEqual(['pinned', 'stale_policy']);
  });

  it('says nothing about a bundle, so nothing counts in the evidence of a rollout', () => {
    expect(drafted('go', {}).row.evidence).toMatchObject({ arms: [{ arm: 'stable' }, { arm: 'shadow' }] });
    const { row } = drafted('go', { pin: pin('allow') });
    expect(row.evidence).toBeUndefined();
    expect(JSON.parse(row.detail).rollout.counted).toBeUndefined();
  });
});

describe('an agent that is only observed', () => {
  it.each([
    ['stop', 'deny'],
    ['wait', 'needs_approval'],
    ['go', 'allow'],
  ] as const)('is answered allow to `%s`, with %s on record', (action, would) => {
    const { decision, row } = drafted(action, { observed: ['a.*'] });
    expect(decision).toMatchObject({ effect: 'allow', policy_effect: would });
    expect(decision.overlays).toMatchObject([{ kind: 'observed', would_be: would }]);
    expect(row.evidence).toBeUndefined();
  });

  it('is one whose name a pattern covers, and no other', () => {
    expect(drafted('stop', { observed: ['a.*'], agent: 'b' }).decision).toMatchObject({ effect: 'deny', overlays: [] });
    expect(drafted('stop', { observed: ['a.*', 'b'], agent: 'b' }).decision.effect).toBe('allow');
  });

  it('is not held up by a schema, a cap, a safe bundle or a stale policy either', () => {
    const observed = ['*'];
    expect(drafted('go', { observed, context: { n: 'x' } }).decision.overlays).toMatchObject([
      { kind: 'context_invalid' },
      { kind: 'observed', would_be: 'deny' },
    ]);
    expect(drafted('pay', { observed }).row.caps).toMatchObject({ exempt: true });
    const { decision } = drafted('go', { observed, safe: true, under: { stale: true, databaseAway: true } });
    expect(decision.effect).toBe('allow');
    expect(kinds(decision)).toEqual(['safe_bundle', 'database_unavailable', 'stale_policy', 'observed']);
  });

  it('is denied by a switch that denies, and only by that', () => {
    expect(drafted('go', { observed: ['*'], pin: pin('deny') }).decision.effect).toBe('deny');
    expect(drafted('stop', { observed: ['*'], pin: pin('allow') }).decision.effect).toBe('allow');
  });
});

describe('overlays', () => {
  it("keep the policy's own reason once, at the first that gave another", () => {
    const { decision } = drafted('go', { context: { n: 'x' }, pin: pin('deny'), observed: ['a.*'] });
    expect(decision.overlays).toMatchObject([{ policy_reason: 'go is like this' }, {}]);
    expect(decision.overlays[1]).not.toHaveProperty('policy_reason');
  });
});
