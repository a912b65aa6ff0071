import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Database } from './connection.js';
import { tellEverybody } from './scope.js';

/** The same folder from `src/database` and from `dist/database`: the compiler leaves the files where they are. */
const migrationsFolder = fileURLToPath(new URL('../../src/database/migrations/', import.meta.url));

/** Key of the advisory lock that lets one replica migrate while the others wait. Arbitrary, but fixed for ever. */
const migrationLock = 7_082_011_846;

export interface Migration {
  readonly version: number;
  /** File name without the number and the ending. */
  readonly name: string;
}

interface MigrationFile extends Migration {
  readonly sql: string;
  /** SHA-256 of the text with `\n` line ends, in hexadecimal. */
  readonly checksum: string;
}

/**
 * - `invalid_migrations`: the folder itself is wrong (two files of one number, a name that does not fit)
 * - `migration_changed`, `migration_out_of_order`, `database_newer`: folder and database do not belong together
 * - `migration_failed`: a statement failed; the database is as it was before that migration
 */
export type MigrationCode =
  | 'invalid_migrations'
  | 'migration_changed'
  | 'migration_out_of_order'
  | 'database_newer'
  | 'migration_failed';

/** Migrations that cannot be applied. `message` is one line: what is wrong, then what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';

  constructor(
    readonly code: MigrationCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/**
 * Applies what is pending and returns it, in order; empty when the database is up to date. Replicas that start at once
 * wait for each other. Each migration is applied whole or not at all.
 *
 * @throws MigrationError
 */
export async function migrate(
  db: Pick<Database, 'connectionConfig'>,
  folder: string = migrationsFolder,
): Promise<Migration[]> {
  const files = await readMigrations(folder);
  return withOwnClient(db, async (client) => {
    // Held by the session, and gone with it, whatever happens to this process.
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await client.query(`create table if not exists schema_migration (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`);
    const pending = compare(files, await readApplied(client));
    for (const file of pending) await apply(client, file);
    return pending.map(({ version, name }) => ({ version, name }));
  });
}

/**
 * What `migrate` would apply, in order, changing nothing.
 *
 * @throws MigrationError when it would refuse
 */
export async function pendingMigrations(
  db: Pick<Database, 'connectionConfig'>,
  folder: string = migrationsFolder,
): Promise<Migration[]> {
  const files = await readMigrations(folder);
  return withOwnClient(db, async (client) => {
    const { rows } = await client.query<{ known: boolean }>(
      "select to_regclass('schema_migration') is not null as known",
    );
    const applied = rows[0]?.known === true ? await readApplied(client) : [];
    return compare(files, applied).map(({ version, name }) => ({ version, name }));
  });
}

/** One digest of all migrations: equal if and only if they make equal tables from nothing. */
export async function migrationsDigest(folder: string = migrationsFolder): Promise<string> {
  const files = await readMigrations(folder);
  return createHash('sha256')
    .update(files.map(({ version, checksum }) => `${version} ${checksum}`).join('\n'))
    .digest('hex');
}

async function readMigrations(folder: string): Promise<MigrationFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const files: MigrationFile[] = [];
  for (const fileName of names) {
    const match = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(fileName);
    if (match === null) {
      throw new MigrationError('invalid_migrations', `migration file \`${fileName}\` is to be named NNNN_<name>.sql`);
    }
    const sql = (await readFile(join(folder, fileName), 'utf8')).replaceAll('\r\n', '\n');
    const [version, name] = [Number(match[1]), match[2] ?? ''];
    const previous = files.at(-1);
    if (previous?.version === version) {
      throw new MigrationError(
        'invalid_migrations',
        `migrations \`${previous.name}\` and \`${name}\` share the number ${version}; give the newer one the next free number`,
      );
    }
    files.push({ version, name, sql, checksum: createHash('sha256').update(sql).digest('hex') });
  }
  return files;
}

interface Applied extends Migration {
  readonly checksum: string;
}

async function readApplied(client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query<Applied>('select version, name, checksum from schema_migration order by version');
  return rows;
}

/** The files that are not applied yet. */
function compare(files: readonly MigrationFile[], applied: readonly Applied[]): MigrationFile[] {
  const byVersion = new Map(files.map((file) => [file.version, file]));
  for (const { version, name, checksum } of applied) {
    const file = byVersion.get(version);
    if (file === undefined) {
      throw new MigrationError(
        'database_newer',
        `the database has migration ${version} \`${name}\`, which this release does not know; start the newer release that applied it`,
      );
    }
    if (file.checksum !== checksum) {
      throw new MigrationError(
        'migration_changed',
        `migration ${version} \`${file.name}\` was changed after it was applied; restore the file and put the change in a new migration`,
      );
    }
  }
  const latest = applied.at(-1)?.version ?? 0;
  const known = new Set(applied.map(({ version }) => version));
  const pending = files.filter(({ version }) => !known.has(version));
  const [first] = pending;
  if (first !== undefined && first.version < latest) {
    throw new MigrationError(
      'migration_out_of_order',
      `migration ${first.version} \`${first.name}\` comes before ${latest}, which is applied already; give it a number above all others`,
    );
  }
  return pending;
}

async function apply(client: pg.Client, file: MigrationFile): Promise<void> {
  try {
    await client.query('begin');
    await client.query(file.sql);
    await client.query('insert into schema_migration (version, name, checksum) values ($1, $2, $3)', [
      file.version,
      file.name,
      file.checksum,
    ]);
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new Error('its transaction was rolled back');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    const detail = error instanceof Error ? error.message : String(error);
    throw new MigrationError(
      'migration_failed',
      `migration ${file.version} \`${file.name}\` failed and was rolled back (${detail})`,
      { cause: error },
    );
  }
}

/** Outside the pool, whose time limits fit requests and not the building of an index or the wait for a replica. */
async function withOwnClient<T>(
  { connectionConfig }: Pick<Database, 'connectionConfig'>,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...connectionConfig, application_name: 'policy-studio migrate' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await tellEverybody(client);
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
