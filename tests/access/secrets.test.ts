import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../packages/server/src/database/connection.js';
import { type Receiver, startReceiver } from '../../packages/server/src/features/channels/receiver.testkit.js';
import { until } from '../../packages/server/src/features/events/events.testkit.js';
import { type RunningJobs, runJobs } from '../../packages/server/src/jobs/run.js';
import { jobs } from '../../packages/server/src/jobs/schedule.js';
import { createLogger } from '../../packages/server/src/logging.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

const hmacSecret = randomBytes(24).toString('hex');
const metricsToken = randomBytes(24).toString('hex');
const slackPath = randomBytes(12).toString('hex');
const routingKey = randomBytes(16).toString('hex');
/** What somebody pastes into the wrong place. */
const stray = `ps_${randomBytes(32).toString('base64url')}`;

let server: TestServer;
let receiver: Receiver;
let running: RunningJobs;
const lines: string[] = [];
/** By what they are. */
const secrets = new Map<string, string>();

beforeAll(async () => {
  receiver = await startReceiver();
  server = await startTestServer({
    log: createLogger('trace', { write: (line) => void lines.push(line) }),
    hmacSecret,
    config: { allowPrivateWebhooks: true, metricsToken },
    accessLimits: { failuresPerMinute: 1_000 },
  });
  running = runJobs(jobs, server.services);
  secrets.set('admin token', server.adminToken);
  secrets.set('HMAC_SECRET', hmacSecret);
  secrets.set('METRICS_TOKEN', metricsToken);
  secrets.set('path of a Slack address', slackPath);
  secrets.set('routing key', routingKey);
  secrets.set('key in the wrong place', stray);
});
afterAll(async () => {
  await running?.stop();
  await server?.close();
  await receiver?.close();
});

