import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { putInForce } from '../decisions/in-force.testkit.js';
import { type Capped, cappedRules, openCapped } from './capped.testkit.js';

let capped: Capped;
let session = '';
beforeAll(async () => {
  capped = await openCapped();
});
afterAll(() => capped?.close());
/** Every test begins a new day with a new session, and sets its own caps. */
beforeEach(() => {
  session = capped.newDay();
});
const cap: Capped['cap'] = (...caps) => capped.cap(...caps);
const ask: Capped['ask'] = (...asked) => capped.ask(...asked);
const effects: Capped['effects'] = (...asked) => capped.effects(...asked);
const held: Capped['held'] = (query) => capped.held(query);

describe('an outcome', () => {
  it('settles what was reserved, once, whatever it reports', async () => {
    await cap({ scope: 'workspace', spend: 10 }, { scope: 'session', spend: 6 });
    const { decision_id: id } = await ask('five', { session });
    const of = async () => {
      const { caps } = await held({ session });
      return caps.map(({ accounts }) => [accounts[0]?.spend?.used, accounts[0]?.spend?.reserved]);
    };
    expect(await of()).toEqual([
      [5, 5],
      [5, 5],
    ]);
    const report = () => capped.report(id, { cost: 0.5 });
    expect((await Promise.all([report(), report()])).sort()).toEqual([200, 409]);
    expect(await of()).toEqual([
      [0.5, 0],
      [0.5, 0],
    ]);
  });

  it('without a cost spends what was reserved; one above the cap stops what follows', async () => {
    await cap({ scope: 'agent', spend: 10 });
    const [a, b] = [await ask('one'), await ask('five')];
    await capped.report(a.decision_id, {});
    expect((await held()).caps[0]?.accounts[0]?.spend).toEqual({ limit: 10, used: 6, left: 4, reserved: 5 });
    await capped.report(b.decision_id, { cost: 40 });
    expect((await held()).caps[0]?.accounts[0]).toMatchObject({
      spend: { limit: 10, used: 41, left: 0, reserved: 0 },
      exhausted: true,
      refused_at: null,
    });
    expect(await effects(['one', 'free'])).toEqual(['deny', 'allow']);
  });

  it('of a decision without a session settles the account that stood in for it', async () => {
    await cap({ scope: 'session', spend: 6 });
    const { decision_id: id } = await ask('five');
    expect(await effects(['five'])).toEqual(['deny']);
    await capped.report(id, { cost: 1 });
    expect(await effects(['five'])).toEqual(['allow']);
    const { accounts } = (await held()).caps[0] ?? { accounts: [] };
    expect(accounts[0]).toMatchObject({
      subject: expect.stringMatching(/no session/),
      spend: { used: 6, reserved: 5 },
    });
    expect(accounts[0]?.resets_at).not.toBeNull();
  });
});

describe('the facts', () => {
  const guarded = [
    ...cappedRules,
    {
      id: 'nearly-used-up',
      agent: '*',
      action: 'one',
      effect: 'needs_approval' as const,
      priority: 90,
      conditions: { 'budget_used_pct >=': 80, budget_exhausted: false },
      reason: 'little is left',
      budget: { cost: 1 },
    },
    {
      id: 'used-up',
      agent: '*',
      action: 'one',
      effect: 'deny' as const,
      priority: 90,
      conditions: { budget_exhausted: true },
      reason: 'nothing is left',
    },
  ];

  it('tell how much of the fullest cap is used, and whether nothing is left of one', async () => {
    await putInForce(capped.first, { rules: guarded });
    await cap();
    expect((await ask('one', { session })).facts_used).toEqual({ budget_used_pct: 0, budget_exhausted: false });
    await cap({ scope: 'workspace', spend: 100 }, { scope: 'agent', calls: 5 }, { scope: 'session', spend: 4 });
    const seen = async (more: object = {}) => (await ask('one', more)).facts_used;
    expect(await seen({ session })).toEqual({ budget_used_pct: 25, budget_exhausted: false });
    await ask('free');
    await ask('free');
    const next = await ask('one');
    expect([next.matched_rule, next.facts_used]).toEqual([
      'nearly-used-up',
      { budget_used_pct: 80, budget_exhausted: false },
    ]);
    await ask('free');
    const last = await ask('one');
    expect([last.matched_rule, last.facts_used]).toEqual(['used-up', { budget_used_pct: 100, budget_exhausted: true }]);
    await putInForce(capped.first, { rules: cappedRules });
  });
});

