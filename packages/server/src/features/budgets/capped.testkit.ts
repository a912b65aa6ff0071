import type { Budgets, Cap, Decision } from '@policy-studio/contract';
import type { RuleInput } from '@policy-studio/engine';
import { testDatabase } from '../../database/database.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId, introduce, putInForce, steppingClock } from '../decisions/in-force.testkit.js';

export const cappedAgents = ['inbox.triage', 'inbox.sort', 'planner', 'watched'] as const;

const costing = (id: string, cost: number, effect: 'allow' | 'needs_approval' = 'allow'): RuleInput => ({
  id,
  agent: '*',
  action: id,
  effect,
  reason: 'within the budget',
  budget: { cost },
});
/** Each action costs what it is called, in USD; `ask` needs people and `no` is denied. */
export const cappedRules: readonly RuleInput[] = [
  costing('free', 0),
  costing('one', 1),
  costing('five', 5),
  costing('ask', 2, 'needs_approval'),
  { id: 'no-way', agent: '*', action: 'no', effect: 'deny', reason: 'never allowed' },
];

/** Two servers over one database, and an agent that asks them. */
export interface Capped {
  readonly clock: ReturnType<typeof steppingClock>;
  readonly servers: readonly TestServer[];
  readonly first: TestServer;
  readonly second: TestServer;
  readonly key: string;
  readonly pool: TestServer['db']['pool'];
  /** A new day, in every time zone; returns a session that nobody used. */
  newDay(): string;
  /** Changes settings, and waits for both servers. */
  set(settings: Record<string, unknown>): Promise<void>;
  /** Sets these caps alone, in UTC. */
  cap(...caps: Cap[]): Promise<void>;
  ask(action: string, more?: object, server?: TestServer): Promise<Decision>;
  effects(actions: readonly string[], more?: object): Promise<string[]>;
  held(query?: object): Promise<Budgets>;
  report(id: string, body: object): Promise<number>;
  /** Moves the clock; both servers know what is in force then. */
  later(ms: number): Promise<void>;
  /** How far the clock of the second server is ahead from now on. */
  skew(ms: number): void;
  close(): Promise<void>;
}

export async function openCapped(): Promise<Capped> {
  const clock = steppingClock('2026-03-04T10:00:00Z');
  const database = await testDatabase();
  let aheadMs = 0;
  const servers = await Promise.all([
    startTestServer({ db: database.db, clock }),
    startTestServer({ db: database.db, clock: { now: () => new Date(clock.now().getTime() + aheadMs) } }),
  ]);
  const [first, second] = servers;
  const key = await first.createKey('agent');
  await introduce(first, [...cappedAgents], ['free', 'one', 'five', 'ask', 'no']);
  await putInForce(first, { rules: cappedRules });
  let sessions = 0;
  const set = async (settings: Record<string, unknown>): Promise<void> => {
    const { status } = await first.call('putSettings', { body: settings });
    if (status !== 200) throw new Error(`the settings were refused with ${status}`);
    const { body } = await first.call('getSystem');
    await second.services.enforcement.inForce(defaultWorkspaceId);
    await second.services.enforcement.reach(defaultWorkspaceId, body.generation);
  };
  const ask: Capped['ask'] = async (action, more = {}, server = first) =>
    (await server.call('evaluate', { body: { agent: 'planner', action, context: {}, ...more }, token: key })).body;
  return {
    clock,
    servers,
    first,
    second,
    key,
    pool: database.db.pool,
    newDay() {
      clock.advance(48 * 3_600_000);
      sessions += 1;
      return `s-${sessions}`;
    },
    set,
    cap: (...caps) => set({ caps, cost_budget_24h: null, time_zone: 'UTC' }),
    ask,
    async effects(actions, more = {}) {
      const found: string[] = [];
      for (const action of actions) found.push((await ask(action, more)).effect);
      return found;
    },
    held: async (query = {}) => (await first.call('getBudgets', { query })).body,
    report: async (id, body) =>
      (await first.call('reportOutcome', { params: { id }, body: { status: 'success', ...body }, token: key })).status,
    async later(ms) {
      clock.advance(ms);
      await Promise.all(servers.map(({ services }) => services.enforcement.poll()));
    },
    skew(ms) {
      aheadMs = ms;
    },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
      await database.close();
    },
  };
}
