import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase } from '../../database/database.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { rule } from '../bundles/bundles.testkit.js';
import { tickRollouts } from './controller.js';
import { alike, before, hasLooked, hourMs, openYard, type Yard } from './rollouts.testkit.js';
import { placesOf } from './transaction.js';

let database: Awaited<ReturnType<typeof testDatabase>>;
let yard: Yard;
let replica: TestServer;
beforeAll(async () => {
  database = await testDatabase();
  yard = await openYard({ db: database.db });
  replica = await startTestServer({ db: database.db, catalog: 'strict', clock: { now: yard.now } });
});
afterAll(async () => {
  await Promise.all([yard?.close(), replica?.close()]);
  await database?.close();
});

interface Stage {
  readonly stable: number;
  readonly bundle: number;
  readonly rollout: number;
  /** Another bundle, approved for all traffic. */
  readonly next: { readonly bundle: number; readonly approval: number };
}

/** A rollout at 10 % that may go on, whose skip one person has asked for, and another bundle that is ready. */
async function staged(): Promise<Stage> {
  const { id: stable } = await yard.rollOut(before, 100, { supersede: true });
  const { id: next } = await yard.draft(yard.version(), [...before, rule('later', { action: 'apply' })]);
  const approval = await yard.approved(next, { initial_pct: 100 });
  const { id: bundle } = await yard.rollOut(alike, 10);
  const { id: rollout } = await yard.rolloutOf(bundle);
  await yard.db.pool.query(
    `insert into rollout_evidence_delta (rollout_id, step, arm, principal, workspace_id, decisions, failed, mismatched,
       denied, approvals, unmatched, newly_denied, newly_allowed, newly_unmatched, newly_matched, outcomes,
       outcome_errors, cost_count, cost_sum, cost_squares, last_at)
     select $1, 1, arm, 'p' || n, 1, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30, 30, 30, now()
       from unnest(array['stable', 'canary', 'shadow']) arm, generate_series(1, case arm when 'canary' then 10 else 90 end) n`,
    [rollout],
  );
  await skip(yard, rollout, yard.operator);
  yard.advance(24 * hourMs);
  await hasLooked(yard, yard.now());
  return { stable, bundle, rollout, next: { bundle: next, approval: approval.id } };
}

type Call = Pick<TestServer, 'call' | 'services'>;
const skip = (server: Call, rollout: number, token: string) =>
  server.call('skipGate', { token, params: { id: rollout }, body: { target_pct: 100, reason: 'all at once, please' } });

const commands: Readonly<
  Record<string, (server: Call, stage: Stage) => Promise<{ readonly status: number; readonly body: unknown } | number>>
> = {
  promote: (server, { rollout }) =>
    server.call('promoteRollout', { token: yard.operator, params: { id: rollout }, body: {} }),
  skip: (server, { rollout }) => skip(server, rollout, yard.otherOperator),
  pause: (server, { rollout }) => server.call('pauseRollout', { token: yard.operator, params: { id: rollout } }),
  rollback: (server, { rollout }) =>
    server.call('rollbackRollout', {
      token: yard.operator,
      params: { id: rollout },
      body: { reason: 'agents are stuck' },
    }),
  'rollback of stable': (server, { stable }) =>
    server.call('rollbackBundle', {
      token: yard.operator,
      params: { id: stable },
      body: { reason: 'agents are stuck' },
    }),
  supersede: (server, { next }) =>
    server.call('activateBundle', {
      token: yard.operator,
      params: { id: next.bundle },
      body: { approval_id: next.approval, canary_pct: 100, supersede: true },
    }),
  tick: (server) => tickRollouts(server.services, yard.now()),
};

/** What every state has in common, wherever two commands left it. */
async function soundAfter({ bundle }: Stage): Promise<void> {
  const { rows: placed } = await database.db.pool.query<{ id: number; status: string; traffic_pct: number }>(
    `select id, status, traffic_pct from bundle where status in ('active', 'canary', 'shadow') or traffic_pct > 0`,
  );
  const { rows: safe } = await database.db.pool.query<{ safe: boolean }>('select safe from workspace where id = 1');
  const share = placed.reduce((sum, { traffic_pct: pct }) => sum + pct, 0);
  expect(safe[0]?.safe ? [share, placed] : share).toEqual(safe[0]?.safe ? [0, []] : 100);
  const { phase, share_pct: pct } = await yard.rolloutOf(bundle);
  const own = placed.find(({ id }) => id === bundle) ?? { status: 'gone', traffic_pct: 0 };
  const { candidate } = placesOf(phase, pct);
  // What completed may have been followed by something else since.
  if (phase !== 'completed') {
    expect([own.status === 'gone' ? candidate.status : own.status, own.traffic_pct]).toEqual([
      candidate.status,
      candidate.trafficPct,
    ]);
  }
  const { rows } = await database.db.pool.query('select count(*) as count, max(seq) as last from event');
  expect(rows[0].count).toBe(rows[0].last);
}

const names = Object.keys(commands);
const pairs = names.flatMap((one, index) => names.slice(index).map((other) => [one, other] as const));

describe('two people, or a person and the controller, at the same moment', () => {
  it.each(pairs)(
    '%s and %s: each is done or refused with 409, and what is in force stays one thing',
    async (one, other) => {
      const stage = await staged();
      const answers = await Promise.all([commands[one]?.(yard, stage), commands[other]?.(replica, stage)]);
      for (const answer of answers) {
        if (typeof answer === 'object') expect([200, 409], JSON.stringify(answer.body)).toContain(answer.status);
      }
      if (one === 'rollback' || other === 'rollback') {
        // What took its place, or what it stood on, may have ended it first.
        expect((await yard.rolloutOf(stage.bundle)).phase).toMatch(/rolled_back|superseded/);
      }
      await soundAfter(stage);
      for (const server of [yard, replica]) {
        const asked = { agent: 'inbox.triage', action: 'escalate', context: {}, session: 'after' };
        expect((await server.call('evaluate', { body: asked })).status).toBe(200);
      }
    },
  );
});
