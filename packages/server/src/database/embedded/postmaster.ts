import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseLog } from '../log.js';
import { DatabaseStartError, diskFull, storageError } from '../start-error.js';
import type { Binaries } from './binaries.js';
import { clusterArgument, postgresEnvironment } from './cluster.js';
import type { Layout } from './layout.js';
import { commandLine, isAlive, processesNaming } from './processes.js';
import type { RunAs } from './run-as.js';

/** Part of the name of the socket; there is no TCP port. */
export const socketPort = 5432;
const maxConnections = 100;

const logKeptBytes = 10 * 1024 * 1024;
const fastShutdownMs = 20_000;
const orphansLeaveMs = 5_000;

/**
 * Marks every process of this cluster on its command line, which anybody may read. Root in a container may not look at
 * the working folder of another user's process, and the pid in `postmaster.pid` may by now be another program's.
 */
async function clusterMark(layout: Layout): Promise<string> {
  const { ino } = await stat(layout.cluster);
  return `policy_studio_${ino}_db`;
}

/** Settings go on the command line, so that a new release brings its own without touching the cluster's files. */
function serverSettings(mark: string, throwaway: boolean): Record<string, string> {
  return {
    cluster_name: mark,
    listen_addresses: '',
    port: String(socketPort),
    unix_socket_directories: '.',
    unix_socket_permissions: '0700',
    max_connections: String(maxConnections),
    shared_buffers: '64MB',
    // Bounds the redo after a crash: about 4 s per GB.
    max_wal_size: '512MB',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Failed statements reach the server that sent them; the file is for the database's own state.
    log_min_messages: 'log',
    log_checkpoints: 'off',
    ...(throwaway ? { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', autovacuum: 'off' } : {}),
  };
}

/** The pid of the live postmaster of this cluster, ready or not; `null` when there is none. */
export async function findPostmaster(layout: Layout): Promise<number | null> {
  const pid = await recordedPid(layout);
  if (pid === null || !isAlive(pid)) return null;
  return (await commandLine(pid)).includes(await clusterMark(layout)) ? pid : null;
}

async function recordedPid(layout: Layout): Promise<number | null> {
  const text = await readFile(join(layout.cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

/**
 * Clears the way for a new postmaster after one that was killed. To be called by the holder of the start lock after
 * `findPostmaster` found none and nobody answered on the socket.
 *
 * PostgreSQL itself gives up on a `postmaster.pid` whose pid is a zombie or another program of the same user, so the
 * stale files go. Its shared memory still protects the data: while a backend of the killed postmaster lives, a new one
 * refuses to start. Such backends notice the death by themselves unless they are busy.
 */
export async function clearRemains(layout: Layout): Promise<void> {
  const deadline = Date.now() + orphansLeaveMs;
  const mark = await clusterMark(layout);
  for (;;) {
    const orphans = await processesNaming(mark);
    if (orphans.length === 0) break;
    if (Date.now() > deadline) {
      for (const pid of orphans) signal(pid, 'SIGQUIT');
      await sleep(200);
      break;
    }
    await sleep(10);
  }
  await rm(join(layout.cluster, 'postmaster.pid'), { force: true });
  await rm(join(layout.cluster, `.s.PGSQL.${socketPort}`), { force: true });
  await rm(join(layout.cluster, `.s.PGSQL.${socketPort}.lock`), { force: true });
}

/** A postmaster on its way up. */
export interface Launch {
  /** The reason why it went down again; `null` while it runs. */
  failure(): Promise<DatabaseStartError | null>;
}

/** Starts a postmaster that outlives this process; the caller waits until it answers. */
export async function launchPostmaster(
  layout: Layout,
  binaries: Binaries,
  runAs: RunAs | null,
  options: { readonly throwaway: boolean; readonly log: DatabaseLog },
): Promise<Launch> {
  const args = ['-D', clusterArgument(layout)];
  for (const [name, value] of Object.entries(serverSettings(await clusterMark(layout), options.throwaway)))
    args.push('-c', `${name}=${value}`);
  let logStart = 0;
  let logFd: number;
  try {
    logStart = await trimLog(layout.logFile);
    logFd = openSync(layout.logFile, 'a', 0o600);
  } catch (error) {
    throw storageError(error, layout.dataDir);
  }
  let spawnError: Error | null = null;
  const child = spawn(binaries.postgres, args, {
    ...runAs,
    // Also where the process works: see clusterArgument.
    cwd: layout.cluster,
    env: postgresEnvironment(),
    detached: true,
    stdio: ['ignore', 'ignore', logFd],
  });
  child.on('error', (error) => {
    spawnError = error;
  });
  child.unref();
  closeSync(logFd);
  return {
    failure: async () => {
      if (spawnError === null && child.exitCode === null && child.signalCode === null) return null;
      return explain(layout, spawnError?.message ?? (await readFrom(layout.logFile, logStart)));
    },
  };
}

async function trimLog(path: string): Promise<number> {
  const size = await stat(path).then(
    (entry) => entry.size,
    () => 0,
  );
  if (size <= logKeptBytes) return size;
  await rename(path, `${path}.1`);
  return 0;
}

async function readFrom(path: string, start: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(16 * 1024);
    return bytes.toString('utf8', 0, readSync(file.fd, bytes, 0, bytes.length, start));
  } finally {
    await file.close();
  }
}

function explain(layout: Layout, output: string): DatabaseStartError {
  if (/No space left on device|Disk quota exceeded/i.test(output)) return diskFull(layout.dataDir);
  const line = output
    .split('\n')
    .findLast(
      (text) => /FATAL|PANIC|ERROR|error while loading/.test(text) && !/FATAL: {2}the database system is/.test(text),
    );
  const detail = (line ?? output.split('\n').filter(Boolean).at(-1) ?? 'it said nothing').replace(
    /^.*?(FATAL|PANIC|ERROR):\s*/,
    '',
  );
  return new DatabaseStartError(
    'start_failed',
    `the embedded database did not start (${detail}); the whole story is in \`${layout.logFile}\``,
  );
}

/**
 * Fast shutdown: open transactions are rolled back, everything committed is on disk. Where that takes too long (a disk
 * that hangs), immediate shutdown, from which the next start recovers.
 */
export async function stopPostmaster(layout: Layout, pid: number): Promise<void> {
  signal(pid, 'SIGINT');
  const deadline = Date.now() + fastShutdownMs;
  let hurried = false;
  while (isAlive(pid) && (await recordedPid(layout)) === pid) {
    if (!hurried && Date.now() > deadline) {
      hurried = true;
      signal(pid, 'SIGQUIT');
    }
    if (Date.now() > deadline + fastShutdownMs) return;
    await sleep(4);
  }
  while (isAlive(pid) && Date.now() < deadline) await sleep(4);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in the meantime, which is what the signal was for.
  }
}
