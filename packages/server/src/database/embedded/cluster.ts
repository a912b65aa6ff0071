import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lchown, mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DatabaseStartError, diskFull, errorCode, storageError } from '../start-error.js';
import type { Binaries } from './binaries.js';
import type { Layout } from './layout.js';
import { nobody, type RunAs } from './run-as.js';

/** Runs the cluster; the server's own statements run as a user without such power. */
export const superuser = 'postgres';

/** A new cluster takes 40 MB, and the first checkpoints some more. */
const newClusterBytes = 64 * 1024 * 1024;
const initdbTimeoutMs = 120_000;

const run = promisify(execFile);

/**
 * The working folder of every PostgreSQL process, by a name that needs no right on the folders above it. Linux resolves
 * it without walking the path, so a database user that may not enter DATA_DIR still works inside its own folder.
 */
export function clusterArgument(layout: Layout): string {
  return process.platform === 'linux' ? '/proc/self/cwd' : layout.cluster;
}

/**
 * Makes sure there is a whole cluster of the right version that belongs to `runAs`. To be called by the holder of the
 * start lock while no postmaster runs.
 *
 * @throws DatabaseStartError `cluster_damaged`, `version_mismatch`, `initdb_failed`, `disk_full`, `data_dir_unusable`
 */
export async function ensureCluster(
  layout: Layout,
  binaries: Binaries,
  runAs: RunAs | null,
  options: { readonly throwaway: boolean },
): Promise<void> {
  try {
    await removeStaging(layout);
    if (await exists(layout.home)) {
      await checkVersion(layout, binaries);
      if (runAs !== null) await handOver(layout.cluster, runAs);
      return;
    }
    await createCluster(layout, binaries, runAs, options.throwaway);
  } catch (error) {
    throw storageError(error, layout.dataDir);
  }
}

/** @throws DatabaseStartError `cluster_damaged`, `version_mismatch` */
export async function checkVersion(layout: Layout, binaries: Binaries): Promise<void> {
  const version = await readFile(join(layout.cluster, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR') throw error;
    return null;
  });
  if (version === null || !(await exists(layout.password))) {
    throw new DatabaseStartError(
      'cluster_damaged',
      `\`${layout.home}\` holds no whole database (${version === null ? 'cluster/PG_VERSION' : 'password'} is missing); put a backup there, or move the folder away to begin with an empty one`,
    );
  }
  if (Number(version.trim()) !== binaries.major) {
    throw new DatabaseStartError(
      'version_mismatch',
      `the database in \`${layout.home}\` was made by PostgreSQL ${version.trim()}, but this program brings ${binaries.major}; start the release that made it, dump the data and load them here`,
    );
  }
}

/** What a start that was killed left behind. Its name tells it apart from a database. */
async function removeStaging(layout: Layout): Promise<void> {
  const prefix = basename(layout.staging);
  for (const name of await readdir(layout.dataDir)) {
    if (name.startsWith(prefix)) {
      await rm(join(layout.dataDir, name), { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

async function createCluster(
  layout: Layout,
  binaries: Binaries,
  runAs: RunAs | null,
  throwaway: boolean,
): Promise<void> {
  const { bavail, bsize } = await statfs(layout.dataDir);
  if (bavail * bsize < newClusterBytes) throw diskFull(layout.dataDir);
  const staging = `${layout.staging}${randomBytes(6).toString('hex')}`;
  const cluster = join(staging, 'cluster');
  const passwordFile = join(staging, 'password');
  try {
    await mkdir(cluster, { recursive: true, mode: 0o700 });
    await writeFile(passwordFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
    const initUser = runAs === null ? null : nobody;
    if (initUser !== null) for (const path of [staging, cluster, passwordFile]) await own(path, initUser);
    await initdb(layout, binaries, initUser, cluster, throwaway);
    if (runAs !== null) {
      await handOver(cluster, runAs);
      for (const path of [staging, passwordFile]) await own(path, { uid: 0, gid: 0 });
    }
    if (!throwaway) for (const path of [passwordFile, cluster, staging]) await sync(path);
    await rename(staging, layout.home);
    if (!throwaway) await sync(dirname(layout.home));
  } catch (error) {
    await rm(staging, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
    throw error;
  }
}

async function initdb(
  layout: Layout,
  binaries: Binaries,
  user: RunAs | null,
  cluster: string,
  throwaway: boolean,
): Promise<void> {
  const args = [
    '-D',
    process.platform === 'linux' ? clusterArgument(layout) : cluster,
    `--username=${superuser}`,
    '--auth-local=scram-sha-256',
    '--auth-host=reject',
    '--pwfile=../password',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(throwaway ? ['--no-sync'] : []),
  ];
  // initdb insists on a user name; a container may run us under a bare number, which a user namespace can rename.
  const named = user !== null || process.platform !== 'linux' || hasUserName();
  const [file, ...words] = named
    ? [binaries.initdb, ...args]
    : ['unshare', '--user', `--map-user=${nobody.uid}`, `--map-group=${nobody.gid}`, binaries.initdb, ...args];
  try {
    await run(file, words, { ...user, cwd: cluster, env: postgresEnvironment(), timeout: initdbTimeoutMs });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    if (/No space left on device|Disk quota exceeded/i.test(output)) throw diskFull(layout.dataDir, error);
    const detail = output.split('\n').find((line) => /error|fatal|could not|cannot/i.test(line)) ?? String(error);
    const advice = named
      ? 'set DATA_DIR to a local disk or DATABASE_URL to a PostgreSQL of your own'
      : `uid ${process.getuid?.()} has no entry in /etc/passwd, which PostgreSQL needs once: add one, or set DATABASE_URL`;
    throw new DatabaseStartError(
      'initdb_failed',
      `a new database could not be made in \`${layout.dataDir}\` (${detail.trim()}); ${advice}`,
      { cause: error },
    );
  }
}

/** Nothing of our environment reaches PostgreSQL: it may hold secrets, and PG* variables would change its behaviour. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

function hasUserName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

async function handOver(folder: string, user: RunAs): Promise<void> {
  const { uid } = await stat(folder);
  if (uid === user.uid) return;
  // The folder itself comes last: its owner tells whether all of it was handed over.
  for (const entry of await readdir(folder, { recursive: true })) await own(join(folder, entry), user);
  await own(folder, user);
}

async function own(path: string, { uid, gid }: RunAs): Promise<void> {
  try {
    await lchown(path, uid, gid);
  } catch (error) {
    if (!['EPERM', 'EINVAL'].includes(errorCode(error) ?? '')) throw error;
    throw new DatabaseStartError(
      'cannot_leave_root',
      `PostgreSQL does not run as root, and this root may not hand \`${path}\` to uid ${uid}; run the server as an ordinary user or set DATABASE_URL`,
      { cause: error },
    );
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
}