async function keepsKeys(): Promise<void> {
  const key = await server.createKey('operator');
  secrets.set('API key', key);
  expect((await server.call('whoami', { token: key })).status).toBe(200);
  const revoked = await server.call('createApiKey', { body: { name: 'gone', role: 'viewer' } });
  secrets.set('revoked key', revoked.body.key);
  await server.call('revokeApiKey', { params: { id: revoked.body.id } });
  expect((await server.call('whoami', { token: revoked.body.key })).status).toBe(401);
  // Right but for its end, and in every place where a person might paste one.
  expect((await server.call('whoami', { token: `${key.slice(0, -1)}~` })).status).toBe(401);
  expect((await server.call('whoami', { token: stray })).status).toBe(401);
  const url = (path: string) => `${server.url}${path}`;
  const headers = { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' };
  for (const path of [`/policy/bundles?token=${stray}`, `/?access_token=${stray}`]) {
    await (await fetch(url(path), { headers })).text();
  }
  await fetch(url('/policy/whoami'), {
    headers: { authorization: `Basic ${Buffer.from(`x:${stray}`).toString('base64')}` },
  });
  await fetch(url('/policy/whoami'), { headers: { cookie: `policy_session=${stray}`, 'x-api-key': stray } });
  await fetch(url('/policy/sign-in'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: stray }),
  });
  await fetch(url('/policy/sign-in'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"token": "${stray}", }`,
  });
  await fetch(url('/sign-in'), { method: 'POST', body: new URLSearchParams({ token: stray }) });
  await fetch(url('/metrics'), { headers: { authorization: `Bearer ${metricsToken}` } });
}

async function keepsSessionsAndLinks(): Promise<void> {
  const session = await server.call('signIn', { token: null, body: { token: secrets.get('API key') as string } });
  const cookie = session.headers.get('set-cookie')?.split(';')[0] ?? '';
  secrets.set('cookie of a session', cookie.split('=')[1] ?? '');
  secrets.set('token against forgery', session.body.csrf_token);
  expect((await server.call('whoami', { token: null, headers: { cookie } })).status).toBe(200);
  expect((await server.call('createBundle', { token: null, headers: { cookie }, body: {} })).problem.code).toBe('csrf');
  const member = await server.call('createMember', { body: { name: 'Ann', role: 'approver' } });
  const link = await server.call('createSignInLink', { params: { id: member.body.id } });
  secrets.set('sign-in link', new URL(link.body.url).searchParams.get('link') ?? '');
  expect((await fetch(link.body.url.replace(/^https?:\/\/[^/]+/, server.url))).status).toBe(200);
  const rules = [
    { id: 'one', agent: 'inbox.triage', action: 'quarantine', effect: 'deny', reason: 'for the approval' },
  ];
  const bundle = await server.call('createBundle', { body: { version: '1.0.0', rules } });
  const approval = await server.call('createApproval', {
    body: { kind: 'activation', bundle_id: bundle.body.id, justification: 'to have a link' },
  });
  const decide = await server.call('createApprovalLink', {
    params: { id: approval.body.id },
    body: { approver: 'Ann' },
  });
  const url = decide.body.url.replace(/^https?:\/\/[^/]+/, server.url);
  secrets.set('one-time link', new URL(url).searchParams.get('token') ?? '');
  expect((await fetch(url)).status).toBe(200);
  expect((await fetch(`${url}x`)).status).toBe(404);
}

async function keepsChannels(): Promise<void> {
  receiver.behave('cut');
  const webhook = await server.call('createChannel', {
    body: {
      name: 'hook',
      kind: 'webhook',
      url: `${receiver.url}/${slackPath}`,
      topics: ['audit', 'policy-changes', 'incidents'],
    },
  });
  secrets.set('signing secret', (webhook.body.secret ?? '').replace('whsec_', ''));
  await server.call('createChannel', {
    body: { name: 'slack', kind: 'slack', url: `${receiver.url}/services/${slackPath}`, topics: ['incidents'] },
  });
  await server.call('createChannel', {
    body: { name: 'pager', kind: 'pagerduty', routing_key: routingKey, topics: ['audit'] },
  });
  for (const { id } of (await server.call('listChannels')).body.channels)
    await server.call('testChannel', { params: { id } });
  await server.call('createIncident', { body: { severity: 'low', summary: 'to send something' } });
  const before = receiver.received.length;
  await until(async () => receiver.received.length > before + 1);
}

describe('a server that says all it can', () => {
  it('is used by people, programs and channels, rightly and wrongly', async () => {
    await keepsKeys();
    await keepsSessionsAndLinks();
    await keepsChannels();
    // A bug, and what it had in its hands.
    server.services.log.error(
      { err: new Error('broken'), headers: { authorization: `Bearer ${stray}` } },
      'a request failed',
    );
    server.services.log.error(
      { req: { headers: { cookie: stray, 'x-csrf-token': stray } }, token: stray, key: stray },
      'as well',
    );
    const [key, hook] = [secrets.get('API key'), secrets.get('signing secret')];
    server.services.log.warn(
      { err: new Error(`it was ${key} at https://u:${routingKey}@x/?a=1&token=${slackPath}`) },
      'no luck',
    );
    server.services.log.warn(
      `Bearer ${server.adminToken} sent whsec_${hook}; policy_session=${secrets.get('cookie of a session')}`,
    );
    for (const [what, secret] of secrets) expect([what, secret.length >= 16]).toEqual([what, true]);
    expect(secrets.size).toBe(13);
    expect(lines.length).toBeGreaterThan(30);
  });

  it('says no secret in its log', () => {
    expect(lines.filter((line) => line.includes('[redacted]')).length).toBeGreaterThanOrEqual(4);
    const said = [...secrets].flatMap(([what, secret]) =>
      lines
        .filter((line) => line.includes(secret) || line.includes(encodeURIComponent(secret)))
        .map((line) => `${what}: ${line}`),
    );
    expect(said).toEqual([]);
  });

  it('keeps none in the database as it is, nor what a look at the table could be used for', async () => {
    const { rows: tables } = await server.db.pool.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public'",
    );
    const holding: string[] = [];
    for (const { name } of tables) {
      const { rows } = await server.db.pool.query<{ text: string }>(
        `select to_jsonb(t)::text as text from "${name}" t`,
      );
      const text = rows.map((row) => row.text).join('\n');
      for (const [what, secret] of secrets) if (text.includes(secret)) holding.push(`${what} in ${name}`);
      // The hash of what is guessable would be as good as the secret; these are 256 random bits and may be hashed.
      if (text.includes(createHash('sha256').update(hmacSecret).digest('hex')))
        holding.push(`HMAC_SECRET hashed in ${name}`);
    }
    expect(holding).toEqual([]);
  });

  it('shows none again, to an admin either', async () => {
    const shown: string[] = [];
    for (const id of [
      'listApiKeys',
      'listSessions',
      'listMembers',
      'listChannels',
      'listAudit',
      'getSystem',
      'listApprovals',
      'listIncidents',
      'exportWorkspace',
    ] as const) {
      const { status, body } = await server.call(
        id,
        id === 'exportWorkspace' ? ({ params: { name: 'default' } } as never) : {},
      );
      expect(status).toBe(200);
      const text = JSON.stringify(body);
      for (const [what, secret] of secrets) if (text.includes(secret)) shown.push(`${what} by ${id}`);
    }
    expect(shown).toEqual([]);
  });
});

it('a database that cannot be opened is told without its password', async () => {
  const said: string[] = [];
  const log = createLogger('trace', { write: (line) => void said.push(line) });
  const password = 'pa55word-of-the-database';
  const opened = openDatabase({ databaseUrl: `postgres://someone:${password}@127.0.0.1:1/none`, log });
  const error = await opened.then(
    () => null,
    (reason: Error) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect(`${error?.message} ${JSON.stringify(error)} ${said.join()}`).not.toContain(password);
});
