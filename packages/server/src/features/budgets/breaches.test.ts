import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tellBreaches } from './breaches.js';
import { type Capped, openCapped } from './capped.testkit.js';

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

describe('a breach', () => {
  const incidents = async () =>
    (await capped.first.call('listIncidents', { query: { limit: 200 } })).body.incidents.filter(
      ({ kind, created_at }) =>
        kind === 'budget_exhausted' && Date.parse(created_at) >= capped.clock.now().getTime() - 3_600_000,
    );
  const tell = () => Promise.all(capped.servers.map(({ services }) => tellBreaches(services, capped.clock.now())));

  it('opens one incident for each cap, day and account, never one a request', async () => {
    await cap({ scope: 'agent', calls: 1 }, { scope: 'workspace', spend: 6 });
    await effects(['five', 'free', 'free', 'five']);
    await Promise.all(['free', 'free'].map((action) => ask(action, { agent: 'inbox.sort' }, capped.second)));
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
    const { body } = await capped.first.call('getIncident', { params: { id: all?.id ?? 0 } });
    expect(body.details).toMatchObject({ scope: 'workspace', measure: 'spend', limit: 6, used: 5, left: 1, asked: 5 });
    expect(body.playbooks[0]?.steps.join('\n')).toContain('policy-studio budgets');
    const { entries } = (await capped.first.call('listAudit', { query: { limit: 20 } })).body;
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
    await capped.first.call('evaluateBatch', { body: { requests }, token: capped.key });
    for (let turn = 0; turn < 6; turn += 1) await tell();
    const opened = await incidents();
    expect(opened).toHaveLength(51);
    expect(opened.find(({ key: name }) => name.includes(':others:'))?.occurrences).toBe(20);
  });
});
