import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from './connection.js';
import { type TestDatabase, testDatabase } from './database.testkit.js';

let test: TestDatabase;

beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test.close());

const refusal = async (databaseUrl: string): Promise<unknown> => {
  const db = await openDatabase({ databaseUrl }).catch((error: unknown) => error);
  return db;
};

function changed(change: (url: URL) => void): string {
  const url = new URL(test.url);
  change(url);
  return url.href;
}

describe('DATABASE_URL', () => {
  it.each([
    ['', /is not a PostgreSQL address/],
    ['mysql://a/b', /is not a PostgreSQL address/],
    ['postgresql://u:pa ss@ho st:port/db', /cannot be parsed/],
    ['postgresql://u:p@h/db?sslrootcert=/absent.pem', /names `\/absent.pem`, which cannot be read \(ENOENT\)/],
    ['postgresql://localhost', /names no database/],
  ])('%j is refused with a line that shows the form', async (url, message) => {
    expect(await refusal(url)).toMatchObject({ code: 'invalid_database_url', message: expect.stringMatching(message) });
  });

  it('with a wrong password or database is refused without showing the password', async () => {
    const wrongPassword = await refusal(
      changed((url) => {
        url.password = 'secret-guess';
      }),
    );
    expect(wrongPassword).toMatchObject({
      code: 'access_denied',
      message: expect.stringMatching(/password authentication failed/),
    });
    expect(String(wrongPassword)).not.toContain('secret-guess');
    expect(
      await refusal(
        changed((url) => {
          url.pathname = '/absent';
        }),
      ),
    ).toMatchObject({
      code: 'access_denied',
      message: expect.stringMatching(/database `absent`.*does not exist/),
    });
  });

  it('that leads nowhere is refused as unreachable', async () => {
    expect(await refusal('postgresql://u:secret-guess@127.0.0.1:1/db')).toMatchObject({
      code: 'unreachable',
      message:
        'database `db` on 127.0.0.1:1 cannot be reached (connect ECONNREFUSED 127.0.0.1:1); check DATABASE_URL and that the server runs',
    });
  });

  it('that leads to a server which never answers is given up after 5 s', { timeout: 15_000 }, async () => {
    const mute = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => mute.once('listening', resolve));
    const address = mute.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const started = Date.now();
    expect(await refusal(`postgresql://u@127.0.0.1:${port}/db`)).toMatchObject({ code: 'unreachable' });
    expect(Date.now() - started).toBeLessThan(8_000);
    mute.close();
  });

  it('of a user whom row-level security does not hold is told of at every start', async () => {
    const said: string[] = [];
    const log = { info: () => undefined, warn: (message: string) => void said.push(message) };
    await (await openDatabase({ databaseUrl: test.url, log })).close();
    expect(said).toEqual([]);
    await (await openDatabase({ databaseUrl: test.superuserUrl, log })).close();
    expect(said).toEqual([expect.stringMatching(/superuser or has BYPASSRLS.*give it an ordinary user/)]);
  });

  it('may carry options of its own beside ours', async () => {
    const db = await openDatabase({
      databaseUrl: changed((url) => url.searchParams.set('options', '-c work_mem=5MB')),
    });
    const { rows } = await db.pool.query("select current_setting('work_mem') as own, current_setting('jit') as ours");
    expect(rows).toEqual([{ own: '5MB', ours: 'off' }]);
    await db.close();
    await db.close();
  });
});
