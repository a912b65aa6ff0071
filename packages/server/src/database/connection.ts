import pg from 'pg';
import { within } from '../deadline.js';
import { startEmbedded } from './embedded.js';
import type { DatabaseLog } from './log.js';
import { ScopedPool } from './scope.js';
import { DatabaseStartError, errorCode } from './start-error.js';
import { valueTypes } from './value-types.js';

/** Sizes and times of a pool. Each bound exists so that a slow or absent database is an error, never a pile-up. */
const poolLimits = {
  /** Connections. The embedded server takes 100 in all, so several servers on one folder fit. */
  max: 10,
  /** How long a caller waits for a free connection or for a new one. */
  connectionTimeoutMillis: 5_000,
  /** How long an unused connection is kept. */
  idleTimeoutMillis: 30_000,
  /** The server cancels a statement after this time (SQLSTATE 57014). */
  statementTimeoutMs: 30_000,
  /** The server gives up waiting for a lock after this time (SQLSTATE 55P03). */
  lockTimeoutMs: 10_000,
  /** The server closes a session that sits in a transaction for this long. */
  idleInTransactionTimeoutMs: 30_000,
  /** The client gives up on an answer after this time: a network that drops packets tells the server nothing. */
  queryTimeoutMs: 35_000,
  /** How long `close` waits for connections still in use. */
  closeMs: 5_000,
} as const;

const oldestVersion = 15;

const silent: DatabaseLog = { info: () => undefined, warn: () => undefined };

export type DatabaseOptions =
  | { readonly databaseUrl: string; readonly log?: DatabaseLog }
  | { readonly dataDir: string; readonly log: DatabaseLog };

