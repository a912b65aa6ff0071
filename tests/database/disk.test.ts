import { spawnSync } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../packages/server/src/database/connection.js';
import { cleanUp, postmasterOf, ServerProcess, temporaryFolder } from './server-process.testkit.js';

const isRoot = process.getuid?.() === 0;
const log = { info: () => undefined, warn: () => undefined };
const dataDirs: string[] = [];
const mounts: string[] = [];

const mount = (...args: string[]): boolean => spawnSync('mount', args).status === 0;
const canMount = isRoot && spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

afterEach(async () => {
  await cleanUpDatabases();
  for (const path of mounts.splice(0)) spawnSync('umount', ['-l', path]);
  await cleanUp();
});

/** The postmasters first: a mount in use does not go away. */
async function cleanUpDatabases(): Promise<void> {
  for (const dataDir of dataDirs.splice(0)) {
    const pid = await postmasterOf(dataDir);
    if (pid !== null) process.kill(pid, 'SIGQUIT');
  }
}

async function smallDisk(megabytes: number): Promise<{ disk: string; dataDir: string }> {
  const disk = await temporaryFolder('disk');
  await mkdir(disk);
  if (!mount('-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', disk)) throw new Error('cannot mount');
  mounts.push(disk);
  const dataDir = join(disk, 'data');
  dataDirs.push(dataDir);
  return { disk, dataDir };
}

/** Everything that is left, as a program that fills its disk would take it. */
const fill = (disk: string): void => {
  spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'ballast')}`, 'bs=64k']);
};

const refusal = (dataDir: string): Promise<unknown> =>
  openDatabase({ dataDir, log }).then(
    async (db) => {
      await db.close();
      return 'opened';
    },
    (error: unknown) => error,
  );

describe.skipIf(!canMount)('a disk (skipped where no test disk can be mounted)', () => {
  it('too small for a database is reported as full, and nothing half made is left', async () => {
    const { dataDir } = await smallDisk(24);
    expect(await refusal(dataDir)).toMatchObject({
      code: 'disk_full',
      message: expect.stringMatching(/^the disk that holds `.*` is full; free/),
    });
    expect(spawnSync('ls', ['-A', dataDir], { encoding: 'utf8' }).stdout.trim()).toBe('.postgres-locks');
  });

  it('that is full stops a start with one line, and the start after some space was freed works', async () => {
    const { disk, dataDir } = await smallDisk(160);
    await (await openDatabase({ dataDir, log })).close();
    fill(disk);
    expect(await refusal(dataDir)).toMatchObject({ code: 'disk_full', message: expect.not.stringContaining('\n') });
    await rm(join(disk, 'ballast'));
    expect(await refusal(dataDir)).toBe('opened');
  });

  it('that fills up while the server runs stops the database, which comes back with every acknowledged row', async () => {
    const { disk, dataDir } = await smallDisk(160);
    const server = new ServerProcess(dataDir);
    await server.hears('ready');
    server.tell('write');
    await server.acknowledgesMore(20);
    const hog = await openDatabase({ dataDir, log });
    fill(disk);
    // Nothing but log: it stops PostgreSQL when there is no room for the next piece of it.
    const flood = "select pg_logical_emit_message(true, 'flood', repeat('x', 1000000)) from generate_series(1, 40)";
    await expect(hog.pool.query(flood)).rejects.toThrow();
    await server.hears('log the embedded database went away;');
    expect(server.lines.filter((line) => line.startsWith('refused'))).toEqual([]);
    await rm(join(disk, 'ballast'));
    await server.acknowledgesMore(20);
    const seen = server.acknowledged;
    const { rows } = await hog.pool.query<{ id: string }>('select id from ack');
    const stored = new Set(rows.map(({ id }) => id));
    await hog.close();
    await server.kill();
    expect(seen.filter((id) => !stored.has(id))).toEqual([]);
  });

  it('mounted read-only stops a start with one line', async () => {
    const { disk, dataDir } = await smallDisk(160);
    await (await openDatabase({ dataDir, log })).close();
    mount('-o', 'remount,ro', disk);
    expect(await refusal(dataDir)).toMatchObject({
      code: 'data_dir_unusable',
      message: expect.stringMatching(/is read-only; set DATA_DIR/),
    });
    expect(await refusal(join(disk, 'other'))).toMatchObject({ code: 'data_dir_unusable' });
  });
});

describe('a data folder', () => {
  it('that is a file stops a start with one line', async () => {
    const dataDir = await temporaryFolder('file');
    await writeFile(dataDir, '');
    expect(await refusal(dataDir)).toMatchObject({
      code: 'data_dir_unusable',
      message: expect.stringMatching(/is not a folder/),
    });
    expect(await refusal(join(dataDir, 'below'))).toMatchObject({ code: 'data_dir_unusable' });
  });

  it('without the right to write stops a start with one line', async () => {
    const dataDir = await temporaryFolder('locked');
    await mkdir(dataDir);
    await chmod(dirname(dataDir), 0o755);
    await chmod(dataDir, 0o555);
    // Root may write anywhere, so an ordinary user tries.
    const server = new ServerProcess(dataDir, isRoot ? { uid: 65_534 } : {});
    expect(await server.hears('refused')).toMatch(/^data_dir_unusable `.*` cannot be written by this user; /);
    expect(server.lines).toHaveLength(1);
  });
});
