import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../packages/server/src/database/database.testkit.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What `npm start` becomes once it has built what is stale. */
const main = join(root, 'packages', 'server', 'dist', 'main.js');
const adminToken = 'process-test-admin-token';

let folder: string;
let database: TestDatabase;
const children: ChildProcess[] = [];
beforeAll(async () => {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')]);
  folder = mkdtempSync(join(tmpdir(), 'policy studio process '));
  database = await testDatabase();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly exit: Promise<number | null>;
  /** The address, as soon as the server says that it runs. */
  readonly url: Promise<string>;
}

/** The server as a process of its own, on a free port and the test's database unless told otherwise. */
function run(variables: Record<string, string | undefined> = {}, args: string[] = []): Run {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      DATA_DIR: join(folder, 'data'),
      DATABASE_URL: database.url,
      HMAC_SECRET: 's'.repeat(32),
      ADMIN_TOKEN: adminToken,
      ...variables,
    },
  });
  children.push(child);
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += data;
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const url = new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (data) => {
      err += data;
      const found = /runs at (\S+) /.exec(err)?.[1];
      if (found) resolve(found);
    });
    void exit.then((code) => reject(new Error(`exit ${code}: ${err}`)));
  });
  url.catch(() => undefined);
  return { child, out: () => out, err: () => err, exit, url };
}

const lines = (text: string) => text.split('\n').filter(Boolean);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const authorization = { authorization: `Bearer ${adminToken}` };

describe('a start that cannot succeed ends with one line and exit code 1', () => {
  const refused = async (variables: Record<string, string | undefined>, message: RegExp, args: string[] = []) => {
    const { exit, err } = run(variables, args);
    expect([await exit, lines(err()).length]).toEqual([1, 1]);
    expect(err()).toMatch(message);
  };

  it('for a bad value', () => refused({ PORT: 'eighty' }, /^policy-studio: PORT `eighty` is not a port/));
  it('for a word that is no command', () => refused({}, /^policy-studio: `serve` is not a command/, ['serve']));
  it('for a data folder that is a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    await refused(
      { DATA_DIR: join(folder, 'file'), DATABASE_URL: undefined, HMAC_SECRET: undefined },
      /^policy-studio: `.*file` is not a folder/,
    );
  });
  it('for a database that does not answer, whose password it does not tell', async () => {
    const { exit, err } = run({ DATABASE_URL: 'postgres://me:hush@127.0.0.1:1/db' });
    expect([await exit, lines(err()).length]).toEqual([1, 1]);
    expect(err()).toContain('cannot be reached');
    expect(err()).not.toContain('hush');
  });
  it('for a certificate that cannot be read', () =>
    refused(
      { TLS_CERT: '/nowhere.pem', TLS_KEY: '/nowhere.pem' },
      /TLS_CERT `\/nowhere.pem` cannot be read \(ENOENT\)/,
    ));
  it('for a certificate that is none', async () => {
    writeFileSync(join(folder, 'none.pem'), 'no certificate');
    await refused({ TLS_CERT: join(folder, 'none.pem'), TLS_KEY: join(folder, 'none.pem') }, /TLS_CERT and TLS_KEY/);
  });
  it('for a port in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await refused({ PORT: String(port) }, new RegExp(`^policy-studio: 127.0.0.1:${port} is in use by another program`));
    other.close();
  });
  it('for a database without tables, until `migrate` has made them', async () => {
    const bare = await testDatabase();
    await bare.db.pool.query('drop schema public cascade; create schema public');
    try {
      await refused({ DATABASE_URL: bare.url }, /lacks \d+ of the migrations .* run `npm run migrate`/);
      const migration = run({ DATABASE_URL: bare.url }, ['migrate']);
      expect(await migration.exit).toBe(0);
      expect(migration.err()).toMatch(/^applied 1 workspace, 2 registry/);
      const server = run({ DATABASE_URL: bare.url });
      await server.url;
      server.child.kill('SIGTERM');
      expect(await server.exit).toBe(0);
    } finally {
      await bare.close();
    }
  });
});