describe('budgets', () => {
  it('are listed with the fullest accounts first, and one by its name', async () => {
    await cap({ scope: 'agent', spend: 10 }, { scope: 'session', calls: 4 });
    await effects(['one'], { session });
    await effects(['five'], { agent: 'inbox.sort', session: `${session}b` });
    await effects(['free'], { session: `${session}b` });
    const body = await held({ limit: 1 });
    expect(body).toMatchObject({ time_zone: 'UTC', day: capped.clock.now().toISOString().slice(0, 10) });
    expect(
      body.caps.map(({ accounts, total_accounts }) => [accounts.map(({ subject }) => subject), total_accounts]),
    ).toEqual([
      [['inbox.sort'], 2],
      [[`${session}b`], 2],
    ]);
    const asked = await held({ agent: 'inbox.triage', session });
    expect(asked.caps.map(({ accounts }) => [accounts[0]?.subject, accounts.length])).toEqual([
      ['inbox.triage', 1],
      [session, 1],
    ]);
    expect((await held({ session: 'never-seen' })).caps[1]?.accounts[0]).toMatchObject({ calls: { used: 0, left: 4 } });
  });

  it.each([
    ['Europe/Berlin', '2026-12-05T22:30:00Z', '2026-12-05', '2026-12-05T23:00:00.000Z'],
    ['America/New_York', '2026-12-12T04:30:00Z', '2026-12-11', '2026-12-12T05:00:00.000Z'],
    ['Asia/Kathmandu', '2026-12-19T18:00:00Z', '2026-12-19', '2026-12-19T18:15:00.000Z'],
  ])('begin anew at midnight in %s', async (zone, at, day, resets) => {
    await capped.later(Date.parse(at) - capped.clock.now().getTime());
    await capped.set({ caps: [{ scope: 'agent', calls: 1 }], cost_budget_24h: null, time_zone: zone });
    expect(await effects(['free', 'free'])).toEqual(['allow', 'deny']);
    expect(await held()).toMatchObject({ day, resets_at: resets });
    await capped.later(Date.parse(resets) - 1 - capped.clock.now().getTime());
    expect(await effects(['free'])).toEqual(['deny']);
    capped.clock.advance(1);
    expect(await effects(['free', 'free'])).toEqual(['allow', 'deny']);
  });
});

describe('the setting', () => {
  it.each([
    [[{ scope: 'agent' }], '/caps/0', /must limit `spend` or `calls`/],
    [[{ scope: 'workspace', agent: 'a', spend: 1 }], '/caps/0/agent', /scope `agent` alone/],
    [
      [
        { scope: 'agent', spend: 1 },
        { scope: 'agent', agent: '*', calls: 1 },
      ],
      '/caps/1',
      /the same as `\/caps\/0`/,
    ],
    [[{ scope: 'agents', spend: 1 }], '/caps/0/scope', /one of `workspace`, `agent`, `session`/],
    [[{ scope: 'agent', agent: 'a b', spend: 1 }], '/caps/0/agent', /a name such as/],
    [[{ scope: 'agent', spend: -1 }], '/caps/0/spend', /0 or more/],
    [[{ scope: 'agent', calls: 1.5 }], '/caps/0/calls', /an integer/],
    [[{ scope: 'agent', cals: 1 }], '/caps/0/cals', /did you mean `calls`/],
    [Array.from({ length: 101 }, (_, n) => ({ scope: 'agent', agent: `a${n}`, calls: 1 })), '/caps', /at most 100/],
  ])('refuses %o', async (caps, path, message) => {
    const { status, problem } = await capped.first.call('putSettings', { body: { caps } });
    expect([status, problem.errors]).toEqual([422, [{ path, message: expect.stringMatching(message) }]]);
  });
});
