import type { Cap } from '@policy-studio/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId, introduce, putInForce, steppingClock } from '../decisions/in-force.testkit.js';
import { tellBreaches } from './breaches.js';

const clock = steppingClock('2026-03-04T10:00:00Z');
const agents = ['inbox.triage', 'inbox.sort', 'planner', 'watched'];
const costing = (id: string, cost: number, effect: 'allow' | 'needs_approval' = 'allow') => ({
  id,
  agent: '*',
  action: id,
  effect,
  reason: 'within the budget',
  budget: { cost },
});
const rules = [
  costing('free', 0),
  costing('one', 1),
  costing('five', 5),
  costing('ask', 2, 'needs_approval'),
  { id: 'no-way', agent: '*', action: 'no', effect: 'deny' as const, reason: 'never allowed' },
];

let database: TestDatabase;
let servers: TestServer[];
let key: string;
beforeAll(async () => {
  database = await testDatabase();
  servers = await Promise.all([
    startTestServer({ db: database.db, clock }),
    startTestServer({ db: database.db, clock }),
  ]);
  key = await first().createKey('agent');
  await introduce(first(), agents, ['free', 'one', 'five', 'ask', 'no']);
  await putInForce(first(), { rules });
});
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.close()));
  await database?.close();
});
const first = (): TestServer => servers[0] as TestServer;
const second = (): TestServer => servers[1] as TestServer;

let sessions = 0;
let session = '';
/** Every test begins a new day with a new session, and no cap but its own. */
beforeEach(async () => {
  clock.advance(48 * 3_600_000);
  sessions += 1;
  session = `s-${sessions}`;
  await database.db.pool.query('delete from cap_breach');
});

async function set(settings: Record<string, unknown>): Promise<void> {
  const { status } = await first().call('putSettings', { body: settings });
  expect(status).toBe(200);
  const { body } = await first().call('getSystem');
  await second().services.enforcement.inForce(defaultWorkspaceId);
  await second().services.enforcement.reach(defaultWorkspaceId, body.generation);
}
const cap = (...caps: Cap[]): Promise<void> => set({ caps, cost_budget_24h: null, time_zone: 'UTC' });
const ask = async (action: string, more: object = {}, server = first()) =>
  (await server.call('evaluate', { body: { agent: 'planner', action, context: {}, ...more }, token: key })).body;
const effects = async (actions: readonly string[], more: object = {}): Promise<string[]> => {
  const found: string[] = [];
  for (const action of actions) found.push((await ask(action, more)).effect);
  return found;
};
const held = async (query: object = {}) => (await first().call('getBudgets', { query })).body;