describe('a start', () => {
  it('without a token makes one, keeps it for its owner alone, says where, and takes it again next time', async () => {
    const dataDir = join(folder, 'kept');
    const path = join(dataDir, 'admin-token');
    const first = run({ DATA_DIR: dataDir, ADMIN_TOKEN: undefined });
    const url = await first.url;
    const token = readFileSync(path, 'utf8').trim();
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(first.err()).toContain(`kept in ${path}`);
    expect(first.err() + first.out()).not.toContain(token);
    const { status } = await fetch(`${url}/policy/whoami`, { headers: { authorization: `Bearer ${token}` } });
    expect(status).toBe(200);
    first.child.kill('SIGTERM');
    await first.exit;
    const second = run({ DATA_DIR: dataDir, ADMIN_TOKEN: undefined });
    await second.url;
    expect(readFileSync(path, 'utf8').trim()).toBe(token);
    expect(second.err()).not.toContain('was made');
  });

  it('prints a link that signs in once, on the server of this data folder alone, the first time', async () => {
    const variables = { DATA_DIR: join(folder, 'linked'), ADMIN_TOKEN: undefined };
    const first = run(variables);
    const url = await first.url;
    const link = /(http:\S+\/sign-in\?link=(\S+))/.exec(first.err());
    const signIn = (server: string) =>
      fetch(`${server}/policy/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ link: link?.[2] }),
      });
    expect((await fetch(link?.[1] as string)).status).toBe(200);
    // The same database, another admin token.
    const other = run({ ...variables, DATA_DIR: join(folder, 'another') });
    expect((await signIn(await other.url)).status).toBe(401);
    const answer = await signIn(url);
    expect(await answer.json()).toMatchObject({ person: 'admin', role: 'admin', via: 'link' });
    const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    expect((await signIn(url)).status).toBe(401);
    const whoami = (server: string) => fetch(`${server}/policy/whoami`, { headers: { cookie } });
    expect((await whoami(url)).status).toBe(200);
    expect((await whoami(await other.url)).status).toBe(401);
    first.child.kill('SIGTERM');
    await first.exit;
    const second = run(variables);
    expect((await whoami(await second.url)).status).toBe(200);
    expect(second.err()).not.toContain('link=');
    // Nobody's link where the admin token is given.
    const given = run();
    await given.url;
    expect(given.err()).not.toContain('link=');
    const everything = [first, second, other].map((each) => each.out()).join('');
    expect(everything).not.toContain(link?.[2]);
    expect(everything).not.toContain(cookie.split('=')[1]);
  });

  it('prints a first question that works as it stands', async () => {
    const server = run({ ADMIN_TOKEN: undefined, DATA_DIR: join(folder, "it's asked") });
    await server.url;
    const command = server.err().slice(server.err().indexOf('  curl'), server.err().indexOf('\n\nCtrl-C'));
    const answer = JSON.parse(execFileSync('sh', ['-c', command], { encoding: 'utf8', cwd: root }));
    expect(answer).toMatchObject({ effect: 'deny', default: true, bundle: null });
  });

  it('speaks TLS when given a certificate', async (context) => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const make = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost`;
    try {
      execFileSync('openssl', [...make.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' });
    } catch {
      context.skip('there is no openssl here to make a certificate');
    }
    const server = run({ TLS_CERT: cert, TLS_KEY: key });
    const url = await server.url;
    expect(url).toMatch(/^https:/);
    const headers = await new Promise<NodeJS.Dict<string | string[]>>((resolve, reject) => {
      httpsRequest(`${url}/healthz`, { rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve(response.headers);
      })
        .on('error', reject)
        .end();
    });
    expect(headers['strict-transport-security']).toMatch(/^max-age=/);
  });

  it('logs JSON, one line for start and stop, and never a credential', async () => {
    const server = run({ LOG_LEVEL: 'trace' });
    const url = await server.url;
    const made = await fetch(`${url}/policy/api-keys`, {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'log', role: 'viewer' }),
    });
    const { key } = await made.json();
    await fetch(`${url}/policy/whoami`, { headers: { authorization: `Bearer ${key}` } });
    await fetch(`${url}/policy/whoami`, { headers: { authorization: 'Bearer a-wrong-guess' } });
    server.child.kill('SIGTERM');
    await server.exit;
    const entries = lines(server.out()).map((line) => JSON.parse(line));
    expect(entries.filter(({ msg }) => msg === 'started')).toHaveLength(1);
    expect(entries.filter(({ msg }) => msg === 'stopped')).toHaveLength(1);
    expect(entries.some(({ path, request_id }) => path === '/policy/whoami' && request_id)).toBe(true);
    for (const secret of [adminToken, key, 'a-wrong-guess', 's'.repeat(32)]) {
      expect(server.out() + server.err()).not.toContain(secret);
    }
  });
});

describe('a stop', () => {
  it('loses no decision that was answered, and answers what it took', async () => {
    const server = run();
    const url = await server.url;
    const acknowledged: string[] = [];
    let stopping = false;
    const ask = async (): Promise<void> => {
      for (;;) {
        const response = await fetch(`${url}/policy/evaluate`, {
          method: 'POST',
          headers: { ...authorization, 'content-type': 'application/json' },
          body: JSON.stringify({ agent: 'a.b', action: 'c', context: {} }),
        }).catch(() => null);
        if (response === null) return;
        const body = await response.json();
        if (response.status === 200) acknowledged.push(body.decision_id);
        else {
          expect([response.status, body.code, stopping]).toEqual([503, 'shutting_down', true]);
          return;
        }
      }
    };
    const askers = Array.from({ length: 16 }, ask);
    while (acknowledged.length < 40) await sleep(20);
    stopping = true;
    server.child.kill('SIGTERM');
    await Promise.all(askers);
    expect(await server.exit).toBe(0);
    const { rows } = await database.db.pool.query('select count(*) as count from decision where id = any($1::uuid[])', [
      acknowledged,
    ]);
    expect(rows[0].count).toBe(acknowledged.length);
  });

  it('ends a long poll early instead of waiting for it', async () => {
    const server = run();
    const url = await server.url;
    const send = async (path: string, body: unknown) =>
      (
        await fetch(url + path, {
          method: 'POST',
          headers: { ...authorization, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json();
    const approval = await send('/policy/approvals', {
      kind: 'settings',
      settings: { default_effect: 'allow' },
      justification: 'to wait for it',
    });
    const poll = fetch(`${url}/policy/approvals/${approval.id}?wait=30`, { headers: authorization });
    await sleep(300);
    const started = Date.now();
    server.child.kill('SIGTERM');
    expect((await poll).status).toBe(200);
    expect(await server.exit).toBe(0);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('takes two signals at once for one, and a later one for an order to end at once', async () => {
    const server = run();
    const { port } = new URL(await server.url);
    // A request that never ends would hold the server for its ten seconds.
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `POST /policy/evaluate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminToken}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
    );
    await sleep(200);
    const started = Date.now();
    server.child.kill('SIGINT');
    server.child.kill('SIGINT');
    await sleep(1_200);
    expect(server.child.exitCode).toBeNull();
    server.child.kill('SIGINT');
    expect(await server.exit).toBe(1);
    expect(Date.now() - started).toBeLessThan(3_000);
    socket.destroy();
  });
});
