import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTransaction } from './connection.js';
import { type TestDatabase, testDatabase } from './database.testkit.js';

let test: TestDatabase;

beforeAll(async () => {
  test = await testDatabase();
  await test.db.pool.query('create table note (id integer primary key, text text not null)');
});
afterAll(() => test.close());

const countNotes = async (): Promise<number> => {
  const { rows } = await test.db.pool.query<{ count: number }>('select count(*) from note');
  return rows[0]?.count ?? Number.NaN;
};

describe('values', () => {
  const value = async (sql: string): Promise<unknown> => {
    const { rows } = await test.db.pool.query<{ value: unknown }>(`select ${sql} as value`);
    return rows[0]?.value;
  };

  it.each([
    ['9007199254740991::bigint', Number.MAX_SAFE_INTEGER],
    ['(-5)::bigint', -5],
    ['array[1, null, 3]::bigint[]', [1, null, 3]],
    ['0.1::numeric', 0.1],
    ["array['1.5', null]::numeric[]", [1.5, null]],
    ['1::numeric / 3', 1 / 3],
    ["'2026-02-28'::date", '2026-02-28'],
    ["'2026-02-28T01:00:00+01:00'::timestamptz", new Date('2026-02-28T00:00:00Z')],
    ["'2026-02-28T01:00:00+01:00'::timestamptz::text", '2026-02-28 00:00:00+00'],
  ])('%s arrives as %j', async (sql, expected) => {
    expect(await value(sql)).toEqual(expected);
  });

  it.each(['9007199254740993::bigint', '90071992547409930.5::numeric', 'array[9007199254740993]::bigint[]'])(
    '%s is an error rather than another number',
    async (sql) => {
      await expect(value(sql)).rejects.toThrow(/does not fit a number/);
      expect(await value('1')).toBe(1);
    },
  );
});

describe('sessions', () => {
  it.each([
    ['jit', 'off'],
    ['statement_timeout', '30s'],
    ['lock_timeout', '10s'],
    ['idle_in_transaction_session_timeout', '30s'],
    ['application_name', 'policy-studio'],
    ['TimeZone', 'UTC'],
  ])('of the pool have %s = %s', async (name, expected) => {
    const { rows } = await test.db.pool.query<{ value: string }>('select current_setting($1) as value', [name]);
    expect(rows[0]?.value).toBe(expected);
  });
});

describe('a transaction', () => {
  it('commits and returns what the work returns', async () => {
    const result = await withTransaction(test.db.pool, async (tx) => {
      await tx.query("insert into note values (1, 'kept')");
      return 'done';
    });
    expect(result).toBe('done');
    expect(await countNotes()).toBe(1);
  });

  it('rolls back when the work throws, and gives the connection back clean', async () => {
    const before = await countNotes();
    const failing = withTransaction(test.db.pool, async (tx) => {
      await tx.query("insert into note values (2, 'lost')");
      throw new Error('refused');
    });
    await expect(failing).rejects.toThrow('refused');
    expect(await countNotes()).toBe(before);
    expect(test.db.pool.idleCount).toBe(test.db.pool.totalCount);
  });

  it('reports an error when a swallowed failure turned the commit into a rollback', async () => {
    const before = await countNotes();
    const careless = withTransaction(test.db.pool, async (tx) => {
      await tx.query("insert into note values (3, 'lost')");
      await tx.query('select 1 / 0').catch(() => undefined);
    });
    await expect(careless).rejects.toThrow(/rolled back/);
    expect(await countNotes()).toBe(before);
  });

  it('drops a connection that broke in the middle, and the next one works', async () => {
    const broken = withTransaction(test.db.pool, async (tx) => {
      await tx.query('select pg_terminate_backend(pg_backend_pid())');
    });
    await expect(broken).rejects.toThrow(/terminat/i);
    await expect(countNotes()).resolves.toBeTypeOf('number');
  });

  it('of a connection that its user leaves alone for a moment fails without ending the process', async () => {
    const client = await test.db.pool.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const ended = new Promise((resolve) => client.once('end', resolve));
    await test.db.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    await expect(client.query('select 1')).rejects.toThrow();
    client.release();
    await expect(countNotes()).resolves.toBeTypeOf('number');
  });

  it('survives the loss of its idle connections', async () => {
    await Promise.all([test.db.pool.query('select 1'), test.db.pool.query('select 1')]);
    const [other] = await Promise.all([test.db.pool.connect(), test.db.pool.query('select 1')]);
    await other.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
    );
    other.release();
    await expect(countNotes()).resolves.toBeTypeOf('number');
  });
});
