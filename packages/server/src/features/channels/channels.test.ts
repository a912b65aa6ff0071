import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { messageOf } from './message.js';
import { type Receiver, startReceiver } from './receiver.testkit.js';
import { isFinal, restMs } from './retry.js';
import { channelKindsFor, topicsOf } from './routing.js';

let server: TestServer;
let strict: TestServer;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  server = await startTestServer({ config: { allowPrivateWebhooks: true } });
  strict = await startTestServer({ db: server.db });
});
afterAll(async () => {
  await strict?.close();
  await server?.close();
  await receiver?.close();
});

const topics = ['policy-alerts'];
const create = (body: Record<string, unknown>, on = server) => on.call('createChannel', { body: { topics, ...body } });

describe('a channel', () => {
  it.each([
    [{ name: 'a', kind: 'webhook' }, '/url'],
    [{ name: 'a', kind: 'slack', url: 'ftp://x' }, '/url'],
    [{ name: 'a', kind: 'slack', url: 'https://user:pass@hooks.example/' }, '/url'],
    [{ name: 'a', kind: 'pagerduty' }, '/routing_key'],
    [{ name: 'a', kind: 'webhook', url: 'https://x.example', routing_key: 'R0123456789abcdef' }, '/routing_key'],
    [{ name: 'a', kind: 'webhook', url: 'https://x.example', topics: [] }, '/topics'],
    [{ name: 'a', kind: 'webhook', url: 'https://x.example', topics: ['gossip'] }, '/topics/0'],
  ])('%j is refused at its place', async (body, path) => {
    const { status, problem } = await create(body);
    expect(status).toBe(422);
    expect(problem.errors.map((error) => error.path)).toContain(path);
    expect(JSON.stringify(problem)).not.toContain('pass@');
  });

  it.each([
    'http://hooks.example/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/latest',
    'https://localhost/',
  ])('to %s is refused unless the server allows it', async (url) => {
    expect((await create({ name: 'private', kind: 'webhook', url }, strict)).status).toBe(422);
  });

  it('is made, changed and deleted; its secret is shown once and its address never', async () => {
    const made = await create({ name: 'ops', kind: 'webhook', url: 'https://hooks.example/very-secret' });
    expect(made.body).toMatchObject({ target: 'https://hooks.example', pending: 0, dead: 0 });
    const secret = made.body.secret ?? '';
    expect(Buffer.from(secret.replace('whsec_', ''), 'base64')).toHaveLength(32);
    const { id } = made.body;
    expect((await create({ name: 'ops', kind: 'slack', url: 'https://x.example' })).problem.code).toBe('name_taken');
    const renamed = await server.call('updateChannel', { params: { id }, body: { name: 'ops 2' } });
    expect(renamed.body).toMatchObject({ name: 'ops 2', secret: null });
    const rotated = await server.call('updateChannel', { params: { id }, body: { rotate_secret: true } });
    expect(rotated.body.secret).toMatch(/^whsec_/);
    expect(rotated.body.secret).not.toBe(secret);
    const read = await server.call('getChannel', { params: { id } });
    const trail = await server.call('listAudit');
    expect(JSON.stringify([read.body, trail.body])).not.toMatch(/very-secret|whsec_/);
    expect(trail.body.entries.slice(0, 3).map(({ kind }) => kind)).toEqual([
      'channel.changed',
      'channel.changed',
      'channel.created',
    ]);
    expect((await server.call('deleteChannel', { params: { id } })).status).toBe(204);
    expect((await server.call('getChannel', { params: { id } })).status).toBe(404);
  });

  it('is one of at most 50, also when they are made at once', async () => {
    await server.db.pool.query("insert into workspace (name) values ('crowded')");
    const answers = await Promise.all(
      Array.from({ length: 55 }, (_, n) =>
        server.call('createChannel', {
          body: { name: `c${n}`, kind: 'webhook', url: 'https://x.example', topics },
          headers: { 'x-workspace': 'crowded' },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(50);
    expect(answers.filter(({ status }) => status === 409).map(({ problem }) => problem.code)).toEqual(
      Array.from({ length: 5 }, () => 'channels_full'),
    );
  });
});

describe('a test message', () => {
  it('says what came of it, and is in the audit trail', async () => {
    const made = await create({ name: 'tested', kind: 'slack', url: receiver.url });
    const params = { id: made.body.id };
    receiver.behave(204);
    const good = await server.call('testChannel', { params });
    expect(good.body).toMatchObject({ delivered: true, response_status: 204, error: null });
    receiver.behave(403);
    const bad = await server.call('testChannel', { params });
    expect(bad.body).toMatchObject({ delivered: false, response_status: 403, error: 'it answered 403' });
    expect(receiver.received.at(-1)?.json.text).toContain('tested');
    const { body } = await server.call('listAudit', { query: { limit: 2 } });
    expect(body.entries.map(({ kind, data }) => [kind, data.delivered])).toEqual([
      ['channel.tested', false],
      ['channel.tested', true],
    ]);
    const operator = await server.createKey('operator');
    const viewer = await server.createKey('viewer');
    receiver.behave(204);
    expect((await server.call('testChannel', { params, token: operator })).status).toBe(200);
    expect((await server.call('testChannel', { params, token: viewer })).status).toBe(403);
  });

  it('leaves nobody paged', async () => {
    const made = await create({
      name: 'pager',
      kind: 'pagerduty',
      url: receiver.url,
      routing_key: 'R0123456789abcdef',
    });
    receiver.received.length = 0;
    receiver.behave(202);
    await server.call('testChannel', { params: { id: made.body.id } });
    expect(receiver.received.map(({ json }) => json.event_action)).toEqual(['trigger', 'resolve']);
    expect(receiver.received[0]?.json.dedup_key).toBe(receiver.received[1]?.json.dedup_key);
  });
});

describe('the routes of events', () => {
  it.each([
    ['bundle.activated', ['policy-changes']],
    ['rollout.rolled_back', ['policy-alerts', 'policy-changes']],
    ['incident.opened', ['incidents']],
    ['incident.commented', []],
    ['bundle.created', []],
    ['audit.checkpoint', ['audit']],
    ['channel.tested', []],
    ['listing.made', []],
  ])('%s goes to %j', (kind, expected) => expect(topicsOf(kind)).toEqual(expected));

  it('page nobody for a change', () => {
    expect(channelKindsFor('bundle.activated')).not.toContain('pagerduty');
    expect(channelKindsFor('incident.opened')).toContain('pagerduty');
  });
});

describe('the rest after failed attempts', () => {
  it('doubles to half an hour, a quarter more or less, and is the same for the same message', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.uuid(), (failures, id) => {
        const base = Math.min(5_000 * 2 ** (failures - 1), 1_800_000);
        expect(restMs(failures, id)).toBeGreaterThanOrEqual(base * 0.75 - 1);
        expect(restMs(failures, id)).toBeLessThanOrEqual(base * 1.25 + 1);
        expect(restMs(failures, id)).toBe(restMs(failures, id));
      }),
    );
    expect(restMs(5, 'a')).not.toBe(restMs(5, 'b'));
  });

  it('is not waited for where it would change nothing', () => {
    expect([301, 400, 401, 404, 410, 413].every(isFinal)).toBe(true);
    expect([200, 204, 408, 425, 429, 500, 503].some(isFinal)).toBe(false);
  });
});

describe('a message about a rollout', () => {
  const event = {
    seq: 9,
    at: '2026-03-01T00:00:00.000Z',
    actor: 'system',
    kind: 'rollout.rolled_back',
    subject: 'rollout/4',
    data: {
      version: '1.3.0',
      from: { phase: 'canary', share_pct: 10 },
      to: { phase: 'rolled_back', share_pct: 0 },
      holds: [],
      reason: 'the error rate is above 10 %',
      metric: { name: 'error_rate', before: 0.01, after: 0.8225806451, limit: 0.1, sample: 62, share_pct: 10 },
      rollback: { from: { id: 4, version: '1.3.0' }, to: { id: 3, version: '1.2.0' }, by: 'controller' },
    },
    hash: '',
  };

  it('says what, which bundle, how far, why and what to do', () => {
    const message = messageOf(event, 'default', 'https://studio.example');
    expect(message).toMatchObject({
      severity: 'high',
      title: 'A rollout was rolled back',
      facts: [
        ['Subject', 'rollout/4'],
        ['Bundle', '1.3.0 → 1.2.0'],
        ['Step', 'canary, 10 % → rolled_back, 0 %'],
        ['Metric', 'error rate 0.01 → 0.823 (limit 0.1)'],
        ['Reason', 'the error rate is above 10 %'],
        ['By', 'system'],
      ],
      link: 'https://studio.example/rollouts/4',
    });
    expect(message.action).toMatch(/decisions that failed/);
    const reasons = ['no error rate yet: nothing was decided in this step'];
    const held = { ...event, kind: 'rollout.held', data: { version: '1.3.0', holds: ['inconclusive'], reasons } };
    expect(messageOf(held, 'default', null).facts).toContainEqual(['Gates', reasons[0]]);
  });

  it('can be made of any data', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (data, kind) => {
        const message = messageOf({ ...event, kind, data: data as Record<string, unknown> }, 'default', null);
        expect(message.title).not.toBe('');
        for (const [name, value] of message.facts) expect(name !== '' && value !== '').toBe(true);
      }),
    );
  });
});
