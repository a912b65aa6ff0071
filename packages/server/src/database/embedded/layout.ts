import { mkdir, open, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DatabaseStartError, diskFull, errorCode, storageError } from '../start-error.js';

/** Where the embedded database keeps its files. All paths are absolute and free of symbolic links. */
export interface Layout {
  readonly dataDir: string;
  /** Appears complete or not at all: it is built under another name and renamed. */
  readonly home: string;
  readonly cluster: string;
  readonly password: string;
  readonly logFile: string;
  readonly locks: string;
  /** Prefix of the folders in which a cluster is being built. */
  readonly staging: string;
}

/**
 * Creates `dataDir` (mode 0700) when it is missing and proves that it takes data.
 *
 * @throws DatabaseStartError `data_dir_unusable`, `disk_full`
 */
export async function prepareLayout(dataDir: string): Promise<Layout> {
  const wanted = resolve(dataDir);
  try {
    await createFolder(wanted);
    const root = await realpath(wanted);
    await probe(root);
    const locks = join(root, '.postgres-locks');
    await createFolder(locks);
    const home = join(root, 'postgres');
    return {
      dataDir: root,
      home,
      cluster: join(home, 'cluster'),
      password: join(home, 'password'),
      logFile: join(home, 'postgres.log'),
      locks,
      staging: join(root, '.postgres-new-'),
    };
  } catch (error) {
    throw storageError(error, wanted);
  }
}

/**
 * Like `mkdir -p`. The recursive mode of `fs.mkdir` calls a read-only parent a missing one, and tries for ever where a
 * folder that is there takes no other (`/proc`).
 *
 * @throws DatabaseStartError `data_dir_unusable` there; else the error of the file system
 */
export async function createFolder(path: string): Promise<void> {
  try {
    await makeOrFind(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || path === dirname(path)) throw error;
    await createFolder(dirname(path));
    await makeOrFind(path).catch((reason: unknown) => {
      throw errorCode(reason) === 'ENOENT' ? cannotBeMade(path, reason) : reason;
    });
  }
}

async function makeOrFind(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    const found = await stat(path).catch((reason: unknown) => {
      // A link that leads nowhere.
      if (errorCode(reason) !== 'ENOENT') throw reason;
      return null;
    });
    if (!found?.isDirectory()) throw error;
  }
}

function cannotBeMade(path: string, cause: unknown): DatabaseStartError {
  return new DatabaseStartError(
    'data_dir_unusable',
    `\`${path}\` cannot be made there; set DATA_DIR to a folder that can be written`,
    { cause },
  );
}

/** PostgreSQL reports a full or read-only disk late and in many words, so it is found out beforehand. */
async function probe(folder: string): Promise<void> {
  const path = join(folder, `.write-probe-${process.pid}-${Date.now()}`);
  const bytes = Buffer.alloc(256 * 1024, 1);
  const file = await open(path, 'wx', 0o600);
  try {
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten < bytes.length) throw diskFull(folder);
    await file.sync();
  } finally {
    await file.close();
    await rm(path, { force: true }).catch((error: unknown) => {
      if (errorCode(error) === undefined) throw error;
    });
  }
}
