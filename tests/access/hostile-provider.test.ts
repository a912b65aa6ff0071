import type { JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { Browser } from './browser.testkit.js';
import { type Issuer, startIssuer } from './issuer.testkit.js';

const clientId = 'policy-studio';
let issuer: Issuer;
let server: TestServer;
beforeAll(async () => {
  issuer = await startIssuer();
  server = await startTestServer({
    config: {
      publicUrl: 'https://policy.example',
      identity: {
        sessionIdleMs: 8 * 3600_000,
        sessionMs: 24 * 3600_000,
        jwt: null,
        oidc: {
          issuer: issuer.url,
          clientId,
          clientSecret: 'secret',
          scopes: 'openid',
          nameClaim: 'preferred_username',
          rolesClaim: 'groups',
          grants: [{ value: '*', role: 'viewer', workspace: 'default' }],
        },
      },
    },
  });
});
afterAll(async () => {
  await server?.close();
  await issuer?.close();
});

/** Leaves, has the token endpoint give what `make` makes of the right claims, and comes back. */
async function comeBack(make: (claims: Record<string, unknown>) => Promise<string>) {
  const browser = new Browser(server.url);
  const left = new URL((await browser.ask('/sign-in/oidc')).headers.get('location') as string);
  const now = Math.floor(Date.now() / 1000);
  issuer.idToken = await make({
    iss: issuer.url,
    aud: clientId,
    sub: 'ann',
    iat: now,
    exp: now + 60,
    nonce: left.searchParams.get('nonce'),
    preferred_username: 'ann',
    groups: [],
  });
  const state = left.searchParams.get('state') as string;
  const answer = await browser.ask(`/sign-in/oidc/callback?code=c&state=${encodeURIComponent(state)}`);
  return { browser, status: answer.status };
}
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('an ID token', () => {
  it('that is as it should be signs in', async () => {
    const { status, browser } = await comeBack((claims) => issuer.sign(claims));
    expect([status, [...browser.cookies.keys()]]).toEqual([200, ['policy_session']]);
  });

  it.each([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another client', { aud: 'other' }],
    ['for this and another client, authorised for the other', { aud: [clientId, 'other'], azp: 'other' }],
    ['of another sign-in', { nonce: 'other' }],
    ['of no sign-in', { nonce: undefined }],
    ['that has expired', { exp: 1_000 }],
    ['that never expires', { exp: undefined }],
    ['without a subject', { sub: undefined }],
  ])('%s does not', async (_what, wrong) => {
    const { status, browser } = await comeBack((claims) => issuer.sign({ ...claims, ...wrong } as JWTPayload));
    expect([status, browser.cookies.size]).toEqual([401, 0]);
  });

  it('that a key of somebody else signed does not, though it came from the provider itself', async () => {
    const by = await issuer.strayKey('key-1');
    expect((await comeBack((claims) => issuer.sign(claims, { by }))).status).toBe(401);
  });

  it('that nobody signed does not', async () => {
    expect((await comeBack(async (claims) => `${base64({ alg: 'none' })}.${base64(claims)}.`)).status).toBe(401);
  });

  it.each([
    ['the admin', 'admin'],
    ['the admin in other letters', 'АDMIN'],
    ['nobody', '  '],
    ['a number', 7],
    ['more than a name', 'x'.repeat(129)],
    ['two lines', 'ann\nadmin'],
  ])('that calls its person %s does not', async (_what, name) => {
    const { status, browser } = await comeBack((claims) =>
      issuer.sign({ ...claims, sub: `sub of ${String(name).length}`, preferred_username: name }),
    );
    expect([status, browser.cookies.size]).toEqual([403, 0]);
  });

  it('shows the name it gives as text', async () => {
    const { browser, status } = await comeBack((claims) =>
      issuer.sign({ ...claims, sub: 'markup', preferred_username: '<img src=x onerror=alert(1)>' }),
    );
    expect(status).toBe(200);
    const { text } = await browser.ask('/sign-in');
    expect(text).toContain('&lt;img src=x');
    expect(text).not.toContain('<img');
  });
});

describe('a provider', () => {
  it.each([
    ['that breaks', 500, '', {}],
    ['that answers without end', 200, `{"a": "${'x'.repeat(600_000)}"}`, { 'content-type': 'application/json' }],
    ['that leads elsewhere', 302, '', { location: '/elsewhere' }],
    ['that talks markup', 200, '<html>', { 'content-type': 'text/html' }],
  ])('%s at its token endpoint signs nobody in', async (_what, status, body, headers) => {
    issuer.misbehave((request, response) => {
      if (request.url !== '/token') return false;
      response.writeHead(status, headers).end(body);
      return true;
    });
    const came = await comeBack((claims) => issuer.sign(claims));
    issuer.misbehave(null);
    expect([401, 503]).toContain(came.status);
    expect(came.browser.cookies.size).toBe(0);
    expect(issuer.asked.get('/elsewhere')).toBeUndefined();
  });

  it('that is away when the server first asks is asked again later', async () => {
    const fresh = await startTestServer({ db: server.db, config: server.services.config });
    try {
      issuer.misbehave((_request, response) => {
        response.destroy();
        return true;
      });
      const { status, text } = await new Browser(fresh.url).ask('/sign-in/oidc');
      expect([status, text]).toEqual([503, expect.stringContaining('identity provider does not answer')]);
      issuer.misbehave(null);
      expect((await new Browser(fresh.url).ask('/sign-in/oidc')).status).toBe(303);
    } finally {
      issuer.misbehave(null);
      await fresh.close();
    }
  });
});
