import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { Browser } from './browser.testkit.js';
import { type IdentityProvider, startIdentityProvider } from './identity-provider.testkit.js';

const publicUrl = 'https://policy.example';
const client = { clientId: 'policy-studio', clientSecret: 'client-secret-0123456789-0123456789' };
const verified = (email: string, ...groups: string[]) => ({ email, email_verified: true, groups });
/** Changed by the tests as an organisation changes its people. */
const accounts = {
  ann: verified('ann@corp.example', 'policy-admins'),
  otto: verified('otto@corp.example', 'policy-ops', 'everybody'),
  paula: verified('paula@corp.example', 'payments-ops'),
  eve: { email: 'ann@corp.example', email_verified: false, groups: ['policy-admins'] },
  stranger: verified('stranger@corp.example', 'cooks'),
  vera: verified('vera@corp.example', 'cooks'),
  twin: verified('аnn@corp.example', 'policy-ops'), // a Cyrillic a
  second: verified('otto@corp.example', 'policy-ops'),
};

let provider: IdentityProvider;
let modest: IdentityProvider;
let server: TestServer;
let away: TestServer;
const identity = (issuer: string) => ({
  sessionIdleMs: 8 * 3600_000,
  sessionMs: 24 * 3600_000,
  jwt: null,
  oidc: {
    issuer,
    ...client,
    scopes: 'openid email groups',
    nameClaim: 'email',
    rolesClaim: 'groups',
    grants: [
      { value: 'policy-admins', role: 'admin', workspace: 'default' },
      { value: 'policy-ops', role: 'operator', workspace: 'default' },
      { value: 'payments-ops', role: 'operator', workspace: 'payments' },
    ] as const,
  },
});
const redirectUri = `${publicUrl}/sign-in/oidc/callback`;
beforeAll(async () => {
  [provider, modest] = await Promise.all([
    startIdentityProvider({ ...client, redirectUri, accounts, claimsInIdToken: true }),
    startIdentityProvider({ ...client, redirectUri, accounts, claimsInIdToken: false }),
  ]);
  server = await startTestServer({ config: { publicUrl, identity: identity(provider.issuer) } });
  await server.db.pool.query("insert into workspace (name) values ('payments')");
});
afterAll(async () => {
  provider?.stop();
  modest?.stop();
  await away?.close();
  await server?.close();
});

/** Leaves for the provider. */
async function leave(browser: Browser, query = ''): Promise<string> {
  const { status, headers } = await browser.ask(`/sign-in/oidc${query}`);
  expect(status).toBe(303);
  return headers.get('location') as string;
}

/** The whole way; the answer is that to the coming back. */
async function signIn(login: string, { browser = new Browser(server.url), query = '', at = provider } = {}) {
  const back = await at.visit(await leave(browser, query), login);
  const answer = await browser.ask(back.pathname + back.search, { headers: { 'sec-fetch-site': 'cross-site' } });
  return { browser, answer, back };
}
const whoami = async (browser: Browser) => (await browser.ask('/policy/whoami')).json();

describe('signing in at an identity provider', () => {
  it('asks with state, nonce and a PKCE challenge, and keeps what it needs in a cookie that comes along on the way back', async () => {
    const browser = new Browser(server.url);
    const url = new URL(await leave(browser));
    expect(url.origin).toBe(provider.issuer);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: client.clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^.{43,}$/),
      nonce: expect.stringMatching(/^.{43,}$/),
      code_challenge: expect.stringMatching(/^.{43}$/),
    });
    expect(browser.set[0]).toMatch(/^policy_oidc=\S+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
    for (const name of ['state', 'nonce']) expect(browser.set[0]).not.toContain(url.searchParams.get(name) as string);
  });

  it('makes a member with the role of the claims, and a session in a strict cookie', async () => {
    const { browser, answer } = await signIn('ann');
    expect(answer.status).toBe(200);
    // A redirect would leave the strict cookie at home; a page of ours leads on.
    expect(answer.text).toMatch(/http-equiv="refresh" content="0; url=\.\.\/\.\.\/"/);
    expect(browser.set.at(-1)).toMatch(/^policy_session=\S+; .*SameSite=Strict$/);
    expect([...browser.cookies.keys()]).toEqual(['policy_session']);
    expect(await whoami(browser)).toMatchObject({ workspace: 'default', owner: 'ann@corp.example', role: 'admin' });
    const { members } = (await server.call('listMembers')).body;
    expect(members).toEqual([
      expect.objectContaining({
        name: 'ann@corp.example',
        kind: 'person',
        role: 'admin',
        managed_by: 'claims',
        identity: { issuer: provider.issuer, subject: 'ann' },
        last_seen_at: expect.any(String),
      }),
    ]);
  });

  it('goes to the workspace that was asked for, or the one where the claims give a role', async () => {
    const { browser } = await signIn('paula');
    expect(await whoami(browser)).toMatchObject({ workspace: 'payments', role: 'operator' });
    const { answer } = await signIn('paula', { query: '?workspace=default' });
    expect(answer.status).toBe(403);
    expect((await signIn('paula', { query: '?workspace=nowhere' })).answer.status).toBe(403);
  });

  it('follows the claims at each sign-in, and ends what was begun in another role', async () => {
    const { browser: before } = await signIn('otto');
    expect(await whoami(before)).toMatchObject({ role: 'operator' });
    await server.db.pool.query("update member set role = 'viewer' where subject = 'otto'");
    const { browser: after } = await signIn('otto');
    expect(await whoami(after)).toMatchObject({ role: 'operator' });
    expect((await before.ask('/policy/whoami')).status).toBe(401);
    const [entry] = (await server.call('listAudit')).body.entries.filter(({ kind }) => kind === 'member.role_changed');
    expect(entry).toMatchObject({ actor: 'otto@corp.example', data: { before: 'viewer', after: 'operator' } });
  });

  it('reads what the provider tells at its UserInfo endpoint alone', async () => {
    away = await startTestServer({ db: server.db, config: { publicUrl, identity: identity(modest.issuer) } });
    const browser = new Browser(away.url);
    await server.db.pool.query("delete from browser_session; delete from member where subject = 'paula'");
    const { answer } = await signIn('paula', { browser, at: modest });
    expect(answer.status).toBe(200);
    expect(await whoami(browser)).toMatchObject({ workspace: 'payments', owner: 'paula@corp.example' });
  });
});

