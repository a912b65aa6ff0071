import { createHmac } from 'node:crypto';
import { exportSPKI } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { type Issuer, startIssuer } from './issuer.testkit.js';

const audience = 'https://policy.example';
let nowMs = Date.parse('2026-03-01T12:00:00Z');
const seconds = () => Math.floor(nowMs / 1000);
let issuer: Issuer;
let server: TestServer;
const start = (db?: TestServer['db']) =>
  startTestServer({
    ...(db ? { db } : {}),
    clock: { now: () => new Date(nowMs) },
    config: {
      identity: {
        sessionIdleMs: 8 * 3600_000,
        sessionMs: 24 * 3600_000,
        oidc: null,
        jwt: {
          issuer: issuer.url,
          audience,
          jwksUrl: null,
          algorithms: ['RS256', 'ES256', 'EdDSA'],
          rolesClaim: 'realm_access.roles',
          grants: [
            { value: 'pdp', role: 'agent', workspace: 'default' },
            { value: 'deploys', role: 'operator', workspace: 'default' },
            { value: 'deploys', role: 'viewer', workspace: 'second' },
          ],
        },
      },
    },
  });
beforeAll(async () => {
  issuer = await startIssuer();
  server = await start();
  await server.db.pool.query("insert into workspace (name) values ('second'), ('third')");
});
afterEach(() => issuer.misbehave(null));
afterAll(async () => {
  await server?.close();
  await issuer?.close();
});

const claims = (more: Record<string, unknown> = {}) => ({
  iss: issuer.url,
  aud: audience,
  sub: 'ci',
  iat: seconds(),
  exp: seconds() + 600,
  realm_access: { roles: ['deploys'] },
  ...more,
});
const ask = async (token: string, headers: Record<string, string> = {}, on = server) =>
  on.call('whoami', { token, headers });
const unbelieved = async (token: string, detail: RegExp) => {
  const { status, problem } = await ask(token);
  expect([status, problem.code]).toEqual([401, 'unauthenticated']);
  expect(problem.detail).toMatch(detail);
};
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token of the issuer', () => {
  it('is the service that its subject names, with the role of its claims, as a member', async () => {
    const { status, body } = await ask(await issuer.sign(claims()));
    expect([status, body]).toEqual([
      200,
      {
        workspace: 'default',
        owner: 'service:ci',
        role: 'operator',
        key_id: null,
        member_id: expect.any(Number),
        session_id: null,
        agents: ['*'],
      },
    ]);
    const { members } = (await server.call('listMembers')).body;
    expect(members).toEqual([
      expect.objectContaining({ kind: 'service', name: 'service:ci', role: 'operator', managed_by: 'claims' }),
    ]);
    await ask(await issuer.sign(claims({ jti: 'another' })));
    expect((await server.call('listMembers')).body.total).toBe(1);
    const audit = (await server.call('listAudit')).body.entries.filter(({ kind }) => kind === 'member.added');
    expect(audit).toHaveLength(1);
  });

  it('selects a workspace in which its claims give a role, and no other', async () => {
    const token = await issuer.sign(claims());
    expect((await ask(token, { 'x-workspace': 'second' })).body).toMatchObject({ workspace: 'second', role: 'viewer' });
    expect((await ask(token, { 'x-workspace': 'third' })).problem.code).toBe('forbidden');
    expect((await ask(token, { 'x-workspace': 'nowhere' })).problem.code).toBe('forbidden');
  });

  it('of an agent evaluates as the agents it names, and does nothing else', async () => {
    const token = await issuer.sign(claims({ sub: 'mailer', realm_access: { roles: ['pdp'] }, agents: ['inbox.*'] }));
    const evaluate = (agent: string) =>
      server.call('evaluate', { token, body: { agent, action: 'quarantine', context: {} } });
    const decision = await evaluate('inbox.triage');
    expect(decision.status).toBe(200);
    expect((await evaluate('planner.deploy')).problem.code).toBe('agent_not_permitted');
    const report = { params: { id: decision.body.decision_id }, body: { status: 'success' as const } };
    const other = await issuer.sign(claims({ sub: 'other', realm_access: { roles: ['pdp'] } }));
    expect((await server.call('reportOutcome', { token: other, ...report })).status).not.toBe(200);
    expect((await server.call('reportOutcome', { token, ...report })).status).toBe(200);
    expect((await server.call('listBundles', { token })).status).toBe(403);
    const signIn = await server.call('signIn', { token: null, body: { token } });
    expect(signIn.problem.code).toBe('forbidden');
  });

  it.each([[['inbox.*', 7]], ['inbox.*'], [['a b']], [Array(101).fill('a')], [{}]])(
    'with agents that are no patterns (%j) is refused',
    async (agents) => {
      const { status } = await ask(await issuer.sign(claims({ sub: 'odd', agents })));
      expect(status).toBe(403);
    },
  );

  it.each([[['cooks']], [[]], [undefined], ['cooks'], [{ deploys: true }], [[{ value: 'deploys' }]]])(
    'whose roles are %j has none here',
    async (roles) => {
      const { status, problem } = await ask(await issuer.sign(claims({ realm_access: { roles } })));
      expect([status, problem.code]).toEqual([403, 'forbidden']);
    },
  );

  it('is believed until a minute after it expires, and no longer', async () => {
    const token = await issuer.sign(claims({ sub: 'brief', exp: seconds() + 10 }));
    nowMs += 69_000;
    expect((await ask(token)).status).toBe(200);
    nowMs += 2_000;
    await unbelieved(token, /has expired/);
  });
});

