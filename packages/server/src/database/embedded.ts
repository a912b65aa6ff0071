import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Binaries, copyFolders, findInstallation, usableBinaries } from './embedded/binaries.js';
import { checkVersion, ensureCluster, superuser } from './embedded/cluster.js';
import { type Layout, prepareLayout } from './embedded/layout.js';
import {
  clearRemains,
  findPostmaster,
  type Launch,
  launchPostmaster,
  socketPort,
  stopPostmaster,
} from './embedded/postmaster.js';
import { databaseUser, type RunAs } from './embedded/run-as.js';
import { holdSocketFolder, type SocketFolder } from './embedded/socket-folder.js';
import { acquireStartLock } from './embedded/start-lock.js';
import type { DatabaseLog } from './log.js';
import { DatabaseStartError, errorCode, storageError } from './start-error.js';

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly log: DatabaseLog;
  /** For test data only: no fsync anywhere. */
  readonly throwaway?: boolean;
}

/** A PostgreSQL that runs as long as any server on its folder is attached to it. */
export interface EmbeddedDatabase {
  /** The server's own database, as the user who owns it and nothing else. */
  readonly connectionConfig: pg.ClientConfig;
  /** The superuser, for making databases. */
  readonly adminConfig: pg.ClientConfig;
  /** Detaches; the last one out stops PostgreSQL. */
  close(): Promise<void>;
}

/**
 * Every attached server keeps one connection of this name open. The connections are the register of who is attached:
 * a server that is killed leaves it without anybody's help, and the end of one's own tells that PostgreSQL is gone.
 */
const presenceName = 'policy-studio presence';

/** Recovery from a crash replays at most `max_wal_size`; a slow disk gets ample time for it. */
const startTimeoutMs = 120_000;
/** Between looks at a socket nobody listens on yet, which costs nothing. */
const pollMs = 8;
/** Between attempts while PostgreSQL recovers: each costs it a process and a line in its log. */
const busyPollMs = 150;
const restartDelaysMs = [0, 100, 500, 2_000, 5_000];

/** The user and the database of the server. A superuser would not be held by row-level security. */
const ownerName = 'policy_studio';

interface Attachment {
  readonly layout: Layout;
  readonly socket: SocketFolder;
  readonly adminConfig: pg.ClientConfig;
  readonly log: DatabaseLog;
  readonly throwaway: boolean;
}

/**
 * Attaches to the PostgreSQL of `dataDir`, starting it, recovering it or creating it as needed, and restarts it when it
 * dies while this server is attached.
 *
 * Starting and stopping happen under one lock between all servers on the folder, so two that start at once on an empty
 * folder make one database, and nobody attaches to one that is being stopped.
 *
 * @throws DatabaseStartError
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const layout = await prepareLayout(options.dataDir);
  const lock = await lockStart(layout);
  try {
    const { log, throwaway = false } = options;
    const binaries = await prepare(layout, log, (runAs, found) => ensureCluster(layout, found, runAs, { throwaway }));
    const socket = await holdSocketFolder(layout);
    try {
      const adminConfig: pg.ClientConfig = {
        host: socket.path,
        port: socketPort,
        user: superuser,
        password: (await readFile(layout.password, 'utf8')).trim(),
        database: 'postgres',
      };
      const attachment = { layout, socket, adminConfig, log, throwaway };
      return new Supervisor(attachment, await bringUp(attachment, binaries));
    } catch (error) {
      await socket.release();
      throw error;
    }
  } catch (error) {
    throw storageError(error, layout.dataDir);
  } finally {
    await lock.release();
  }
}

async function lockStart(layout: Layout) {
  try {
    return await acquireStartLock(layout.locks);
  } catch (error) {
    throw storageError(error, layout.dataDir);
  }
}

/** `whenStopped` looks after the cluster; it is not to be touched while PostgreSQL runs. */
async function prepare(
  layout: Layout,
  log: DatabaseLog,
  whenStopped: (runAs: RunAs | null, binaries: Binaries) => Promise<void>,
): Promise<Binaries> {
  const runAs = await databaseUser(layout);
  const binaries = await usableBinaries(await findInstallation(), runAs, copyFolders(layout, runAs), log);
  if (await isRunning(layout)) await checkVersion(layout, binaries);
  else await whenStopped(runAs, binaries);
  return binaries;
}

async function isRunning(layout: Layout): Promise<boolean> {
  return existsSync(layout.cluster) && (await findPostmaster(layout)) !== null;
}

/** Idempotent. Kept apart from making the cluster, because it needs PostgreSQL to run. */
async function ensureOwner(admin: pg.Client, password: string): Promise<void> {
  const { rows } = await admin.query<{ role: boolean; database: boolean }>(
    `select exists(select 1 from pg_roles where rolname = $1) as role,
            exists(select 1 from pg_database where datname = $1) as database`,
    [ownerName],
  );
  if (rows[0]?.role !== true)
    await admin.query(`create role ${ownerName} login password ${admin.escapeLiteral(password)}`);
  if (rows[0]?.database !== true) await admin.query(`create database ${ownerName} owner ${ownerName}`);
}