describe('who is refused', () => {
  const refused = async (login: string, detail: RegExp) => {
    const { answer, browser } = await signIn(login);
    expect([answer.status, [...browser.cookies.keys()]]).toEqual([403, []]);
    expect(answer.text).toMatch(detail);
  };

  it('has no role by the claims', () => refused('stranger', /no role in <code>default<\/code>/));
  it('shows an address that the provider has not verified', () => refused('eve', /no verified address/));
  it('has a name that looks like another member', () => refused('twin', /is or looks like your name/));
  it('has the name of a member who is another identity', () => refused('second', /is or looks like your name/));

  it('was removed by an admin, until an admin adds them again, and then with the role of the admin', async () => {
    const { browser } = await signIn('otto');
    const { member_id: id } = await whoami(browser);
    expect(
      (await server.call('putMember', { params: { id: id as number }, body: { role: 'viewer' } })).problem.code,
    ).toBe('role_from_claims');
    await server.call('removeMember', { params: { id: id as number } });
    expect((await browser.ask('/policy/whoami')).status).toBe(401);
    await refused('otto', /was removed from/);
    await server.services.denials.write(new Date());
    const [denied] = (await server.call('listAudit')).body.entries.filter(({ kind }) => kind === 'access.denied');
    expect(denied).toMatchObject({ subject: `member/${id}`, data: { attempts: { 'signIn: member_removed': 1 } } });
    const added = await server.call('createMember', { body: { name: 'otto@corp.example', role: 'viewer' } });
    expect(added.body).toMatchObject({ id, managed_by: 'admin', identity: null, role: 'viewer' });
    const again = await signIn('otto');
    expect(await whoami(again.browser)).toMatchObject({ member_id: id, role: 'viewer' });
    expect((await server.call('putMember', { params: { id: id as number }, body: { role: 'author' } })).status).toBe(
      200,
    );
    expect((await again.browser.ask('/policy/whoami')).status).toBe(401);
  });

  it('is nobody an admin added by name: they come in without a role in the claims', async () => {
    await refused('vera', /no role/);
    const { body } = await server.call('createMember', { body: { name: 'Vera@corp.example', role: 'approver' } });
    const { browser } = await signIn('vera');
    expect(await whoami(browser)).toMatchObject({ owner: 'Vera@corp.example', role: 'approver', member_id: body.id });
  });
});

describe('coming back', () => {
  const come = (browser: Browser, { pathname, search }: URL) => browser.ask(pathname + search);

  it('is worth nothing a second time', async () => {
    const { browser, answer, back } = await signIn('ann');
    expect(answer.status).toBe(200);
    browser.cookies.delete('policy_session');
    expect((await come(browser, back)).status).toBe(401);
  });

  it('is worth nothing in another browser, nor with the state of another sign-in', async () => {
    const [mine, theirs] = [new Browser(server.url), new Browser(server.url)];
    const back = await provider.visit(await leave(mine), 'ann');
    expect((await come(theirs, back)).status).toBe(401);
    await leave(theirs);
    expect((await come(theirs, back)).status).toBe(401);
    expect(theirs.cookies.size).toBe(0);
    const changed = new URL(back);
    changed.searchParams.set('state', 'x');
    expect((await come(mine, changed)).status).toBe(401);
  });

  it('is worth nothing from another issuer, by RFC 9207', async () => {
    const browser = new Browser(server.url);
    const back = await provider.visit(await leave(browser), 'ann');
    expect(back.searchParams.get('iss')).toBe(provider.issuer);
    back.searchParams.set('iss', 'https://evil.example');
    expect((await come(browser, back)).status).toBe(401);
  });

  it('without consent says so', async () => {
    const browser = new Browser(server.url);
    const back = await provider.visit(await leave(browser), 'ann', { cancel: true });
    const { status, text } = await come(browser, back);
    expect([status, browser.cookies.size]).toEqual([401, 0]);
    expect(text).toContain('<code>access_denied</code>');
  });

  it('shows nothing that the address says as it stands', async () => {
    const browser = new Browser(server.url);
    await leave(browser);
    const { text } = await browser.ask('/sign-in/oidc/callback?error=%3Cscript%3E&state=x');
    expect(text).not.toContain('<script>');
  });
});
