import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Database, databaseOver } from './connection.js';
import { prepareLayout } from './embedded/layout.js';
import { findPostmaster } from './embedded/postmaster.js';
import { isAlive } from './embedded/processes.js';
import { type EmbeddedDatabase, startEmbedded } from './embedded.js';
import { migrate, migrationsDigest } from './migrate.js';
import { valueTypes } from './value-types.js';

export interface TestDatabase {
  readonly db: Database;
  /** The same database as `DATABASE_URL`, for a server started as a process of its own. */
  readonly url: string;
  /** The same for a superuser, whom row-level security does not hold. */
  readonly superuserUrl: string;
  /** Drops the database. */
  close(): Promise<void>;
}

const log = { info: () => undefined, warn: (message: string) => console.warn(message) };

/**
 * A new, migrated database of its own, in a PostgreSQL that all test files of one run share.
 *
 * The shared server lives in the temp directory under the name of the process that runs the tests. A guard process
 * stops it and removes the folder as soon as that process is gone, however it ended.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = await sharedServer();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await withClient(server.adminConfig, async (client) => {
    const template = await ensureTemplate(client, server);
    await client.query(`create database ${name} owner ${server.connectionConfig.user} template ${template}`);
  });
  const config = { ...server.connectionConfig, database: name, types: valueTypes };
  const db = databaseOver(config, 'external', log, { unsaid: '*' });
  let closing: Promise<void> | null = null;
  const drop = async (): Promise<void> => {
    await db.close();
    await withClient(server.adminConfig, (client) => client.query(`drop database if exists ${name} with (force)`));
  };
  return {
    db,
    url: databaseUrl(config),
    superuserUrl: databaseUrl({ ...server.adminConfig, database: name }),
    close: () => {
      closing ??= drop();
      return closing;
    },
  };
}

function databaseUrl({ user, password, host, port, database }: pg.ClientConfig): string {
  const url = new URL(`postgresql://localhost:${port}/${database}`);
  url.username = user ?? '';
  url.password = typeof password === 'string' ? password : '';
  url.searchParams.set('host', host ?? '');
  return url.href;
}

let server: Promise<EmbeddedDatabase> | null = null;

function sharedServer(): Promise<EmbeddedDatabase> {
  server ??= startShared();
  return server;
}

const folderPrefix = 'policy-studio-tests-';

async function startShared(): Promise<EmbeddedDatabase> {
  // A vitest worker is a child of the run; anything else is a run of its own.
  const owner = process.env.VITEST_WORKER_ID === undefined ? process.pid : process.ppid;
  await sweep();
  const dataDir = join(tmpdir(), `${folderPrefix}${owner}`);
  await guard(owner, dataDir);
  return startEmbedded({ dataDir, log, throwaway: true });
}

/** Folders whose guard was killed as well. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(folderPrefix) ? Number(name.slice(folderPrefix.length)) : Number.NaN;
    if (Number.isNaN(owner) || isAlive(owner)) continue;
    const dataDir = join(tmpdir(), name);
    try {
      const pid = await findPostmaster(await prepareLayout(dataDir));
      if (pid !== null) process.kill(pid, 'SIGQUIT');
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    } catch {
      // Another user's, or being removed by another run.
    }
  }
}

/** One guard a folder: whoever makes the marker starts it. */
async function guard(owner: number, dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  try {
    await mkdir(join(dataDir, 'guarded'));
  } catch {
    return;
  }
  const child = spawn(process.execPath, ['-e', guardProgram, String(owner), dataDir], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
  });
  child.unref();
}

/** Kept free of imports, because it outlives the tool that could have compiled them. */
const guardProgram = `
const fs = require('node:fs');
const [owner, dataDir] = [Number(process.argv[1]), process.argv[2]];
const alive = (pid) => {
  try { process.kill(pid, 0); } catch { return false; }
  try { return !/\\) [ZX] /.test(fs.readFileSync('/proc/' + pid + '/stat', 'utf8')); } catch { return process.platform !== 'linux'; }
};
const timer = setInterval(() => {
  if (alive(owner)) return;
  clearInterval(timer);
  let pid = 0;
  try { pid = Number(fs.readFileSync(dataDir + '/postgres/cluster/postmaster.pid', 'utf8').split('\\n')[0]); } catch {}
  if (pid > 0) try { process.kill(pid, 'SIGQUIT'); } catch {}
  const started = Date.now();
  while (pid > 0 && alive(pid) && Date.now() - started < 10000) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  fs.rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}, 150);
`;

/** Name of a database with all migrations applied; made once for each state of the migrations folder. */
async function ensureTemplate(client: pg.Client, { connectionConfig }: EmbeddedDatabase): Promise<string> {
  const template = `template_${(await migrationsDigest()).slice(0, 16)}`;
  const exists = async (): Promise<boolean> =>
    ((await client.query('select 1 from pg_database where datname = $1', [template])).rowCount ?? 0) > 0;
  if (await exists()) return template;
  await client.query('select pg_advisory_lock(1)');
  try {
    if (await exists()) return template;
    const unfinished = `${template}_unfinished`;
    await client.query(`drop database if exists ${unfinished} with (force)`);
    await client.query(`create database ${unfinished} owner ${connectionConfig.user}`);
    await migrate({ connectionConfig: { ...connectionConfig, database: unfinished, types: valueTypes } });
    await client.query(`alter database ${unfinished} rename to ${template}`);
    return template;
  } finally {
    await client.query('select pg_advisory_unlock(1)');
  }
}

async function withClient<T>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
