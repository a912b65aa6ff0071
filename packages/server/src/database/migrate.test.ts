import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from './database.testkit.js';
import { migrate, pendingMigrations } from './migrate.js';

let test: TestDatabase;
let folder: string;

beforeEach(async () => {
  test = await testDatabase();
  await test.db.pool.query('drop schema public cascade; create schema public');
  folder = await mkdtemp(join(tmpdir(), 'policy-studio-migrations-'));
});
afterEach(async () => {
  await test.close();
  await rm(folder, { recursive: true, force: true });
});

const put = (name: string, sql: string): Promise<void> => writeFile(join(folder, name), sql);
const tables = async (): Promise<string[]> => {
  const { rows } = await test.db.pool.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public' order by 1",
  );
  return rows.map(({ name }) => name);
};

describe('migrate', () => {
  it('applies every file of the product to an empty database once', async () => {
    const applied = await migrate(test.db);
    expect(applied[0]).toEqual({ version: 1, name: 'workspace' });
    expect(await migrate(test.db)).toEqual([]);
    expect(await pendingMigrations(test.db)).toEqual([]);
    const { rows } = await test.db.pool.query('select id, name, archived_at from workspace');
    expect(rows).toEqual([{ id: 1, name: 'default', archived_at: null }]);
  });

  it('applies what is new, in the order of the numbers', async () => {
    await put('0010_second.sql', 'insert into a values (2)');
    await put('0002_first.sql', 'create table a (n integer); insert into a values (1)');
    expect(await pendingMigrations(test.db, folder)).toEqual([
      { version: 2, name: 'first' },
      { version: 10, name: 'second' },
    ]);
    expect(await tables()).toEqual([]);
    await migrate(test.db, folder);
    await put('0011_third.sql', 'insert into a values (3)');
    expect(await migrate(test.db, folder)).toEqual([{ version: 11, name: 'third' }]);
    const { rows } = await test.db.pool.query('select n from a order by n');
    expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('applies each file once when replicas start together', async () => {
    await put('0001_slow.sql', 'create table a (n integer); select pg_sleep(0.1); insert into a values (1)');
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(test.db, folder)));
    expect(applied.flat()).toEqual([{ version: 1, name: 'slow' }]);
    const { rows } = await test.db.pool.query('select n from a');
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('leaves nothing of a file that fails, and keeps those before it', async () => {
    await put('0001_good.sql', 'create table good (n integer)');
    await put('0002_bad.sql', 'create table bad (n integer); select 1 / 0');
    await expect(migrate(test.db, folder)).rejects.toMatchObject({
      code: 'migration_failed',
      message: 'migration 2 `bad` failed and was rolled back (division by zero)',
    });
    expect(await tables()).toEqual(['good', 'schema_migration']);
    await put('0002_bad.sql', 'create table bad (n integer)');
    expect(await migrate(test.db, folder)).toEqual([{ version: 2, name: 'bad' }]);
  });

  it('refuses a file that was changed after it was applied, whatever its line ends', async () => {
    await put('0001_a.sql', 'create table a\n(n integer)');
    await migrate(test.db, folder);
    await put('0001_a.sql', 'create table a\r\n(n integer)');
    expect(await migrate(test.db, folder)).toEqual([]);
    await put('0001_a.sql', 'create table a\n(n bigint)');
    await expect(migrate(test.db, folder)).rejects.toMatchObject({ code: 'migration_changed' });
    await expect(pendingMigrations(test.db, folder)).rejects.toMatchObject({ code: 'migration_changed' });
  });

  it('refuses a database that is newer than the files', async () => {
    await put('0001_a.sql', 'create table a (n integer)');
    await put('0002_b.sql', 'create table b (n integer)');
    await migrate(test.db, folder);
    await rm(join(folder, '0002_b.sql'));
    await expect(migrate(test.db, folder)).rejects.toMatchObject({ code: 'database_newer' });
  });

  it('refuses a file numbered below one that is applied', async () => {
    await put('0002_b.sql', 'create table b (n integer)');
    await migrate(test.db, folder);
    await put('0001_a.sql', 'create table a (n integer)');
    await expect(migrate(test.db, folder)).rejects.toMatchObject({ code: 'migration_out_of_order' });
  });

  it.each([
    ['two files of one number', ['0001_a.sql', '0001_b.sql']],
    ['a name without a number', ['first.sql']],
  ])('refuses %s', async (_what, names) => {
    for (const name of names) await put(name, 'select 1');
    await expect(migrate(test.db, folder)).rejects.toMatchObject({ code: 'invalid_migrations' });
  });

  it('lets no file end the transaction it runs in unnoticed', async () => {
    await put('0001_sly.sql', 'create table a (n integer); commit; select 1 / 0');
    await expect(migrate(test.db, folder)).rejects.toMatchObject({ code: 'migration_failed' });
    await expect(migrate(test.db, folder)).rejects.toMatchObject({ code: 'migration_failed' });
  });
});

describe('a test database', () => {
  it('is ready in little time', async () => {
    const started = performance.now();
    const another = await testDatabase();
    const ms = performance.now() - started;
    await another.close();
    expect(ms).toBeLessThan(1_000);
  });

  it('can be reached by its address', async () => {
    const { openDatabase } = await import('./connection.js');
    const db = await openDatabase({ databaseUrl: test.url });
    const { rows } = await db.pool.query('select current_database() as name, 7::bigint as n');
    expect(rows).toEqual([{ name: test.db.connectionConfig.database, n: 7 }]);
    expect(db.kind).toBe('external');
    await db.close();
  });
});