describe('a token is not believed', () => {
  it.each([
    ['for another audience', { aud: 'https://other.example' }, /`aud`/],
    ['for no audience', { aud: undefined }, /`aud`/],
    ['of another issuer', { iss: 'https://evil.example' }, /`iss`/],
    ['that never expires', { exp: undefined }, /`exp`/],
    ['that has expired', { exp: 1_000 }, /has expired/],
    ['that is not yet valid', { nbf: 4_000_000_000 }, /`nbf`/],
    ['without a subject', { sub: undefined }, /`sub`/],
    ['with an empty subject', { sub: ' ' }, /`sub`|name/],
  ])('%s', async (_what, more, detail) => unbelieved(await issuer.sign(claims(more)), detail));

  it('that no key of the issuer signed, though it names one', async () => {
    const published = await issuer.rotate();
    const by = await issuer.strayKey(published.kid);
    await unbelieved(await issuer.sign(claims(), { by }), /not signed by its issuer/);
  });

  it('that is unsigned', async () => {
    for (const alg of ['none', 'None', 'NONE']) {
      await unbelieved(`${base64({ alg })}.${base64(claims())}.`, /algorithm|not signed/);
      await unbelieved(`${base64({ alg })}.${base64(claims())}.AAAA`, /algorithm|not signed/);
    }
  });

  it('that takes the public key for a shared secret', async () => {
    const { kid, publicKey } = await issuer.rotate({ alg: 'RS256' });
    const signed = `${base64({ alg: 'HS256', kid })}.${base64(claims())}`;
    const mac = createHmac('sha256', await exportSPKI(publicKey))
      .update(signed)
      .digest('base64url');
    await unbelieved(`${signed}.${mac}`, /algorithm/);
  });

  it('by an algorithm that is not on the list, though its key is the issuer’s', async () => {
    const by = await issuer.rotate({ alg: 'RS384' });
    await unbelieved(await issuer.sign(claims(), { by }), /JWT_ALGORITHMS/);
  });

  it('that brings its own key', async () => {
    const by = await issuer.strayKey('mine');
    const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };
    await unbelieved(await issuer.sign(claims(), { by, header: { jwk, jku: `${issuer.url}/evil` } }), /not signed/);
    expect(issuer.asked.get('/evil')).toBeUndefined();
  });

  it('after a single character of it was changed', async () => {
    nowMs += 11_000;
    const token = await issuer.sign(claims({ sub: 'flip' }), { by: await issuer.rotate() });
    expect((await ask(token)).status).toBe(200);
    for (let at = 0; at < token.length; at += 7) {
      if (token[at] === '.') continue;
      // The last character of a part may hold bits that mean nothing.
      if (token[at + 1] === '.' || at === token.length - 1) continue;
      const flipped = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      expect((await ask(flipped)).status, `at ${at}`).toBe(401);
    }
  });

  it('where no issuer is trusted', async () => {
    const plain = await startTestServer({ db: server.db });
    try {
      const { status, problem } = await plain.call('whoami', { token: await issuer.sign(claims()) });
      expect([status, problem.detail]).toEqual([401, expect.stringContaining('trusts no issuer')]);
    } finally {
      await plain.close();
    }
  });
});

