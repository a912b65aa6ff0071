import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { Browser, codeIn } from './browser.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

type Role = 'viewer' | 'author' | 'approver' | 'operator' | 'admin';
const add = (name: string, role: Role = 'viewer') => server.call('createMember', { body: { name, role } });
const signedIn = async (id: number, on = server) => {
  const { url } = (await server.call('createSignInLink', { params: { id }, body: {} })).body;
  const browser = new Browser(on.url);
  expect((await browser.signIn({ link: codeIn(url) })).status).toBe(200);
  return browser;
};
const status = async (browser: Browser) => (await browser.ask('/policy/whoami')).status;

describe('a member', () => {
  it('is listed, changed and removed, and each of these is on the audit trail', async () => {
    const { status: made, body } = await add('Mona', 'author');
    expect([made, body]).toEqual([
      201,
      expect.objectContaining({
        name: 'Mona',
        role: 'author',
        kind: 'person',
        managed_by: 'admin',
        created_by: 'admin',
      }),
    ]);
    const names = async (removed = false) =>
      (await server.call('listMembers', { query: { removed } })).body.members.map(({ name }) => name);
    expect(await names()).toContain('Mona');
    const params = { id: body.id };
    expect((await server.call('putMember', { params, body: { role: 'operator' } })).body.role).toBe('operator');
    expect((await server.call('removeMember', { params })).status).toBe(204);
    expect([await names(), await names(true)].map((each) => each.includes('Mona'))).toEqual([false, true]);
    for (const refused of [
      await server.call('removeMember', { params }),
      await server.call('putMember', { params, body: { role: 'viewer' } }),
      await server.call('createSignInLink', { params, body: {} }),
    ]) {
      expect([refused.status, refused.problem.code]).toEqual([404, 'not_found']);
    }
    const kinds = (await server.call('listAudit')).body.entries
      .filter(({ subject }) => subject === `member/${body.id}`)
      .map(({ kind }) => kind);
    expect(kinds).toEqual(['member.removed', 'member.role_changed', 'member.added']);
  });

  it('that was removed comes back under the same number, and name to the letter', async () => {
    const { id } = (await add('Rita', 'admin')).body;
    await server.call('removeMember', { params: { id } });
    const { status: refused, problem } = await add('rita');
    expect([refused, problem.code, problem.detail]).toEqual([409, 'name_taken', expect.stringContaining('`Rita`')]);
    expect((await add('Rita', 'viewer')).body).toMatchObject({ id, role: 'viewer', removed_at: null });
  });

  it.each([
    ['the same name', 'Nina'],
    ['other letters', 'NINA'],
    ['a Greek capital', '\u039dina'],
    ['a Cyrillic letter', 'Nin\u0430'],
    ['a character that does not show', 'Ni\u200bna'],
  ])('has no namesake by %s', async (_what, name) => {
    await add('Nina');
    const { status: refused, problem } = await add(name);
    expect([refused, problem.code]).toEqual([409, 'name_taken']);
  });

  it('has none among members added at the same time either', async () => {
    const answers = await Promise.all(['Zoe', 'zoe', 'ZOE', 'Zo\u0435', 'Zoe '].map((name) => add(name)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409, 409, 409, 409]);
  });

  it.each(['admin', 'Admin', '\u0430dmin'])('is not called %s', async (name) => {
    expect((await add(name)).problem.code).toBe('name_taken');
  });

  it('is never an agent', async () => {
    expect((await add('bot', 'agent' as never)).status).toBe(422);
  });

  it('is seen', async () => {
    const { id } = (await add('Seen')).body;
    const seenAt = async () =>
      (await server.call('listMembers', { query: { limit: 200 } })).body.members.find((member) => member.id === id)
        ?.last_seen_at;
    expect(await seenAt()).toBeNull();
    await signedIn(id);
    expect(Date.now() - Date.parse((await seenAt()) as string)).toBeLessThan(10_000);
  });

  it('is numbered apart from every key, so that what one asked for is not the other’s', async () => {
    const ids = [];
    for (let count = 0; count < 4; count += 1) {
      ids.push((await add(`Number ${count}`)).body.id);
      ids.push((await server.call('createApiKey', { body: { name: `key ${count}`, role: 'viewer' } })).body.id);
    }
    expect(new Set(ids).size).toBe(8);
  });
});

describe('four eyes', () => {
  it('takes a member and the owner of a key of that name for one person', async () => {
    const own = await startTestServer({ config: { fourEyesDefault: true } });
    try {
      const rules = [{ id: 'one-rule', agent: 'a', action: 'b', effect: 'deny', reason: 'for this test only' }];
      const bundle = (await own.call('createBundle', { body: { version: '1.0.0', rules } })).body;
      const key = await own.createKey('operator', { owner: 'Iris' });
      const ask = { kind: 'activation', bundle_id: bundle.id, justification: 'to see who may' };
      const { id } = (await own.call('createApproval', { token: key, body: ask })).body;
      const iris = (await own.call('createMember', { body: { name: 'iris', role: 'approver' } })).body;
      const jon = (await own.call('createMember', { body: { name: 'Jon', role: 'approver' } })).body;
      const browserOf = async (member: number) => {
        const { url } = (await own.call('createSignInLink', { params: { id: member }, body: {} })).body;
        const browser = new Browser(own.url);
        await browser.signIn({ link: codeIn(url) });
        return browser;
      };
      const approve = async (browser: Browser) => {
        const answer = await browser.change('POST', `/policy/approvals/${id}/approve`, {});
        return [answer.status, answer.json().code];
      };
      expect(await approve(await browserOf(iris.id))).toEqual([409, 'self_approval']);
      expect(await approve(await browserOf(jon.id))).toEqual([200, undefined]);
    } finally {
      await own.close();
    }
  });
});

describe('what ends a session', () => {
  it('a change of role does, and the next one has the new role', async () => {
    const { id } = (await add('Changing', 'viewer')).body;
    const before = await signedIn(id);
    await server.call('putMember', { params: { id }, body: { role: 'viewer' } });
    expect(await status(before)).toBe(200);
    await server.call('putMember', { params: { id }, body: { role: 'author' } });
    expect(await status(before)).toBe(401);
    expect((await (await signedIn(id)).ask('/policy/whoami')).json()).toMatchObject({ role: 'author', member_id: id });
  });

  it.each([
    ['ended', (_id: number, session: number) => server.call('endSession', { params: { id: session } }), 204],
    ['whose member was removed', (id: number) => server.call('removeMember', { params: { id } }), 204],
    [
      'whose member has another role',
      (id: number) => server.call('putMember', { params: { id }, body: { role: 'author' } }),
      200,
    ],
  ])('one %s is refused by another server within a second, while requests hail on it', async (what, end, expected) => {
    const far = await startTestServer({ db: server.db });
    try {
      const { id } = (await add(`Far ${what}`)).body;
      const browser = await signedIn(id, far);
      const { id: session } = (await browser.ask('/policy/session')).json() as { id: number };
      const refused: number[] = [];
      let ended = Number.POSITIVE_INFINITY;
      const hail = async () => {
        while (performance.now() < ended + 1_500) {
          const asked = performance.now();
          const answer = await status(browser);
          if (answer === 200) expect(asked).toBeLessThan(ended + 1_000);
          else refused.push(asked);
        }
      };
      const hailing = [hail(), hail(), hail()];
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect((await end(id, session)).status).toBe(expected);
      ended = performance.now();
      await Promise.all(hailing);
      expect(refused.length).toBeGreaterThan(0);
      expect(Math.min(...refused) - ended).toBeLessThan(1_000);
    } finally {
      await far.close();
    }
  });
});