describe('a cap on calls', () => {
  it('of the workspace counts what is allowed, whoever asks', async () => {
    await cap({ scope: 'workspace', calls: 3 });
    expect(await effects(['free', 'no', 'one', 'ask'])).toEqual(['allow', 'deny', 'allow', 'needs_approval']);
    expect((await ask('free', { agent: 'inbox.sort' })).effect).toBe('allow');
    const denied = await ask('free');
    expect(denied).toMatchObject({ effect: 'deny', policy_effect: 'allow', matched_rule: 'free' });
    const resets = new Date(Math.ceil(clock.now().getTime() / 86_400_000) * 86_400_000).toISOString();
    expect(denied.overlays).toEqual([
      {
        kind: 'budget_exhausted',
        detail: denied.reason,
        policy_reason: 'within the budget',
        cap: {
          scope: 'workspace',
          measure: 'calls',
          subject: null,
          limit: 3,
          used: 3,
          left: 0,
          asked: 1,
          resets_at: resets,
        },
      },
    ]);
    expect(denied.reason).toMatch(
      /^the cap of 3 allowed calls a day of the workspace is used up; it begins anew at 2026/,
    );
    const { body: record } = await first().call('getDecision', { params: { id: denied.decision_id } });
    expect(record).toMatchObject(denied);
    const { body: again } = await first().call('replayDecision', { params: { id: denied.decision_id } });
    expect(again).toMatchObject({ same: true, differences: [], decision: { effect: 'allow' } });
  });

  it('of agents counts each by itself, by the lowest of those that apply', async () => {
    await cap({ scope: 'agent', calls: 3 }, { scope: 'agent', agent: 'inbox.*', calls: 2 });
    expect(await effects(['free', 'free', 'free', 'free'])).toEqual(['allow', 'allow', 'allow', 'deny']);
    for (const agent of ['inbox.sort', 'inbox.triage']) {
      expect(await effects(['free', 'free', 'free'], { agent })).toEqual(['allow', 'allow', 'deny']);
    }
    const denied = await ask('free', { agent: 'inbox.sort' });
    expect(denied.overlays[0]).toMatchObject({ cap: { scope: 'agent', subject: 'inbox.sort', limit: 2 } });
  });

  it('counts what was allowed that day before it was set, and while none was', async () => {
    await cap();
    await effects(['free', 'free', 'no', 'free']);
    await cap({ scope: 'agent', calls: 4 }, { scope: 'workspace', calls: 9 });
    expect(await effects(['free', 'free'])).toEqual(['allow', 'deny']);
    await cap();
    expect(await effects(['free', 'free'])).toEqual(['allow', 'allow']);
    await cap({ scope: 'agent', calls: 7 }, { scope: 'workspace', calls: 9 });
    expect(await effects(['free', 'free'])).toEqual(['allow', 'deny']);
    expect((await held()).caps.map(({ accounts }) => accounts[0]?.calls?.used)).toEqual([7, 7]);
  });

  it('of sessions counts a session for its life, over midnight', async () => {
    await cap({ scope: 'session', calls: 2 });
    expect(await effects(['free'], { session })).toEqual(['allow']);
    clock.advance(24 * 3_600_000);
    await first().services.enforcement.poll();
    expect(await effects(['free', 'free'], { session })).toEqual(['allow', 'deny']);
    const denied = await ask('free', { session });
    expect(denied.reason).toBe(
      `the cap of 2 allowed calls in all of the session \`${session}\` is used up; it does not begin anew`,
    );
    expect(denied.overlays[0]).toMatchObject({ cap: { scope: 'session', subject: session, resets_at: null } });
    expect(await effects(['free'], { session: `${session}-other` })).toEqual(['allow']);
  });

  it('of sessions counts a key with an agent for a day where no session is given', async () => {
    await cap({ scope: 'session', calls: 2, spend: 100 });
    expect(await effects(['free', 'one', 'free'])).toEqual(['allow', 'allow', 'deny']);
    expect(await effects(['free'], { agent: 'inbox.sort' })).toEqual(['allow']);
    const denied = await ask('free');
    expect(denied.reason).toMatch(
      /of the session `\(no session\) key \d+, agent planner` is used up; it begins anew at/,
    );
    clock.advance(24 * 3_600_000);
    await first().services.enforcement.poll();
    expect(await effects(['free'])).toEqual(['allow']);
  });

  it('of 0 allows nothing, and of spend 0 what is free', async () => {
    await cap({ scope: 'agent', agent: 'planner', calls: 0 }, { scope: 'workspace', spend: 0 });
    expect(await effects(['free'])).toEqual(['deny']);
    expect(await effects(['free', 'one'], { agent: 'inbox.sort' })).toEqual(['allow', 'deny']);
  });
});

