import { spawnSync } from 'node:child_process';
import { chmod, chown, lstat, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../packages/server/src/database/connection.js';
import { cleanUp, dataDirNamed, postmasterOf, ServerProcess } from './server-process.testkit.js';

const isRoot = process.getuid?.() === 0;
const log = { info: () => undefined, warn: () => undefined };
/** With and without an entry in /etc/passwd. */
const namedUid = 65_534;
const bareUid = 54_321;

afterEach(() => cleanUp());

async function worksTwice(server: () => ServerProcess): Promise<void> {
  for (let time = 0; time < 2; time += 1) {
    const running = server();
    await running.hears('ready');
    running.tell('write');
    await running.acknowledgesMore(2);
    await running.close();
  }
}

describe('a data folder', () => {
  it.each([
    ['with spaces, quotes, signs of the shell and other alphabets', `it's "my" $HOME;\`x\` & * Daten-ü-データ`],
    ['whose path is longer than a socket address', join('d'.repeat(80), 'e'.repeat(80))],
  ])('%s holds a database', async (_what, name) => {
    const dataDir = await dataDirNamed(name);
    const db = await openDatabase({ dataDir, log });
    try {
      const { rows } = await db.pool.query('select 1 as one');
      expect(rows).toEqual([{ one: 1 }]);
    } finally {
      await db.close();
    }
    expect(await postmasterOf(dataDir)).toBeNull();
  });

  it('is closed to other users', async () => {
    const dataDir = await dataDirNamed('data');
    const db = await openDatabase({ dataDir, log });
    try {
      for (const name of ['', 'postgres', 'postgres/cluster', 'postgres/cluster/.s.PGSQL.5432', 'postgres/password']) {
        const { mode } = await lstat(join(dataDir, name));
        expect([name, mode & 0o077]).toEqual([name, 0]);
      }
      const guess = new pg.Client({ ...db.connectionConfig, password: 'guess' });
      await expect(guess.connect()).rejects.toMatchObject({ code: '28P01' });
      const { rows } = await db.pool.query(
        "select current_setting('listen_addresses') as tcp, current_setting('is_superuser') as super",
      );
      expect(rows).toEqual([{ tcp: '', super: 'off' }]);
    } finally {
      await db.close();
    }
  });
});

describe.skipIf(!isRoot)('as root (skipped without)', () => {
  it('keeps the data in a folder that only root may enter, under a user of its own', async () => {
    const dataDir = await dataDirNamed('private/data');
    await mkdir(dirname(dataDir), { mode: 0o700 });
    const db = await openDatabase({ dataDir, log });
    try {
      await db.pool.query('create table t as select 1');
      const pid = await postmasterOf(dataDir);
      const { uid } = await stat(`/proc/${pid}`);
      expect(uid).not.toBe(0);
      expect((await stat(join(dataDir, 'postgres/cluster'))).uid).toBe(uid);
      expect((await stat(join(dataDir, 'postgres/password'))).uid).toBe(0);
      expect((await stat(dirname(dataDir))).mode & 0o777).toBe(0o700);
    } finally {
      await db.close();
    }
  });

  it('works without the right to look into other users’ processes, as in a container', async () => {
    const dataDir = await dataDirNamed('data');
    const script = fileURLToPath(new URL('./server.child.testkit.ts', import.meta.url));
    const argument = JSON.stringify({ dataDir });
    const limited = ['--bounding-set', '-sys_ptrace,-sys_admin', '--', process.execPath];
    for (const time of ['first', 'second']) {
      const { stdout, stderr } = spawnSync(
        'setpriv',
        [...limited, '--conditions=source', '--import', 'tsx', script, argument],
        { input: 'close\n', encoding: 'utf8' },
      );
      expect([time, stdout, stderr]).toEqual([time, expect.stringMatching(/ready \d+\n(.*\n)*closed \d+/), '']);
      expect(await postmasterOf(dataDir)).toBeNull();
    }
  });

  it('takes over a cluster that was restored as root', async () => {
    const dataDir = await dataDirNamed('data');
    await (await openDatabase({ dataDir, log })).close();
    expect(spawnSync('chown', ['-R', '0:0', dataDir]).status).toBe(0);
    const db = await openDatabase({ dataDir, log });
    await db.close();
    expect((await stat(join(dataDir, 'postgres/cluster'))).uid).not.toBe(0);
  });
});

describe.skipIf(!isRoot)('as an ordinary user (skipped without root, who alone can become one)', () => {
  async function folderOf(uid: number): Promise<string> {
    const dataDir = await dataDirNamed('data');
    await chown(dirname(dataDir), uid, uid);
    await chmod(dirname(dataDir), 0o755);
    return dataDir;
  }

  it.each([
    ['with a name', namedUid],
    ['that is a bare number', bareUid],
  ])('%s runs everything as that user', async (what, uid) => {
    if (
      uid === bareUid &&
      spawnSync('unshare', ['--user', '--map-user=65534', 'true'], { uid, gid: uid }).status !== 0
    ) {
      console.warn(`skipped: a user ${what} needs user namespaces, which this machine refuses`);
      return;
    }
    const dataDir = await folderOf(uid);
    await worksTwice(() => new ServerProcess(dataDir, { uid }));
    expect((await stat(join(dataDir, 'postgres/cluster'))).uid).toBe(uid);
    expect((await stat(join(dataDir, 'postgres/postgres.log'))).uid).toBe(uid);
  });

  it('is told in one line that the folder belongs to somebody else', async () => {
    const dataDir = await folderOf(bareUid);
    await mkdir(dataDir, { mode: 0o755 });
    const server = new ServerProcess(dataDir, { uid: namedUid });
    expect(await server.hears('refused')).toMatch(/^data_dir_unusable `.*` cannot be written by this user/);
    expect(server.lines).toHaveLength(1);
  });

  it('is told in one line that the database belongs to somebody else', async () => {
    const dataDir = await folderOf(namedUid);
    await (await openDatabase({ dataDir, log })).close();
    for (const name of ['', '.postgres-locks', 'postgres']) await chown(join(dataDir, name), namedUid, namedUid);
    const server = new ServerProcess(dataDir, { uid: namedUid });
    expect(await server.hears('refused')).toMatch(/^data_dir_unusable `.*cluster` belongs to uid \d+/);
  });

  it('cannot use the database of another', async () => {
    const dataDir = await folderOf(namedUid);
    const server = new ServerProcess(dataDir, { uid: namedUid });
    await server.hears('ready');
    const connect = `require('node:net').connect(${JSON.stringify(join(dataDir, 'postgres/cluster/.s.PGSQL.5432'))}).on('error', (e) => { console.log(e.code) })`;
    const { stdout } = spawnSync(process.execPath, ['-e', connect], {
      uid: bareUid,
      gid: bareUid,
      encoding: 'utf8',
      cwd: '/',
    });
    expect(stdout.trim()).toBe('EACCES');
    await server.close();
  });
});
