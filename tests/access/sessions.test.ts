import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { Browser, codeIn } from './browser.testkit.js';

const start = Date.parse('2026-03-01T12:00:00Z');
const hourMs = 3600_000;
let nowMs = start;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    clock: { now: () => new Date(nowMs) },
    accessLimits: { failuresPerMinute: 1_000, signInsPerMinute: 1_000 },
  });
});
afterAll(() => server?.close());

const browser = () => new Browser(server.url);
const signedIn = async (token = server.adminToken) => {
  const made = browser();
  expect((await made.signIn({ token })).status).toBe(200);
  return made;
};
const who = (made: Browser) => made.ask('/policy/whoami');
const audited = async (kind: string) =>
  (await server.call('listAudit', { query: { limit: 200 } })).body.entries.filter((entry) => entry.kind === kind);

describe('signing in', () => {
  it('with a key gives its person and role a cookie that no script and no other site gets', async () => {
    const key = await server.createKey('operator', { owner: 'Olga' });
    const olga = browser();
    const answer = await olga.signIn({ token: key });
    const { status } = answer;
    const json = answer.json();
    expect([status, json.person, json.role, json.via]).toEqual([200, 'Olga', 'operator', 'token']);
    expect(olga.set).toHaveLength(1);
    expect(olga.set[0]).toMatch(
      /^policy_session=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=86400; HttpOnly; SameSite=Strict$/,
    );
    expect((await who(olga)).json()).toMatchObject({ owner: 'Olga', role: 'operator', session_id: json.id });
    const { rows } = await server.db.pool.query('select row_to_json(s)::text as text from browser_session s');
    for (const value of olga.cookies.values()) {
      for (const { text } of rows) expect(text).not.toContain(value);
    }
    expect(await audited('session.begun')).toEqual([
      expect.objectContaining({ actor: 'Olga', subject: `session/${json.id}` }),
    ]);
  });

  it('with the admin token is being the admin, who may select a workspace', async () => {
    await server.db.pool.query("insert into workspace (name) values ('second')");
    const admin = await signedIn();
    expect((await who(admin)).json()).toMatchObject({ owner: 'admin', role: 'admin', key_id: null });
    const there = await admin.ask('/policy/whoami', { headers: { 'x-workspace': 'second' } });
    expect(there.json()).toMatchObject({ workspace: 'second' });
    const headers = { ...(await admin.csrf()), 'x-workspace': 'second' };
    expect((await admin.ask('/policy/session', { method: 'DELETE', headers })).status).toBe(204);
    expect((await who(admin)).status).toBe(401);
  });

  it.each([
    ['a key that is none', { token: `ps_00000000_${'A'.repeat(43)}` }, 401],
    ['a word', { token: 'password' }, 401],
    ['a link that is none', { link: `${'0'.repeat(16)}.${'A'.repeat(43)}` }, 401],
    ['half a link', { link: 'half' }, 401],
    ['nothing', {}, 422],
    ['both at once', { token: 'a', link: 'b' }, 422],
  ])('does not work with %s', async (_what, body, expected) => {
    const nobody = browser();
    const { status } = await nobody.signIn(body as Record<string, string>);
    expect(status).toBe(expected);
    expect(nobody.set).toEqual([]);
  });

  it('is not for the key of an agent, who evaluates and reports and nothing else', async () => {
    const agent = browser();
    const answer = await agent.signIn({ token: await server.createKey('agent', { name: 'bot' }) });
    const { status } = answer;
    const json = answer.json();
    expect([status, json.code]).toEqual([403, 'forbidden']);
    expect(agent.set).toEqual([]);
    await server.services.denials.write(new Date(nowMs));
    expect((await audited('access.denied'))[0]).toMatchObject({
      actor: 'bot',
      data: { attempts: { 'signIn: forbidden': 1 } },
    });
  });

  it('changes the cookie each time, and ends what the browser had before', async () => {
    const admin = await signedIn();
    const [before] = admin.cookies.values();
    await admin.signIn({ token: server.adminToken });
    const [after] = admin.cookies.values();
    expect(after).not.toBe(before);
    admin.cookies.set('policy_session', before as string);
    expect((await who(admin)).status).toBe(401);
  });

  it('does not go through the page of another site', async () => {
    const victim = browser();
    const body = { token: server.adminToken };
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
      expect((await victim.ask('/policy/sign-in', { method: 'POST', headers, body })).status).toBe(403);
    }
    const old = await fetch(`${server.url}/sign-in`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      body: new URLSearchParams(body),
    });
    expect([old.status, old.headers.getSetCookie()]).toEqual([403, []]);
  });

  it('keeps the twenty newest sessions of a person', async () => {
    const key = await server.createKey('viewer', { owner: 'many' });
    const first = await signedIn(key);
    const second = await signedIn(key);
    for (let count = 0; count < 19; count += 1) await signedIn(key);
    expect([(await who(first)).status, (await who(second)).status]).toEqual([401, 200]);
  });
});

