import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../packages/server/src/database/connection.js';
import { cleanUp, dataDirNamed, postmasterOf, ServerProcess } from './server-process.testkit.js';

const rounds = process.env.FULL === '1' ? 15 : 2;
const rowsBetweenKills = 40;
const log = { info: () => undefined, warn: () => undefined };

afterEach(() => cleanUp());

async function livePostmaster(dataDir: string): Promise<number> {
  const pid = await postmasterOf(dataDir);
  if (pid === null) throw new Error('no postmaster runs');
  return pid;
}

async function storedRows(dataDir: string): Promise<Set<string>> {
  const db = await openDatabase({ dataDir, log });
  try {
    const { rows } = await db.pool.query<{ id: string }>('select id from ack');
    return new Set(rows.map(({ id }) => id));
  } finally {
    await db.close();
  }
}

async function expectAllStored(dataDir: string, acknowledged: readonly string[]): Promise<void> {
  expect(acknowledged.length).toBeGreaterThanOrEqual(rounds * rowsBetweenKills);
  const stored = await storedRows(dataDir);
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
}

describe('no acknowledged row is missing', { timeout: 240_000 }, () => {
  it('after kill -9 of the server: the next one attaches to the database left behind', async () => {
    const dataDir = await dataDirNamed('data');
    const acknowledged: string[] = [];
    let postmaster: number | null = null;
    for (let round = 0; round < rounds; round += 1) {
      const server = new ServerProcess(dataDir);
      await server.hears('ready');
      postmaster ??= await livePostmaster(dataDir);
      expect(await livePostmaster(dataDir)).toBe(postmaster);
      server.tell('write');
      await server.acknowledgesMore(rowsBetweenKills);
      await server.kill();
      acknowledged.push(...server.acknowledged);
    }
    await expectAllStored(dataDir, acknowledged);
    expect(await postmasterOf(dataDir)).toBeNull();
  });

  it('after kill -9 of the database: the server restarts it and its pool recovers', async () => {
    const dataDir = await dataDirNamed('data');
    const server = new ServerProcess(dataDir);
    await server.hears('ready');
    server.tell('write');
    for (let round = 0; round < rounds; round += 1) {
      await server.acknowledgesMore(rowsBetweenKills);
      const killed = await livePostmaster(dataDir);
      const said = server.lines.length;
      process.kill(killed, 'SIGKILL');
      await server.hears('log the embedded database is back', { from: said });
      await server.acknowledgesMore(1);
      expect(await livePostmaster(dataDir)).not.toBe(killed);
    }
    await server.kill();
    await expectAllStored(dataDir, server.acknowledged);
  });

  it('after kill -9 of both: the next start recovers', async () => {
    const dataDir = await dataDirNamed('data');
    const acknowledged: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const server = new ServerProcess(dataDir);
      await server.hears('ready');
      server.tell('write');
      await server.acknowledgesMore(rowsBetweenKills);
      const postmaster = await livePostmaster(dataDir);
      // Both orders happen: the server sees its database die, or the database outlives it for a moment.
      if (round % 2 === 0) {
        process.kill(postmaster, 'SIGKILL');
        await server.kill();
      } else {
        await server.kill();
        process.kill(postmaster, 'SIGKILL');
      }
      acknowledged.push(...server.acknowledged);
    }
    await expectAllStored(dataDir, acknowledged);
  });

  it('after kill -9 of a server while it makes the database: the next start makes it anew', async () => {
    const dataDir = await dataDirNamed('data');
    for (const delayMs of process.env.FULL === '1' ? [250, 300, 350, 400, 450, 500, 600, 700] : [350, 500]) {
      const server = new ServerProcess(dataDir);
      await sleep(delayMs);
      await server.kill();
    }
    const server = new ServerProcess(dataDir);
    await server.hears('ready');
    server.tell('write');
    await server.acknowledgesMore(1);
    await server.close();
  });
});

describe('one kill of a backend', () => {
  it('makes PostgreSQL restart its sessions, and the pool recovers', async () => {
    const dataDir = await dataDirNamed('data');
    const db = await openDatabase({ dataDir, log });
    try {
      const { rows } = await db.pool.query<{ pid: number }>('select pg_backend_pid() as pid');
      const postmaster = await livePostmaster(dataDir);
      process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
      const deadline = Date.now() + 15_000;
      let answer: unknown;
      while (answer === undefined && Date.now() < deadline) {
        answer = await db.pool.query('select 1').catch(() => sleep(20));
      }
      expect(answer).toBeDefined();
      expect(await livePostmaster(dataDir)).toBe(postmaster);
    } finally {
      await db.close();
    }
    expect(await postmasterOf(dataDir)).toBeNull();
  });
});
