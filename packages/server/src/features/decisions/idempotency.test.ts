import type { Decision } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { putInForce } from './in-force.testkit.js';

let database: TestDatabase;
let servers: TestServer[];
let token: string;
beforeAll(async () => {
  database = await testDatabase();
  servers = await Promise.all([startTestServer({ db: database.db }), startTestServer({ db: database.db })]);
  await putInForce(first(), { rules: [{ id: 'yes', agent: '*', action: '*', effect: 'allow', reason: 'fine' }] });
  token = await first().createKey('agent');
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await database.close();
});

const first = (): TestServer => servers[0] as TestServer;
const ask = (body: object, server = first(), as = token) =>
  server.call('evaluate', { token: as, body: { agent: 'a', action: 'b', context: {}, ...body } });
const stored = async (requestId: string): Promise<string[]> =>
  (await database.db.pool.query('select id from decision where request_id = $1', [requestId])).rows.map(({ id }) => id);

describe('a request_id', () => {
  it('answers the stored decision when it is repeated, on every replica', async () => {
    const { body } = await ask({ request_id: 'r1', context: { b: 1, a: 2 } });
    for (const server of servers) {
      const again = await ask({ request_id: 'r1', context: { a: 2, b: 1 } }, server);
      expect(again.body).toEqual(body);
    }
    expect(await stored('r1')).toEqual([body.decision_id]);
  });

  it('is refused with another action, context or session, and the same but for facts is no other', async () => {
    await ask({ request_id: 'r2', context: { a: 1 } });
    for (const other of [{ action: 'c' }, { context: { a: 2 } }, { session: 's' }]) {
      const { status, problem } = await ask({ request_id: 'r2', context: { a: 1 }, ...other });
      expect([status, problem.code]).toEqual([409, 'request_id_reused']);
    }
    expect((await ask({ request_id: 'r2', context: { a: 1, current_hour: 3 } })).status).toBe(200);
  });

  it('belongs to its key: another key, and the bootstrap token, may use the same', async () => {
    const other = await first().createKey('agent');
    const ids = await Promise.all(
      [token, other, first().adminToken].map(
        async (as) => (await ask({ request_id: 'r3' }, first(), as)).body.decision_id,
      ),
    );
    expect(new Set(ids).size).toBe(3);
    const again = await ask({ request_id: 'r3' }, first(), first().adminToken);
    expect(again.body.decision_id).toBe(ids[2]);
  });

  it('is refused once the policy changed, so that an old allow does not outlive a rollback', async () => {
    await ask({ request_id: 'r4' });
    await putInForce(first(), {
      rules: [{ id: 'yes', agent: '*', action: '*', effect: 'allow', reason: 'still fine' }],
    });
    const { status, problem } = await ask({ request_id: 'r4' });
    expect([status, problem.code]).toEqual([409, 'request_id_superseded']);
  });

  it('answers its other places in a batch with the first one', async () => {
    const request = { agent: 'a', action: 'b', context: {}, request_id: 'r5' };
    const { body } = await first().call('evaluateBatch', {
      token,
      body: { requests: [request, { ...request, action: 'c' }, request, { ...request, request_id: 'r5b' }] },
    });
    const [one, reused, again, other] = body.decisions as [Decision, { error: { code: string } }, Decision, Decision];
    expect(again).toEqual(one);
    expect(reused.error.code).toBe('request_id_reused');
    expect(other.decision_id).not.toBe(one.decision_id);
    expect(await stored('r5')).toEqual([one.decision_id]);
  });

  it('has one decision, and one answer, however many ask at once on two servers', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `race-${index}`);
    const answers = await Promise.all(
      Array.from({ length: 400 }, async (_, index) => {
        const requestId = names[index % names.length] as string;
        const server = servers[(index >> 3) % 2] as TestServer;
        const { status, body } = await ask({ request_id: requestId }, server);
        expect(status).toBe(200);
        return { requestId, body };
      }),
    );
    for (const name of names) {
      const told = new Set(
        answers.filter(({ requestId }) => requestId === name).map(({ body }) => JSON.stringify(body)),
      );
      expect(told.size).toBe(1);
      expect(await stored(name)).toEqual([(JSON.parse([...told][0] as string) as Decision).decision_id]);
    }
  });
});