describe('a session', () => {
  it('ends eight hours after the last request, and a day after it began whatever happens', async () => {
    const idle = await signedIn();
    const busy = await signedIn();
    nowMs += 8 * hourMs;
    expect((await who(idle)).status).toBe(200);
    nowMs += 8 * hourMs + 1;
    expect((await who(idle)).status).toBe(401);
    for (let hours = 0; hours < 24; hours += 7) {
      const fresh = hours === 0 ? await signedIn() : busy;
      if (hours === 0) for (const [name, value] of fresh.cookies) busy.cookies.set(name, value);
      expect((await who(busy)).status).toBe(200);
      nowMs += 7 * hourMs;
    }
    expect((await who(busy)).status).toBe(401);
  });

  it('is what its key is: revoked with it, expired with it', async () => {
    const made = await server.call('createApiKey', { body: { name: 'brief', role: 'viewer', expires_in_days: 1 } });
    const brief = await signedIn(made.body.key);
    expect(Number(/Max-Age=(\d+)/.exec(brief.set[0] as string)?.[1])).toBeLessThanOrEqual(86_400);
    nowMs += 23 * hourMs;
    const late = await signedIn(made.body.key);
    nowMs += 1 * hourMs;
    expect((await who(late)).status).toBe(401);

    const other = await server.call('createApiKey', { body: { name: 'other', role: 'viewer' } });
    const revoked = await signedIn(other.body.key);
    expect((await who(revoked)).status).toBe(200);
    await server.call('revokeApiKey', { params: { id: other.body.id } });
    expect((await who(revoked)).status).toBe(401);
  });

  it('is listed to its person and to admins, who end it', async () => {
    const [annKey, benKey] = [
      await server.createKey('viewer', { owner: 'ann' }),
      await server.createKey('viewer', { owner: 'ben' }),
    ];
    const [ann, ben] = [await signedIn(annKey), await signedIn(benKey)];
    const annsId = (await ann.ask('/policy/session')).json().id as number;
    const bens = (await ben.ask('/policy/sessions')).json() as { sessions: { person: string; current: boolean }[] };
    expect(bens.sessions.map(({ person, current }) => [person, current])).toEqual([['ben', true]]);
    expect((await ben.change('DELETE', `/policy/sessions/${annsId}`)).status).toBe(404);
    expect((await who(ann)).status).toBe(200);
    const all = (await server.call('listSessions')).body;
    expect(all.sessions.map(({ person }) => person)).toEqual(expect.arrayContaining(['ann', 'ben']));
    expect(all.total).toBe(all.sessions.length);
    expect((await server.call('endSession', { params: { id: annsId } })).status).toBe(204);
    expect((await who(ann)).status).toBe(401);
    expect((await server.call('listSessions')).body.total).toBe(all.total - 1);
  });

  it('is over once signed out, and the browser told to forget it', async () => {
    const admin = await signedIn();
    const kept = new Map(admin.cookies);
    expect((await admin.change('DELETE', '/policy/session')).status).toBe(204);
    expect(admin.cookies.size).toBe(0);
    for (const [name, value] of kept) admin.cookies.set(name, value);
    expect((await who(admin)).status).toBe(401);
  });

  it('is not what a key has', async () => {
    expect((await server.call('getSession')).problem.code).toBe('not_found');
    expect((await server.call('signOut')).problem.code).toBe('not_found');
  });
});

