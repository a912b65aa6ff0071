import { createServer, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, databaseOver } from '../../packages/server/src/database/connection.js';
import { type TestDatabase, testDatabase } from '../../packages/server/src/database/database.testkit.js';
import { valueTypes } from '../../packages/server/src/database/value-types.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

const quiet = { info: () => undefined, warn: () => undefined };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: () => Promise<boolean>, withinMs: number): Promise<number> {
  const started = Date.now();
  while (!(await what())) {
    if (Date.now() - started > withinMs) throw new Error(`not within ${withinMs} ms`);
    await sleep(20);
  }
  return Date.now() - started;
}

/** A wire to the database that can be cut. */
async function cuttable(config: pg.ClientConfig) {
  const sockets = new Set<Socket>();
  let cut = false;
  const target = new pg.Client(config);
  const socketPath = `${target.host}/.s.PGSQL.${target.port}`;
  const { connect } = await import('node:net');
  const proxy = createServer((socket) => {
    if (cut) {
      socket.destroy();
      return;
    }
    const upstream = connect(socketPath);
    for (const end of [socket, upstream]) {
      sockets.add(end);
      end.on('error', () => undefined);
      end.on('close', () => sockets.delete(end));
    }
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  return {
    db: databaseOver({ ...config, host: '127.0.0.1', port, types: valueTypes }, 'external', quiet),
    cut() {
      cut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      cut = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
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
    const wire = await cuttable(database.db.connectionConfig);
    const far = await startTestServer({ db: wire.db });
    try {
      const key = await near.createKey('viewer');
      const id = await idOf(near, key);
      expect(await status(far, key)).toBe(200);
      wire.cut();
      await near.call('revokeApiKey', { params: { id } });
      wire.mend();
      await until(async () => far.services.listener.connected, 5_000);
      expect(await status(far, key)).toBe(401);
    } finally {
      await far.close();
      await wire.db.close();
      await wire.close();
    }
  });
});

describe('while the database is away', () => {
  let wire: Awaited<ReturnType<typeof cuttable>>;
  let far: TestServer;
  let db: Database;
  let nowMs = Date.now();
  beforeAll(async () => {
    wire = await cuttable(database.db.connectionConfig);
    db = wire.db;
    far = await startTestServer({ db, clock: { now: () => new Date(nowMs) } });
  });
  afterAll(async () => {
    wire.mend();
    await far?.close();
    await db?.close();
    await wire?.close();
  });

  it('trusts a key seen before for five minutes, answers 503 to what needs the database, and comes back by itself', async () => {
    const key = await near.createKey('viewer');
    const unseen = await near.createKey('viewer');
    expect(await status(far, key)).toBe(200);
    wire.cut();
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
    wire.mend();
    await until(async () => (await status(far, key)) === 200, 5_000);
    expect(await status(far, unseen)).toBe(200);
  });

  it('is alive and degraded, for it still decides by what was last in force', async () => {
    expect(await (await fetch(`${far.url}/readyz`)).json()).toEqual({ status: 'ready', database: 'ok' });
    wire.cut();
    expect((await fetch(`${far.url}/healthz`)).status).toBe(200);
    await until(async () => (await (await fetch(`${far.url}/readyz`)).json()).status === 'degraded', 2_000);
    const { body } = await far.call('getSystem');
    expect(body).toMatchObject({ database: 'away', bundle: null, default_effect: 'deny' });
    wire.mend();
    await until(async () => (await (await fetch(`${far.url}/readyz`)).json()).status === 'ready', 5_000);
  });
});