describe('caps together', () => {
  it('are all checked; the first of workspace, agent and session, spend before calls, is named', async () => {
    await cap(
      { scope: 'session', spend: 3, calls: 50 },
      { scope: 'agent', spend: 6, calls: 50 },
      { scope: 'workspace', spend: 7, calls: 50 },
    );
    expect(await effects(['one', 'five'], { session })).toEqual(['allow', 'deny']);
    const over = async (action: string, more: object) => (await ask(action, more)).overlays[0]?.cap;
    expect(await over('five', { session })).toMatchObject({
      scope: 'session',
      measure: 'spend',
      used: 1,
      left: 2,
      asked: 5,
    });
    expect(await effects(['five'], { agent: 'inbox.sort', session: `${session}b` })).toEqual(['deny']);
    await cap({ scope: 'agent', spend: 6 }, { scope: 'workspace', spend: 7 });
    expect(await effects(['five'])).toEqual(['allow']);
    expect(await over('one', {})).toMatchObject({ scope: 'agent', subject: 'planner', used: 6, left: 0 });
    expect(await over('five', {})).toMatchObject({ scope: 'workspace', subject: null, used: 6, left: 1 });
  });

  it('take nothing of the others for what one refuses', async () => {
    await cap({ scope: 'agent', agent: 'planner', calls: 1 }, { scope: 'workspace', spend: 10, calls: 10 });
    expect(await effects(['one', 'one', 'one'])).toEqual(['allow', 'deny', 'deny']);
    const [agent, workspace] = (await held()).caps;
    expect(agent?.accounts[0]?.calls).toEqual({ limit: 1, used: 1, left: 0 });
    expect(workspace?.accounts[0]).toMatchObject({ spend: { used: 1, left: 9 }, calls: { used: 1, left: 9 } });
  });

  it('hold beside cost_budget_24h', async () => {
    await set({ caps: [{ scope: 'workspace', spend: 4 }], cost_budget_24h: 2 });
    expect(await effects(['one', 'one', 'one'])).toEqual(['allow', 'allow', 'deny']);
    const { caps } = await held();
    expect(caps.map(({ setting, spend, accounts }) => [setting, spend, accounts[0]?.spend?.left])).toEqual([
      ['cost_budget_24h', 2, 0],
      ['caps', 4, 2],
    ]);
  });

  it('are never overshot when two servers are asked at once, at no point', async () => {
    await cap(
      { scope: 'workspace', calls: 60, spend: 58 },
      { scope: 'agent', calls: 25 },
      { scope: 'agent', agent: 'inbox.*', spend: 20 },
      { scope: 'session', calls: 9 },
    );
    let watching = true;
    let most = 0;
    const watch = (async () => {
      while (watching) {
        const { rows } = await database.db.pool.query(
          `select coalesce(max(greatest(calls / case when agent = '*' then 60.0 else 25 end,
                                        amount / case when agent = '*' then 58 when agent like 'inbox.%' then 20 else 1e9 end)), 0)
                    ::float8 as fullest
             from daily_spend where day = $1`,
          [clock.now().toISOString().slice(0, 10)],
        );
        most = Math.max(most, rows[0].fullest);
      }
    })();
    const asked = Array.from({ length: 400 }, (_, index) => ({
      agent: agents[index % 3] as string,
      session: `${session}-${index % 11}`,
    }));
    const answers = await Promise.all(asked.map((one, index) => ask('one', one, servers[index % 2] as TestServer)));
    watching = false;
    await watch;
    const allowed = asked.filter((_, index) => answers[index]?.effect === 'allow');
    const count = (of: (one: (typeof asked)[number]) => string): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const one of allowed) counts[of(one)] = (counts[of(one)] ?? 0) + 1;
      return counts;
    };
    expect(allowed).toHaveLength(58);
    expect(Math.max(...Object.values(count(({ agent }) => agent)))).toBeLessThanOrEqual(25);
    expect(Math.max(...Object.values(count((one) => one.session)))).toBeLessThanOrEqual(9);
    const inbox = count(({ agent }) => agent);
    expect([(inbox['inbox.triage'] ?? 0) <= 20, (inbox['inbox.sort'] ?? 0) <= 20]).toEqual([true, true]);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(1);
    const { caps } = await held();
    expect(caps[0]?.accounts[0]).toMatchObject({ spend: { used: 58, reserved: 58, left: 0 }, calls: { used: 58 } });
    for (const { accounts } of caps.slice(1, 2)) {
      expect(accounts.map(({ subject, calls }) => [subject, calls?.used]).sort()).toEqual(Object.entries(inbox).sort());
    }
  });

  it('pass groups of one day that name many agents and sessions in any order, without a deadlock', async () => {
    await cap(
      { scope: 'workspace', calls: 1_000_000 },
      { scope: 'agent', spend: 1e6 },
      { scope: 'session', calls: 1_000_000 },
    );
    const batch = (shift: number) => ({
      requests: Array.from({ length: 60 }, (_, index) => ({
        agent: agents[(index * 7 + shift) % 3],
        action: 'one',
        context: {},
        session: `${session}-${(index * 13 + shift * 5) % 17}`,
      })),
    });
    const before = await deadlocks();
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) =>
        (servers[index % 2] as TestServer).call('evaluateBatch', { body: batch(index), token: key }),
      ),
    );
    expect(
      answers.flatMap(({ body }) => body.decisions).every((one) => 'effect' in one && one.effect === 'allow'),
    ).toBe(true);
    expect(await deadlocks()).toBe(before);
  });
});

