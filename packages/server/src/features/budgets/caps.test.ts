import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestServer } from '../../server.testkit.js';
import { type Capped, cappedAgents, openCapped } from './capped.testkit.js';

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

describe('a cap on calls', () => {
  it('of the workspace counts what is allowed, whoever asks', async () => {
    await cap({ scope: 'workspace', calls: 3 });
    expect(await effects(['free', 'no', 'one', 'ask'])).toEqual(['allow', 'deny', 'allow', 'needs_approval']);
    expect((await ask('free', { agent: 'inbox.sort' })).effect).toBe('allow');
    const denied = await ask('free');
    expect(denied).toMatchObject({ effect: 'deny', policy_effect: 'allow', matched_rule: 'free' });
    const resets = new Date(Math.ceil(capped.clock.now().getTime() / 86_400_000) * 86_400_000).toISOString();
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
    const { body: record } = await capped.first.call('getDecision', { params: { id: denied.decision_id } });
    expect(record).toMatchObject(denied);
    const { body: again } = await capped.first.call('replayDecision', { params: { id: denied.decision_id } });
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
    await capped.later(24 * 3_600_000);
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
    await capped.later(24 * 3_600_000);
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
    await capped.set({ caps: [{ scope: 'workspace', spend: 4 }], cost_budget_24h: 2 });
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
        const { rows } = await capped.pool.query(
          `select coalesce(max(greatest(calls / case when agent = '*' then 60.0 else 25 end,
                                        amount / case when agent = '*' then 58 when agent like 'inbox.%' then 20 else 1e9 end)), 0)
                    ::float8 as fullest
             from daily_spend where day = $1`,
          [capped.clock.now().toISOString().slice(0, 10)],
        );
        most = Math.max(most, rows[0].fullest);
      }
    })();
    const asked = Array.from({ length: 400 }, (_, index) => ({
      agent: cappedAgents[index % 3] as string,
      session: `${session}-${index % 11}`,
    }));
    const answers = await Promise.all(
      asked.map((one, index) => ask('one', one, capped.servers[index % 2] as TestServer)),
    );
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

  it('let groups and outcomes of two days pass, whatever agents and sessions they share, without a deadlock', async () => {
    await cap(
      { scope: 'workspace', calls: 1_000_000 },
      { scope: 'agent', agent: 'inbox.*', spend: 1e6 },
      { scope: 'session', calls: 1_000_000 },
    );
    const batch = (shift: number) => ({
      requests: Array.from({ length: 60 }, (_, index) => ({
        agent: cappedAgents[(index * 7 + shift) % 3],
        action: 'one',
        context: {},
        session: `${session}-${(index * 13 + shift * 5) % 17}`,
      })),
    });
    const midnight = Math.ceil(capped.clock.now().getTime() / 86_400_000) * 86_400_000;
    await capped.later(midnight - 1_000 - capped.clock.now().getTime());
    capped.skew(2_000);
    const before = await deadlocks();
    const turns = Array.from({ length: 24 }, async (_, index) => {
      const server = capped.servers[index % 2] as TestServer;
      const { body } = await server.call('evaluateBatch', { body: batch(index), token: capped.key });
      const decided = body.decisions.flatMap((one) => ('effect' in one ? [one] : []));
      const reported = await Promise.all(decided.slice(0, 5).map((one) => capped.report(one.decision_id, { cost: 2 })));
      return [...decided.map(({ effect }) => effect), ...reported];
    });
    const outcomes = (await Promise.all(turns)).flat();
    capped.skew(0);
    expect(new Set(outcomes)).toEqual(new Set(['allow', 200]));
    expect(outcomes).toHaveLength(24 * 65);
    expect(await deadlocks()).toBe(before);
    const { rows } = await capped.pool.query(
      `select (select sum(amount)::float8 from session_spend where session like $1 || '-%') as of_sessions,
         (select sum(coalesce(outcome_cost, reserved))::float8 from decision where session like $1 || '-%') as of_log,
         (select sum(calls)::int from session_spend where session like $1 || '-%') as calls,
         (select count(distinct day)::int from decision where session like $1 || '-%') as days`,
      [session],
    );
    const spent = 24 * 60 + 24 * 5;
    expect(rows[0]).toEqual({ of_sessions: spent, of_log: spent, calls: 24 * 60, days: 2 });
  });
});

describe('a request id', () => {
  it('counts once, and is answered again as it was refused', async () => {
    await cap({ scope: 'agent', calls: 1 });
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        ask('free', { request_id: `${session}-once` }, capped.servers[index % 2]),
      ),
    );
    expect(new Set(many.map(({ decision_id }) => decision_id)).size).toBe(1);
    const refused = await ask('free', { request_id: `${session}-no` });
    const again = await ask('free', { request_id: `${session}-no` });
    expect(refused.effect).toBe('deny');
    expect(again).toEqual(refused);
    expect((await held()).caps[0]?.accounts[0]?.calls?.used).toBe(1);
  });
});

describe('what is answered without regard to caps', () => {
  it('counts, and is not refused', async () => {
    await capped.first.call('putCatalogAgent', { params: { agent: 'watched' }, body: { mode: 'observe' } });
    await cap({ scope: 'agent', calls: 2, spend: 2 });
    expect(await effects(['one', 'one', 'one'], { agent: 'watched' })).toEqual(['allow', 'allow', 'allow']);
    const [account] = (await held({ agent: 'watched' })).caps[0]?.accounts ?? [];
    expect(account).toMatchObject({ spend: { used: 3, left: 0 }, calls: { used: 3, left: 0 }, exhausted: true });
  });
});

async function deadlocks(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const { rows } = await capped.pool.query(
    'select deadlocks::int as n from pg_stat_database where datname = current_database()',
  );
  return rows[0].n;
}