describe('a cookie', () => {
  it('gives way to a key that is sent with it, even to a wrong one', async () => {
    const admin = await signedIn();
    const key = await server.createKey('viewer', { name: 'explicit' });
    const both = await admin.ask('/policy/whoami', { headers: { authorization: `Bearer ${key}` } });
    expect(both.json()).toMatchObject({ owner: 'explicit', session_id: null });
    expect((await admin.ask('/policy/whoami', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
    expect((await admin.ask('/policy/whoami', { headers: { authorization: 'Basic x' } })).status).toBe(401);
  });

  it('that is there twice with different values is believed neither way', async () => {
    const admin = await signedIn();
    const [mine] = admin.cookies.values();
    const ask = (cookie: string) => fetch(`${server.url}/policy/whoami`, { headers: { cookie } });
    expect((await ask(`policy_session=${mine}; other=1`)).status).toBe(200);
    expect((await ask(`policy_session=${mine}; policy_session=${'A'.repeat(43)}`)).status).toBe(401);
    expect((await ask(`__Host-policy_session=${mine}`)).status).toBe(401);
  });

  it('is asked for with each change to come from a page of this server, with the token of the session', async () => {
    const admin = await signedIn();
    const token = await admin.csrf();
    const foreign = (await (await signedIn()).csrf())['x-csrf-token'] as string;
    const attempt = async (headers: Record<string, string>) => {
      const answer = await admin.ask('/policy/members', {
        method: 'POST',
        headers,
        body: { name: `csrf ${Math.random()}`, role: 'viewer' },
      });
      const { status } = answer;
      const json = answer.json();
      return status === 201 ? 201 : json.code;
    };
    expect(await attempt(token)).toBe(201);
    expect(await attempt({})).toBe('csrf');
    expect(await attempt({ 'x-csrf-token': '' })).toBe('csrf');
    expect(await attempt({ 'x-csrf-token': foreign })).toBe('csrf');
    for (const site of ['cross-site', 'same-site']) {
      expect(await attempt({ ...token, 'sec-fetch-site': site })).toBe('csrf');
    }
  });

  it('of an old browser, which only tells the origin, is asked the same', async () => {
    const admin = await signedIn();
    const [[name, value] = ['', '']] = admin.cookies;
    const attempt = async (origin: string | null) => {
      const response = await fetch(`${server.url}/policy/members`, {
        method: 'POST',
        headers: {
          cookie: `${name}=${value}`,
          'content-type': 'application/json',
          ...(await admin.csrf()),
          ...(origin === null ? {} : { origin }),
        },
        body: JSON.stringify({ name: `origin ${origin}`, role: 'viewer' }),
      });
      return response.status;
    };
    expect(await attempt(server.url)).toBe(201);
    for (const origin of [
      'https://evil.example',
      'null',
      server.url.replace('http:', 'https:'),
      `${server.url}.evil`,
    ]) {
      expect(await attempt(origin)).toBe(403);
    }
  });

  it.each([
    ['same-origin', 200],
    ['none', 200],
    ['same-site', 403],
    ['cross-site', 403],
  ])('that comes along with what a page of %s reads: %i', async (site, expected) => {
    const admin = await signedIn();
    expect((await admin.ask('/policy/members', { headers: { 'sec-fetch-site': site } })).status).toBe(expected);
  });
});

describe('by TLS', () => {
  it('the cookie is bound to this very host, and one without that is not taken', async () => {
    const secure = await startTestServer({
      db: server.db,
      clock: { now: () => new Date(nowMs) },
      app: { trustedProxy: ['127.0.0.1'] },
    });
    try {
      const admin = new Browser(secure.url);
      const headers = { 'x-forwarded-proto': 'https' };
      const body = { token: server.adminToken };
      expect((await admin.ask('/policy/sign-in', { method: 'POST', headers, body })).status).toBe(200);
      expect(admin.set[0]).toMatch(
        /^__Host-policy_session=\S+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure$/,
      );
      expect((await admin.ask('/policy/whoami', { headers })).status).toBe(200);
      const [value] = admin.cookies.values();
      const planted = await fetch(`${secure.url}/policy/whoami`, {
        headers: { ...headers, cookie: `policy_session=${value}` },
      });
      expect(planted.status).toBe(401);
    } finally {
      await secure.close();
    }
  });
});

describe('a sign-in link', () => {
  const linkOf = async (name: string, role = 'approver', body: unknown = {}) => {
    const { id } = (await server.call('createMember', { body: { name, role } })).body;
    const { url } = (await server.call('createSignInLink', { params: { id }, body })).body;
    return { id, url, code: codeIn(url) };
  };

  it('signs its member in, once, also when it is used twice at the same time', async () => {
    const { id, code } = await linkOf('Lina');
    const answers = await Promise.all(Array.from({ length: 5 }, () => browser().signIn({ link: code })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401]);
    const won = answers.find(({ status }) => status === 200);
    expect(won?.json()).toMatchObject({ person: 'Lina', role: 'approver', via: 'link', member_id: id, key_id: null });
  });

  it('shows a page that uses nothing up, and signs in by its form', async () => {
    const { url } = await linkOf('Page');
    const page = browser();
    for (let look = 0; look < 3; look += 1) {
      const shown = await page.ask(url);
      expect([shown.status, shown.headers.getSetCookie()]).toEqual([200, []]);
      expect(shown.headers.get('content-security-policy')).toMatch(/default-src 'none'.*form-action 'self'/);
      expect(shown.headers.get('referrer-policy')).toBe('same-origin');
    }
    const sent = await page.ask('/sign-in', { method: 'POST', form: { link: codeIn(url) } });
    expect([sent.status, sent.headers.get('location')]).toEqual([303, './']);
    const { text } = await page.ask('/sign-in');
    expect(text).toContain('<strong>Page</strong>');
    const csrf = /name="csrf_token" value="([^"]+)"/.exec(text)?.[1] as string;
    expect((await page.ask('/sign-out', { method: 'POST', form: { csrf_token: 'wrong' } })).status).toBe(403);
    expect((await page.ask('/sign-out', { method: 'POST', form: { csrf_token: csrf } })).status).toBe(303);
    expect(page.cookies.size).toBe(0);
  });

  it('ends after its time', async () => {
    const { code } = await linkOf('Late', 'viewer', { expires_in_minutes: 5 });
    nowMs += 5 * 60_000;
    expect((await browser().signIn({ link: code })).status).toBe(401);
  });

  it('ends when its member is removed', async () => {
    const { id, code } = await linkOf('Gone');
    await server.call('removeMember', { params: { id } });
    expect((await browser().signIn({ link: code })).status).toBe(401);
  });

  it('is no more after five wrong guesses at its proof, which the audit trail shows', async () => {
    const { id, code } = await linkOf('Guessed');
    const [prefix] = code.split('.');
    for (let guess = 0; guess < 5; guess += 1) {
      expect((await browser().signIn({ link: `${prefix}.${'A'.repeat(42)}${guess}` })).status).toBe(401);
    }
    expect((await browser().signIn({ link: code })).status).toBe(401);
    expect((await audited('access.link_locked'))[0]).toMatchObject({ subject: `member/${id}`, data: { link: prefix } });
  });

  it('is kept as a hash, and never told again', async () => {
    const { code } = await linkOf('Hashed');
    const { rows } = await server.db.pool.query('select row_to_json(l)::text as text from sign_in_link l');
    const everything = rows.map(({ text }) => text).join() + JSON.stringify((await server.call('listAudit')).body);
    expect(everything).not.toContain(code.split('.')[1]);
  });
});

describe('an address with too many wrong guesses of links', () => {
  it('waits, with right links as with wrong ones', async () => {
    const strict = await startTestServer({ db: server.db, accessLimits: { failuresPerMinute: 3 } });
    try {
      const { id } = (await strict.call('createMember', { body: { name: 'Patient', role: 'viewer' } })).body;
      const { url } = (await strict.call('createSignInLink', { params: { id }, body: {} })).body;
      const wrong = { link: `${'1'.repeat(16)}.${'A'.repeat(43)}` };
      for (let guess = 0; guess < 3; guess += 1) expect((await new Browser(strict.url).signIn(wrong)).status).toBe(401);
      const answer = await new Browser(strict.url).signIn({ link: codeIn(url) });
      expect([answer.status, answer.json().code]).toEqual([429, 'rate_limited']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await strict.close();
    }
  });
});