async function deadlocks(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const { rows } = await database.db.pool.query(
    'select deadlocks::int as n from pg_stat_database where datname = current_database()',
  );
  return rows[0].n;
}

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
    const report = (cost?: number) =>
      first().call('reportOutcome', {
        params: { id },
        body: { status: 'success', ...(cost === undefined ? {} : { cost }) },
        token: key,
      });
    expect((await Promise.all([report(0.5), report(0.5)])).map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await of()).toEqual([
      [0.5, 0],
      [0.5, 0],
    ]);
  });

  it('without a cost spends what was reserved; one above the cap stops what follows', async () => {
    await cap({ scope: 'agent', spend: 10 });
    const [a, b] = [await ask('one'), await ask('five')];
    const report = (id: string, body: object) =>
      first().call('reportOutcome', { params: { id }, body: { status: 'success', ...body }, token: key });
    await report(a.decision_id, {});
    expect((await held()).caps[0]?.accounts[0]?.spend).toEqual({ limit: 10, used: 6, left: 4, reserved: 5 });
    await report(b.decision_id, { cost: 40 });
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
    await first().call('reportOutcome', { params: { id }, body: { status: 'success', cost: 1 }, token: key });
    expect(await effects(['five'])).toEqual(['allow']);
    const { accounts } = (await held()).caps[0] ?? { accounts: [] };
    expect(accounts[0]).toMatchObject({
      subject: expect.stringMatching(/no session/),
      spend: { used: 6, reserved: 5 },
    });
    expect(accounts[0]?.resets_at).not.toBeNull();
  });
});

describe('what is answered without regard to caps', () => {
  it('counts, and is not refused', async () => {
    await first().call('putCatalogAgent', { params: { agent: 'watched' }, body: { mode: 'observe' } });
    await cap({ scope: 'agent', calls: 2, spend: 2 });
    expect(await effects(['one', 'one', 'one'], { agent: 'watched' })).toEqual(['allow', 'allow', 'allow']);
    const [account] = (await held({ agent: 'watched' })).caps[0]?.accounts ?? [];
    expect(account).toMatchObject({ spend: { used: 3, left: 0 }, calls: { used: 3, left: 0 }, exhausted: true });
  });
});

describe('a request id', () => {
  it('counts once, and is answered again as it was refused', async () => {
    await cap({ scope: 'agent', calls: 1 });
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ask('free', { request_id: `${session}-once` }, servers[index % 2])),
    );
    expect(new Set(many.map(({ decision_id }) => decision_id)).size).toBe(1);
    const refused = await ask('free', { request_id: `${session}-no` });
    const again = await ask('free', { request_id: `${session}-no` });
    expect(refused.effect).toBe('deny');
    expect(again).toEqual(refused);
    expect((await held()).caps[0]?.accounts[0]?.calls?.used).toBe(1);
  });
});

describe('the facts', () => {
  const guarded = [
    ...rules,
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
    await putInForce(first(), { rules: guarded });
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
    await putInForce(first(), { rules });
  });
});

