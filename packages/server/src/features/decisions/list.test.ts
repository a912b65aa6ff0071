import type { DecisionRecord } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { putInForce, steppingClock } from './in-force.testkit.js';
import { ensurePartitionsAhead } from './partitions.js';
import { scanRows } from './queries.js';

const clock = steppingClock('2026-03-01T00:00:00Z');
let server: TestServer;
let bundleId: number;
beforeAll(async () => {
  server = await startTestServer({ clock });
  ({ bundleId } = await putInForce(server, {
    rules: [
      { id: 'yes', agent: 'a', action: '*', effect: 'allow', reason: 'fine' },
      { id: 'ask', agent: 'b', action: '*', effect: 'needs_approval', reason: 'ask' },
    ],
  }));
  for (let index = 0; index < 30; index += 1) {
    await server.call('evaluate', {
      body: {
        agent: ['a', 'b', 'c'][index % 3],
        action: `act-${index % 2}`,
        context: { index },
        ...(index % 5 ? {} : { session: 's' }),
      },
    });
    clock.advance(60_000);
    await server.services.enforcement.poll();
  }
});
afterAll(() => server.close());

const list = async (query: object) => (await server.call('listDecisions', { query })).body;
const indexes = (records: readonly DecisionRecord[]) => records.map(({ context }) => context.index);
const upTo = (end: number) => Array.from({ length: end }, (_, index) => index).reverse();

describe('the list of decisions', () => {
  it('is newest first and pages by cursor without gap or repetition', async () => {
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof list>> = await list({ limit: 7, ...(cursor ? { cursor } : {}) });
      expect(page.decisions.length).toBeLessThanOrEqual(7);
      seen.push(...indexes(page.decisions));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toEqual(upTo(30));
  });

  it.each([
    [{ effect: 'allow' }, (index: number) => index % 3 === 0],
    [{ rule: 'ask' }, (index: number) => index % 3 === 1],
    [{ agent: 'c', action: 'act-0' }, (index: number) => index % 3 === 2 && index % 2 === 0],
    [{ session: 's', effect: 'allow' }, (index: number) => index % 15 === 0],
    [{ arm: 'canary' }, () => false],
    [{ from: '2026-03-01T00:10:00Z', to: '2026-03-01T00:20:00Z' }, (index: number) => index >= 10 && index < 20],
    [{ from: '2026-03-01T01:10:00+01:00', agent: 'a' }, (index: number) => index >= 10 && index % 3 === 0],
  ])('filters by %o', async (query, fits) => {
    const { decisions, next_cursor } = await list({ ...query, limit: 200 });
    expect(indexes(decisions)).toEqual(upTo(30).filter(fits));
    expect(next_cursor).toBeNull();
  });

  it('filters by bundle and by outcome', async () => {
    expect((await list({ bundle_id: bundleId, limit: 200 })).decisions).toHaveLength(30);
    expect((await list({ bundle_id: bundleId + 1 })).decisions).toEqual([]);
    const [one, two] = (await list({ limit: 2 })).decisions as [DecisionRecord, DecisionRecord];
    await server.call('reportOutcome', {
      params: { id: one.decision_id },
      body: { status: 'error', message: 'broke' },
    });
    await server.call('reportOutcome', { params: { id: two.decision_id }, body: { status: 'success' } });
    expect((await list({ status: 'error' })).decisions.map(({ decision_id }) => decision_id)).toEqual([
      one.decision_id,
    ]);
    expect((await list({ status: 'success' })).decisions.map(({ decision_id }) => decision_id)).toEqual([
      two.decision_id,
    ]);
  });

  it('refuses a cursor that is none and a time that does not exist', async () => {
    for (const query of [{ cursor: 'x' }, { from: '2016-12-31T23:59:60Z' }, { from: 'yesterday' }]) {
      expect((await server.call('listDecisions', { query: query as never })).status).toBe(422);
    }
  });

  it('looks at a bounded number of records a page and says where it stopped', async () => {
    await ensurePartitionsAhead(server.db.pool, 0, 1);
    await server.db.pool.query(
      `insert into decision select 1, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, generation, bundle_id, arm,
         case when n = 1 then 'rare' else agent end, action, null, key_id, owner, null, effect, policy_effect, rule_id, failed,
         source, reserved, day, context, detail from (select * from decision limit 1) d, generate_series(1, ${scanRows + 10}) n`,
    );
    const empty = await list({ agent: 'rare' });
    expect(empty.decisions).toEqual([]);
    expect(empty.next_cursor).not.toBeNull();
    const found = await list({ agent: 'rare', cursor: empty.next_cursor });
    expect(found.decisions).toHaveLength(1);
    expect(found.next_cursor).toBeNull();
  });
});
