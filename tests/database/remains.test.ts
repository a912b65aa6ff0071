import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../packages/server/src/database/connection.js';
import { cleanUp, copyDataDir, dataDirNamed, postmasterOf } from './server-process.testkit.js';

const log = { info: () => undefined, warn: () => undefined };
let dataDir: string;

const open = (folder = dataDir): Promise<Database> => openDatabase({ dataDir: folder, log });

let original: string;

beforeAll(async () => {
  original = await mkdtemp(join(tmpdir(), 'policy-studio-original-'));
  await (await open(original)).close();
});
afterAll(() => rm(original, { recursive: true, force: true }));

beforeEach(async () => {
  dataDir = await dataDirNamed('data');
  copyDataDir(original, dataDir);
});
afterEach(() => cleanUp());

const cluster = (name: string): string => join(dataDir, 'postgres/cluster', name);

/** A stopped database with a row and with the `postmaster.pid` of a postmaster that is gone. */
async function stoppedWithPidFile(): Promise<void> {
  const db = await open();
  await db.pool.query('create table kept as select 1 as n');
  const pidFile = await readFile(cluster('postmaster.pid'), 'utf8');
  await db.close();
  await writeFile(cluster('postmaster.pid'), pidFile);
}

async function expectKept(): Promise<void> {
  const db = await open();
  try {
    expect((await db.pool.query('select n from kept')).rows).toEqual([{ n: 1 }]);
  } finally {
    await db.close();
  }
}

describe('a postmaster.pid left behind', () => {
  it('with a pid that another program has now does not stop the start', async () => {
    await stoppedWithPidFile();
    const owner = await stat(cluster('PG_VERSION'));
    // The same user, which is the case in which PostgreSQL itself gives up.
    const other = spawn('sleep', ['60'], { uid: owner.uid, gid: owner.gid, cwd: '/' });
    const lines = (await readFile(cluster('postmaster.pid'), 'utf8')).split('\n');
    const stale = [String(other.pid), ...lines.slice(1)].join('\n');
    await writeFile(cluster('postmaster.pid'), stale);
    await writeFile(cluster('.s.PGSQL.5432.lock'), stale);
    try {
      await expectKept();
      expect(other.exitCode).toBeNull();
      expect(other.signalCode).toBeNull();
    } finally {
      other.kill();
      await once(other, 'exit');
    }
  });

  it.each(['', '-1\n'])('that reads %j does not stop the start', async (text) => {
    await stoppedWithPidFile();
    await writeFile(cluster('postmaster.pid'), text);
    await expectKept();
  });
});

describe('a start', () => {
  it('clears away what an interrupted one was making', async () => {
    await rename(join(dataDir, 'postgres'), join(dataDir, '.postgres-new-abc'));
    await (await open()).close();
    expect((await readdir(dataDir)).sort()).toEqual(['.postgres-locks', 'postgres']);
  });

  it.each([
    [
      'of another major version',
      'version_mismatch',
      () => writeFile(cluster('PG_VERSION'), '17\n'),
      /made by PostgreSQL 17, but this program brings 18/,
    ],
    [
      'without its password',
      'cluster_damaged',
      () => rm(join(dataDir, 'postgres/password')),
      /holds no whole database \(password is missing\)/,
    ],
    [
      'without its files',
      'cluster_damaged',
      () => rm(join(dataDir, 'postgres/cluster'), { recursive: true }),
      /holds no whole database/,
    ],
    [
      'with another password',
      'access_denied',
      () => writeFile(join(dataDir, 'postgres/password'), 'other'),
      /does not accept the password/,
    ],
    [
      'with a broken control file',
      'start_failed',
      () => writeFile(cluster('global/pg_control'), 'x'),
      /did not start \(.*pg_control.*\)/,
    ],
  ])('on a database %s says so in one line and changes nothing', async (_what, code, damage, message) => {
    await damage();
    await expect(open()).rejects.toMatchObject({
      name: 'DatabaseStartError',
      code,
      message: expect.stringMatching(message),
    });
    await expect(open()).rejects.toMatchObject({ code, message: expect.not.stringContaining('\n') });
  });
});

describe('a server', () => {
  it('whose data folder vanishes does not begin an empty one', async () => {
    const db = await open();
    const pid = await postmasterOf(dataDir);
    await rename(join(dataDir, 'postgres'), join(dataDir, 'moved'));
    process.kill(pid ?? 0, 'SIGKILL');
    await expect.poll(() => db.pool.query('select 1').catch((error: Error) => error.message)).toMatch(/ENOENT/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await readdir(dataDir)).not.toContain('postgres');
    await rename(join(dataDir, 'moved'), join(dataDir, 'postgres'));
    await expect
      .poll(
        () =>
          db.pool.query('select 1').then(
            ({ rowCount }) => rowCount,
            () => 0,
          ),
        { timeout: 10_000 },
      )
      .toBe(1);
    await db.close();
  });
});