/** Returns the presence connection once PostgreSQL answers and has our database. The caller holds the start lock. */
async function bringUp(attachment: Attachment, binaries: Binaries): Promise<pg.Client> {
  const { layout, log, throwaway } = attachment;
  const startedAt = Date.now();
  let launch: Launch | null = null;
  let reminded = false;
  let pauseMs = pollMs;
  for (;;) {
    const answer = await tryPresence(attachment);
    if (answer instanceof pg.Client) {
      await ensureOwner(answer, String(attachment.adminConfig.password));
      return answer;
    }
    const failure = await launch?.failure();
    if (failure) throw failure;
    if (answer === 'nobody' && launch === null && (await findPostmaster(layout)) === null) {
      await clearRemains(layout);
      launch = await launchPostmaster(layout, binaries, await databaseUser(layout), { throwaway, log });
    }
    const waitedMs = Date.now() - startedAt;
    if (waitedMs > startTimeoutMs) {
      throw new DatabaseStartError(
        'start_timeout',
        `the embedded database did not answer within ${startTimeoutMs / 1000} s; see \`${layout.logFile}\``,
      );
    }
    if (waitedMs > 3_000 && !reminded) {
      reminded = true;
      log.info('the embedded database recovers from an unclean stop; this may take a moment');
    }
    pauseMs = answer === 'busy' ? Math.min(2 * pauseMs, busyPollMs) : pollMs;
    await sleep(pauseMs);
  }
}

/** `nobody`: nothing listens on the socket. `busy`: PostgreSQL is there but starts, stops, recovers or is full. */
async function tryPresence({ layout, adminConfig }: Attachment): Promise<pg.Client | 'nobody' | 'busy'> {
  const client = new pg.Client({
    ...adminConfig,
    application_name: presenceName,
    connectionTimeoutMillis: 5_000,
    options: '-c idle_session_timeout=0',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'nobody';
    if (code === '28P01' || code === '28000') {
      throw new DatabaseStartError(
        'access_denied',
        `the database in \`${layout.home}\` does not accept the password in \`${layout.password}\`; restore that file from the backup the cluster came from`,
        { cause: error },
      );
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new DatabaseStartError(
        'data_dir_unusable',
        `the database in \`${layout.home}\` is run by another user; start as that user or set DATA_DIR to another folder`,
        { cause: error },
      );
    }
    return 'busy';
  }
}

class Supervisor implements EmbeddedDatabase {
  readonly connectionConfig: pg.ClientConfig;
  readonly adminConfig: pg.ClientConfig;
  readonly #attachment: Attachment;
  readonly #hurry = new AbortController();
  #presence: pg.Client | null = null;
  #closing: Promise<void> | null = null;
  #restarting: Promise<void> = Promise.resolve();

  constructor(attachment: Attachment, presence: pg.Client) {
    this.#attachment = attachment;
    this.adminConfig = attachment.adminConfig;
    this.connectionConfig = { ...attachment.adminConfig, user: ownerName, database: ownerName };
    this.#watch(presence);
  }

  close(): Promise<void> {
    this.#hurry.abort();
    this.#closing ??= this.#detach();
    return this.#closing;
  }

  #watch(presence: pg.Client): void {
    this.#presence = presence;
    presence.once('end', () => {
      this.#presence = null;
      if (this.#closing === null) this.#restarting = this.#restart();
    });
  }

  async #restart(): Promise<void> {
    const { layout, log } = this.#attachment;
    log.warn('the embedded database went away; restarting it');
    for (let attempt = 0; this.#closing === null; attempt += 1) {
      const delay = restartDelaysMs[Math.min(attempt, restartDelaysMs.length - 1)] ?? 0;
      await sleep(delay, undefined, { ref: false, signal: this.#hurry.signal }).catch(() => undefined);
      try {
        const lock = await acquireStartLock(layout.locks);
        try {
          if (this.#closing !== null) return;
          // Never makes a cluster: a folder that vanished under us is to be noticed, not replaced by an empty one.
          const binaries = await prepare(layout, log, (_runAs, found) => checkVersion(layout, found));
          this.#watch(await bringUp(this.#attachment, binaries));
        } finally {
          await lock.release();
        }
        log.info('the embedded database is back');
        return;
      } catch (error) {
        const reason = storageError(error, layout.dataDir);
        log.warn(`the embedded database is still away: ${reason instanceof Error ? reason.message : String(reason)}`);
      }
    }
  }

  async #detach(): Promise<void> {
    const { layout, socket } = this.#attachment;
    await this.#restarting;
    const lock = await acquireStartLock(layout.locks);
    try {
      const presence = this.#presence;
      // Away and not restarted: whoever else is attached restarts it.
      if (presence === null) return;
      const othersLeft = await othersPresent(presence);
      if (!othersLeft) {
        const pid = await findPostmaster(layout);
        if (pid !== null) await stopPostmaster(layout, pid);
      }
      await presence.end().catch(() => undefined);
    } finally {
      await socket.release();
      await lock.release();
    }
  }
}

/** Looks twice, because the connection of a server that was killed a moment ago may still be on its way out. */
async function othersPresent(presence: pg.Client): Promise<boolean> {
  for (let look = 0; look < 3; look += 1) {
    if (look > 0) await sleep(25);
    const others = await presence
      .query<{ count: number }>(
        'select count(*)::int as count from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()',
        [presenceName],
      )
      .then(
        ({ rows }) => rows[0]?.count ?? 0,
        () => 0,
      );
    if (others === 0) return false;
  }
  return true;
}