describe('the keys of the issuer', () => {
  it('are asked for again when a token names a new one, at most every ten seconds', async () => {
    nowMs += 11_000;
    await ask(await issuer.sign(claims({ sub: 'old' })));
    nowMs += 11_000;
    const by = await issuer.rotate();
    expect((await ask(await issuer.sign(claims({ sub: 'new' }), { by }))).status).toBe(200);
    const before = issuer.asked.get('/keys') as number;
    for (let count = 0; count < 20; count += 1) {
      const stray = await issuer.strayKey(`stray-${count}`);
      expect((await ask(await issuer.sign(claims(), { by: stray }))).status).toBe(401);
    }
    expect(issuer.asked.get('/keys')).toBe(before);
  });

  it('that were withdrawn are forgotten within a quarter of an hour', async () => {
    const by = await issuer.rotate();
    nowMs += 11_000;
    const token = await issuer.sign(claims({ sub: 'leaked', exp: seconds() + 7200 }), { by });
    expect((await ask(token)).status).toBe(200);
    await issuer.rotate({ alone: true });
    nowMs += 10 * 60_000 + 1_000;
    // Asks again behind this request, which is answered by what is known.
    await ask(token);
    await new Promise((resolve) => setTimeout(resolve, 300));
    nowMs += 5 * 60_000 + 1_000;
    expect((await ask(token)).status).toBe(401);
  });

  it('serve on while the issuer is away, for an hour; then nobody can tell', async () => {
    await issuer.rotate();
    nowMs += 11 * 60_000;
    expect((await ask(await issuer.sign(claims({ sub: 'steady' })))).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 300));
    issuer.misbehave((_request, response) => {
      response.writeHead(500).end();
      return true;
    });
    nowMs += 30 * 60_000;
    expect((await ask(await issuer.sign(claims({ sub: 'steady' })))).status).toBe(200);
    nowMs += 31 * 60_000;
    const { status, problem, headers } = await ask(await issuer.sign(claims({ sub: 'steady' })));
    expect([status, problem.code]).toEqual([503, 'identity_provider_unavailable']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    issuer.misbehave(null);
    nowMs += 11_000;
    expect((await ask(await issuer.sign(claims({ sub: 'steady' })))).status).toBe(200);
  });

  it.each([
    ['a redirect elsewhere', (url: string) => [302, { location: `${url}/elsewhere` }, ''] as const],
    [
      'a document without end',
      () => [200, { 'content-type': 'application/json' }, `{"keys": [${'1,'.repeat(400_000)}`] as const,
    ],
    ['no JSON', () => [200, { 'content-type': 'application/json' }, '<html>'] as const],
    ['no keys', () => [200, { 'content-type': 'application/json' }, '{}'] as const],
    ['an array', () => [200, { 'content-type': 'application/json' }, '[]'] as const],
  ])('that come as %s are not taken, and nothing breaks', async (_what, answer) => {
    const fresh = await start(server.db);
    try {
      issuer.misbehave((request, response) => {
        if (request.url !== '/keys') return false;
        const [status, headers, body] = answer(issuer.url);
        response.writeHead(status, headers).end(body);
        return true;
      });
      const { status } = await ask(await issuer.sign(claims()), {}, fresh);
      expect(status).toBe(503);
      expect(issuer.asked.get('/elsewhere')).toBeUndefined();
    } finally {
      await fresh.close();
    }
  });
});

describe('a service that an admin removed', () => {
  it('is refused on every server within a second, and stays so until it is added again', async () => {
    const far = await start(server.db);
    try {
      const token = await issuer.sign(claims({ sub: 'rogue' }));
      const id = (await ask(token)).body.member_id as number;
      expect((await ask(token, {}, far)).status).toBe(200);
      await server.call('removeMember', { params: { id } });
      expect((await ask(token)).problem.detail).toContain('was removed');
      const began = performance.now();
      while ((await ask(token, {}, far)).status === 200) expect(performance.now() - began).toBeLessThan(1_000);
      expect((await ask(await issuer.sign(claims({ sub: 'rogue', jti: '2' })), {}, far)).status).toBe(403);
      expect(
        (await server.call('createMember', { body: { name: 'service:rogue', role: 'viewer' } })).body,
      ).toMatchObject({
        id,
        kind: 'service',
        managed_by: 'claims',
      });
      expect((await ask(token)).body).toMatchObject({ role: 'operator' });
    } finally {
      await far.close();
    }
  });
});
