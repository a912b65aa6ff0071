import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { cleanUp, dataDirNamed, postmasterOf, ServerProcess } from './server-process.testkit.js';

afterEach(() => cleanUp());

const rowsSeenBy = async (server: ServerProcess): Promise<number> => {
  const from = server.lines.length;
  server.tell('count');
  return Number(await server.hears('has', { from }));
};

describe('several servers on one folder', () => {
  it('started at once on nothing make one database', async () => {
    const dataDir = await dataDirNamed('data');
    const servers = [1, 2, 3].map(() => new ServerProcess(dataDir));
    await Promise.all(servers.map((server) => server.hears('ready')));
    const [first, ...others] = servers;
    first?.tell('write');
    await first?.acknowledgesMore(5);
    for (const other of others) expect(await rowsSeenBy(other)).toBeGreaterThanOrEqual(5);
    expect((await readdir(dataDir)).filter((name) => name.includes('postgres')).sort()).toEqual([
      '.postgres-locks',
      'postgres',
    ]);
    await Promise.all(servers.map((server) => server.close()));
    expect(await postmasterOf(dataDir)).toBeNull();
    expect(await readdir(`${dataDir}/.postgres-locks`)).toEqual([]);
  });

  it('keep the database while one of them is left, whoever started it', async () => {
    const dataDir = await dataDirNamed('data');
    const starter = new ServerProcess(dataDir);
    await starter.hears('ready');
    const postmaster = await postmasterOf(dataDir);
    const attached = new ServerProcess(dataDir);
    await attached.hears('ready');
    expect(await postmasterOf(dataDir)).toBe(postmaster);

    await starter.close();
    expect(await postmasterOf(dataDir)).toBe(postmaster);
    attached.tell('write');
    await attached.acknowledgesMore(3);

    await attached.close();
    expect(await postmasterOf(dataDir)).toBeNull();
  });

  it('do not wait for one that was killed', async () => {
    const dataDir = await dataDirNamed('data');
    const [killed, last] = [new ServerProcess(dataDir), new ServerProcess(dataDir)];
    await Promise.all([killed.hears('ready'), last.hears('ready')]);
    await killed.kill();
    await last.close();
    expect(await postmasterOf(dataDir)).toBeNull();
  });

  it('coming and going at random never meet a database that is being stopped', { timeout: 60_000 }, async () => {
    const dataDir = await dataDirNamed('data');
    const visit = async (delayMs: number): Promise<void> => {
      await sleep(delayMs);
      const server = new ServerProcess(dataDir);
      await server.hears('ready');
      expect(await rowsSeenBy(server)).toBe(0);
      await server.close();
    };
    const visits = process.env.FULL === '1' ? 24 : 6;
    await Promise.all(Array.from({ length: visits }, (_, n) => visit(n * 137)));
    expect(await postmasterOf(dataDir)).toBeNull();
  });

  it('each restart the database when it is killed, and meet in one', async () => {
    const dataDir = await dataDirNamed('data');
    const servers = [new ServerProcess(dataDir), new ServerProcess(dataDir)];
    await Promise.all(servers.map((server) => server.hears('ready')));
    const postmaster = await postmasterOf(dataDir);
    process.kill(postmaster ?? 0, 'SIGKILL');
    await Promise.all(
      servers.map(async (server) => {
        server.tell('write');
        await server.acknowledgesMore(3);
      }),
    );
    const [first, second] = servers;
    await first?.close();
    await second?.acknowledgesMore(3);
    await second?.close();
    expect(await postmasterOf(dataDir)).toBeNull();
  });
});