export interface Database {
  readonly pool: pg.Pool;
  readonly kind: 'embedded' | 'external';
  /**
   * For a connection outside the pool, such as the one that listens: same place, user and value types, no time limits.
   * Its owner handles its `error` and `end` events and ends it before `close`.
   */
  readonly connectionConfig: pg.ClientConfig;
  /** Waits up to 5 s for connections in use, then closes; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens the database of `DATABASE_URL`, or the embedded one of a data folder, and proves that it answers.
 * Brings no tables: see `migrate`.
 *
 * A database that goes away later is no crash: queries fail meanwhile, and the pool connects again by itself.
 *
 * @throws DatabaseStartError
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if ('databaseUrl' in options) {
    const config = { ...parseUrl(options.databaseUrl), types: valueTypes };
    const { log = silent } = options;
    if (await checkServer(config)) log.warn(bypassWarning);
    return databaseOver(config, 'external', log);
  }
  const embedded = await startEmbedded(options);
  const config = { ...embedded.connectionConfig, types: valueTypes };
  return databaseOver(config, 'embedded', options.log, { afterClose: () => embedded.close() });
}

/**
 * A `Database` on a server that is known to run. `afterClose` runs when the pool is closed. `unsaid: '*'`: queries that
 * do not say for whom they are see everything, as tests want it.
 */
export function databaseOver(
  connectionConfig: pg.ClientConfig,
  kind: Database['kind'],
  log: DatabaseLog,
  {
    afterClose = async () => undefined,
    unsaid,
  }: { readonly afterClose?: () => Promise<void>; readonly unsaid?: '*' | undefined } = {},
): Database {
  const pool = new ScopedPool(poolConfig(connectionConfig), unsaid);
  // Without a listener, the end of an idle connection would end the process.
  pool.on('error', (error) => log.warn(`an idle database connection was lost: ${error.message}`));
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    await within(pool.end(), poolLimits.closeMs, undefined);
    await afterClose();
  };
  return {
    pool,
    kind,
    connectionConfig: {
      ...connectionConfig,
      application_name: 'policy-studio',
      options: sessionOptions(connectionConfig),
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function poolConfig(connectionConfig: pg.ClientConfig): pg.PoolConfig {
  const limits = [
    `statement_timeout=${poolLimits.statementTimeoutMs}`,
    `lock_timeout=${poolLimits.lockTimeoutMs}`,
    `idle_in_transaction_session_timeout=${poolLimits.idleInTransactionTimeoutMs}`,
  ];
  return {
    ...connectionConfig,
    application_name: 'policy-studio',
    options: sessionOptions(connectionConfig, limits),
    max: poolLimits.max,
    connectionTimeoutMillis: poolLimits.connectionTimeoutMillis,
    idleTimeoutMillis: poolLimits.idleTimeoutMillis,
    query_timeout: poolLimits.queryTimeoutMs,
    keepAlive: true,
  };
}

/** Settings of every session; compiling generated SQL to machine code costs more than it gains. */
function sessionOptions({ options }: pg.ClientConfig, more: readonly string[] = []): string {
  const settings = ['jit=off', 'timezone=UTC', ...more].map((setting) => `-c ${setting}`);
  return [options, ...settings].filter(Boolean).join(' ');
}

function parseUrl(databaseUrl: string): pg.ClientConfig {
  const invalid = (why: string) =>
    new DatabaseStartError(
      'invalid_database_url',
      `DATABASE_URL ${why}; it looks like postgresql://user:password@host:5432/database`,
    );
  if (!/^postgres(ql)?:\/\//.test(databaseUrl)) throw invalid('is not a PostgreSQL address');
  let url: URL;
  try {
    url = new URL(databaseUrl);
  } catch {
    throw invalid('cannot be parsed (special characters in the password are to be percent-encoded)');
  }
  if (url.pathname.length < 2) throw invalid('names no database');
  const options = url.searchParams.get('options');
  if (options === null) return { connectionString: databaseUrl };
  // Ours are added to them, and `pg` lets those in the address win.
  url.searchParams.delete('options');
  return { connectionString: url.href, options };
}

/** Said at every start: nothing else would tell. */
const bypassWarning =
  'the user of DATABASE_URL is a superuser or has BYPASSRLS, so row-level security does not hold and workspaces are kept apart by the program alone; give it an ordinary user that owns the tables';

/** Refuses a server that is too old; returns whether row-level security does not hold for this user. */
async function checkServer(config: pg.ClientConfig): Promise<boolean> {
  const client = clientOf(config);
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: number; bypasses: boolean }>(
      `select current_setting('server_version_num')::int / 10000 as version, rolsuper or rolbypassrls as bypasses
         from pg_roles where rolname = current_user`,
    );
    const { version = 0, bypasses = false } = rows[0] ?? {};
    if (version < oldestVersion) {
      throw new DatabaseStartError(
        'version_mismatch',
        `DATABASE_URL leads to PostgreSQL ${version}; version ${oldestVersion} or later is needed`,
      );
    }
    return bypasses;
  } catch (error) {
    if (error instanceof DatabaseStartError) throw error;
    throw externalError(error, client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The driver reads the files that the address names (`sslrootcert`, `sslcert`, `sslkey`) when it makes a client. */
function clientOf(config: pg.ClientConfig): pg.Client {
  try {
    return new pg.Client({ ...config, connectionTimeoutMillis: poolLimits.connectionTimeoutMillis });
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    const why = path === undefined ? 'cannot be used' : `names \`${path}\`, which cannot be read (${code})`;
    throw new DatabaseStartError('invalid_database_url', `DATABASE_URL ${why}; check its parameters`, { cause: error });
  }
}

/** Never repeats the address as given: it holds the password. */
function externalError(error: unknown, { host, port, database, user }: pg.Client): DatabaseStartError {
  const place = `database \`${database}\` on ${host}:${port}`;
  const detail = error instanceof Error && error.message !== '' ? error.message : (errorCode(error) ?? String(error));
  const sqlState = errorCode(error) ?? '';
  if (['28P01', '28000', '3D000', '42501'].includes(sqlState)) {
    return new DatabaseStartError(
      'access_denied',
      `user \`${user}\` may not use ${place} (${detail}); check user, password and database in DATABASE_URL`,
      { cause: error },
    );
  }
  return new DatabaseStartError(
    'unreachable',
    `${place} cannot be reached (${detail}); check DATABASE_URL and that the server runs`,
    { cause: error },
  );
}

/**
 * Runs `work` in one transaction and returns its result; rolls back when it throws.
 *
 * A connection that is broken or left in doubt is closed rather than given to the next caller. `work` must not keep
 * going after a failed statement: PostgreSQL would turn the commit into a rollback, which is reported as an error.
 */
export async function withTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query('begin');
    const result = await work(client);
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back because a statement in it had failed');
    return result;
  } catch (error) {
    await client.query('rollback').catch((rollbackError: Error) => {
      broken ??= rollbackError;
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