describe('a breach', () => {
  const incidents = async () =>
    (await first().call('listIncidents', { query: { limit: 200 } })).body.incidents.filter(
      ({ kind, created_at }) =>
        kind === 'budget_exhausted' && Date.parse(created_at) >= clock.now().getTime() - 3_600_000,
    );
  const tell = () => Promise.all(servers.map(({ services }) => tellBreaches(services, clock.now())));

  it('opens one incident for each cap, day and account, never one a request', async () => {
    await cap({ scope: 'agent', calls: 1 }, { scope: 'workspace', spend: 6 });
    await effects(['five', 'free', 'free', 'five']);
    await Promise.all(['free', 'free'].map((action) => ask(action, { agent: 'inbox.sort' }, second())));
    await effects(['five'], { agent: 'inbox.triage' });
    await tell();
    await tell();
    const opened = await incidents();
    expect(opened.map(({ key: name, severity }) => [name.replace(/:[\d-]+$/, ''), severity]).sort()).toEqual([
      ['budget_exhausted:agent:calls:inbox.sort', 'medium'],
      ['budget_exhausted:agent:calls:planner', 'medium'],
      ['budget_exhausted:workspace:spend:*', 'high'],
    ]);
    expect(opened.every(({ occurrences }) => occurrences === 1)).toBe(true);
    const all = opened.find(({ severity }) => severity === 'high');
    expect(all?.summary).toMatch(
      /^the cap of 6 USD a day of the workspace leaves 1 USD, and this costs 5 USD; .*: `five` of `(planner|inbox.triage)` was denied$/,
    );
    const { body } = await first().call('getIncident', { params: { id: all?.id ?? 0 } });
    expect(body.details).toMatchObject({ scope: 'workspace', measure: 'spend', limit: 6, used: 5, left: 1, asked: 5 });
    expect(body.playbooks[0]?.steps.join('\n')).toContain('policy-studio budgets');
    const { entries } = (await first().call('listAudit', { query: { limit: 20 } })).body;
    expect(
      entries
        .filter(({ kind }) => kind === 'budget.exhausted')
        .map(({ subject }) => subject)
        .sort(),
    ).toEqual(['budget/agent/inbox.sort', 'budget/agent/planner', 'budget/workspace']);
  });

  it('is told again when the cap was raised and is used up again, in the same incident', async () => {
    await cap({ scope: 'agent', calls: 1 });
    await effects(['free', 'free', 'free']);
    await tell();
    await cap({ scope: 'agent', calls: 2 });
    await effects(['free', 'free', 'free']);
    await tell();
    const [one, ...others] = await incidents();
    expect([one?.occurrences, others]).toEqual([2, []]);
  });

  it('of many accounts on a day is one incident after the fiftieth', async () => {
    await cap({ scope: 'session', calls: 0 });
    const requests = Array.from({ length: 70 }, (_, index) => ({
      agent: 'planner',
      action: 'free',
      context: {},
      session: `${session}-${String(index).padStart(2, '0')}`,
    }));
    await first().call('evaluateBatch', { body: { requests }, token: key });
    for (let turn = 0; turn < 6; turn += 1) await tell();
    const opened = await incidents();
    expect(opened).toHaveLength(51);
    expect(opened.find(({ key: name }) => name.includes(':others:'))?.occurrences).toBe(20);
  });
});

describe('budgets', () => {
  it('are listed with the fullest accounts first, and one by its name', async () => {
    await cap({ scope: 'agent', spend: 10 }, { scope: 'session', calls: 4 });
    await effects(['one'], { session });
    await effects(['five'], { agent: 'inbox.sort', session: `${session}b` });
    await effects(['free'], { session: `${session}b` });
    const body = await held({ limit: 1 });
    expect(body).toMatchObject({ time_zone: 'UTC', day: clock.now().toISOString().slice(0, 10) });
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
    clock.advance(Date.parse(at) - clock.now().getTime());
    await first().services.enforcement.poll();
    await set({ caps: [{ scope: 'agent', calls: 1 }], cost_budget_24h: null, time_zone: zone });
    expect(await effects(['free', 'free'])).toEqual(['allow', 'deny']);
    expect(await held()).toMatchObject({ day, resets_at: resets });
    clock.advance(Date.parse(resets) - 1 - clock.now().getTime());
    await first().services.enforcement.poll();
    expect(await effects(['free'])).toEqual(['deny']);
    clock.advance(1);
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
    const { status, problem } = await first().call('putSettings', { body: { caps } });
    expect([status, problem.errors]).toEqual([422, [{ path, message: expect.stringMatching(message) }]]);
  });
});
