import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../packages/server/src/database/database.testkit.js';
import { type SeverableDatabase, severable } from '../../packages/server/src/database/severable.testkit.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: () => Promise<boolean>, withinMs: number): Promise<number> {
  const started = Date.now();
  while (!(await what())) {
    if (Date.now() - started > withinMs) throw new Error(`not within ${withinMs} ms`);
    await sleep(20);
  }
  return Date.now() - started;
}

let database: TestDatabase;
let near: TestServer;
beforeAll(async () => {
  database = await testDatabase();
  near = await startTestServer({ db: database.db });
});
afterAll(async () => {
  await near?.close();
  await database?.close();
});

const status = async (server: TestServer, token: string) => (await server.call('whoami', { token })).status;
const idOf = async (server: TestServer, token: string) =>
  (await server.call('whoami', { token })).body.key_id as number;

describe('a key revoked on one server', () => {
  it('is refused by another within a second, though that one knew it', async () => {
    const far = await startTestServer({ db: database.db });
    try {
      const key = await near.createKey('viewer');
      const id = await idOf(near, key);
      expect(await status(far, key)).toBe(200);
      await near.call('revokeApiKey', { params: { id } });
      expect(await until(async () => (await status(far, key)) === 401, 1_000)).toBeLessThan(1_000);
    } finally {
      await far.close();
    }
  });

  it('is refused by one whose listening connection was cut and came back meanwhile', async () => {
    const wire = await severable(database.db);
    const far = await startTestServer({ db: wire.db });
    try {
      const key = await near.createKey('viewer');
      const id = await idOf(near, key);
      expect(await status(far, key)).toBe(200);
      await wire.sever();
      await near.call('revokeApiKey', { params: { id } });
      await wire.restore();
      await until(async () => far.services.listener.connected, 5_000);
      expect(await status(far, key)).toBe(401);
    } finally {
      await far.close();
      await wire.close();
    }
  });
});

describe('while the database is away', () => {
  let wire: SeverableDatabase;
  let far: TestServer;
  let nowMs = Date.now();
  beforeAll(async () => {
    wire = await severable(database.db);
    far = await startTestServer({ db: wire.db, clock: { now: () => new Date(nowMs) } });
  });
  afterAll(async () => {
    await far?.close();
    await wire?.close();
  });

  it('trusts a key seen before for five minutes, answers 503 to what needs the database, and comes back by itself', async () => {
    const key = await near.createKey('viewer');
    const unseen = await near.createKey('viewer');
    expect(await status(far, key)).toBe(200);
    await wire.sever();
    await until(async () => !far.services.listener.connected, 2_000);
    expect(await status(far, key)).toBe(200);
    const list = await far.call('listAudit', { token: key });
    expect([list.status, list.problem.code]).toEqual([503, 'database_unavailable']);
    expect(Number(list.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await status(far, unseen)).toBe(503);
    nowMs += 4 * 60_000;
    expect(await status(far, key)).toBe(200);
    nowMs += 61_000;
    expect(await status(far, key)).toBe(503);
    await wire.restore();
    await until(async () => (await status(far, key)) === 200, 5_000);
    expect(await status(far, unseen)).toBe(200);
  });

  it('is alive and degraded, for it still decides by what was last in force', async () => {
    expect(await (await fetch(`${far.url}/readyz`)).json()).toEqual({ status: 'ready', database: 'ok' });
    await wire.sever();
    expect((await fetch(`${far.url}/healthz`)).status).toBe(200);
    await until(async () => (await (await fetch(`${far.url}/readyz`)).json()).status === 'degraded', 2_000);
    const { body } = await far.call('getSystem');
    expect(body).toMatchObject({ database: 'away', bundle: null, default_effect: 'deny' });
    await wire.restore();
    await until(async () => (await (await fetch(`${far.url}/readyz`)).json()).status === 'ready', 5_000);
  });
});
