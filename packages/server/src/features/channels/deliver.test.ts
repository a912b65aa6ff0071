import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withTransaction } from '../../database/connection.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { until } from '../events/events.testkit.js';
import { recordChange } from '../events/transaction.js';
import { openIncident } from '../incidents/transaction.js';
import { deliverDue, forgetDeliveries } from './deliver.js';
import { type Received, type Receiver, startReceiver } from './receiver.testkit.js';

let server: TestServer;
let replica: TestServer;
let receiver: Receiver;
let workspaceId: number;
/** Added to the real time. */
let aheadMs = 0;
const minute = 60_000;

beforeAll(async () => {
  const clock = { now: () => new Date(Date.now() + aheadMs) };
  const config = { allowPrivateWebhooks: true, publicUrl: 'https://studio.example' };
  server = await startTestServer({ clock, config });
  replica = await startTestServer({ clock, config, db: server.db });
  const { rows } = await server.db.pool.query<{ id: number }>("select id from workspace where name = 'default'");
  workspaceId = rows[0]?.id as number;
});
afterAll(async () => {
  await replica?.close();
  await server?.close();
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  const { body } = await server.call('listChannels');
  for (const { id } of body.channels) await server.call('deleteChannel', { params: { id } });
  await receiver.close();
});

async function channel(body: Record<string, unknown> = {}): Promise<{ id: number; secret: string }> {
  const made = await server.call('createChannel', {
    body: {
      name: `to ${Math.random()}`,
      kind: 'webhook',
      url: `${receiver.url}/hook`,
      topics: ['policy-changes'],
      ...body,
    },
  });
  expect(made.status).toBe(201);
  return { id: made.body.id, secret: made.body.secret ?? '' };
}

function change(data: Record<string, unknown> = {}, kind = 'bundle.activated', subject = 'bundle/3'): Promise<number> {
  return withTransaction(server.db.pool, async (tx) => {
    const { seq } = await recordChange(tx, {
      workspaceId,
      at: server.services.clock.now(),
      actor: 'Ada',
      kind,
      subject,
      data,
    });
    return seq;
  });
}

const deliver = () => deliverDue(server.services);
const state = async (id: number) => (await server.call('getChannel', { params: { id } })).body;
const deliveries = async (id: number) =>
  (await server.call('listDeliveries', { params: { id }, query: {} })).body.deliveries;
const seqOf = ({ json }: Received) => (json.data as { seq: number }).seq;
const seqs = () => receiver.received.map(seqOf);

describe('a webhook', () => {
  it('gets what its topics are told of, signed by the standard, with nothing secret in any answer', async () => {
    const { id, secret } = await channel();
    const seq = await change({ version: '1.2.0' });
    await change({}, 'bundle.created');
    await deliver();
    expect(receiver.received).toHaveLength(1);
    const [got] = receiver.received;
    const verified = new Webhook(secret).verify(got!.text, got!.headers as Record<string, string>);
    expect(verified).toMatchObject({
      type: 'bundle.activated',
      data: {
        seq,
        workspace: 'default',
        subject: 'bundle/3',
        actor: 'Ada',
        title: 'A bundle was activated',
        link: 'https://studio.example/bundles/3',
      },
    });
    const forged = got!.text.replace('Ada', 'Eve');
    expect(() => new Webhook(secret).verify(forged, got!.headers as Record<string, string>)).toThrow();
    expect(await deliveries(id)).toMatchObject([{ seq, status: 'delivered', attempts: 1, response_status: 204 }]);
    const shown = JSON.stringify([await state(id), await deliveries(id), (await server.call('listAudit')).body]);
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain('/hook');
    const { rows } = await server.db.pool.query('select * from channel where id = $1', [id]);
    expect(JSON.stringify(rows)).not.toContain('/hook');
  });

  it('gets nothing of a change that was rolled back', async () => {
    const { id } = await channel();
    await withTransaction(server.db.pool, async (tx) => {
      await recordChange(tx, {
        workspaceId,
        at: new Date(),
        actor: 'x',
        kind: 'bundle.activated',
        subject: 'bundle/1',
      });
      throw new Error('no');
    }).catch(() => undefined);
    expect(await deliver()).toBe(0);
    expect(await deliveries(id)).toEqual([]);
  });

  it('that fails gets everything later, in order, each message under one id', async () => {
    const { id } = await channel();
    receiver.behave(503, 'cut', 500, 204);
    const sent = [await change(), await change(), await change()];
    await deliver();
    expect(receiver.received).toHaveLength(1);
    expect(await state(id)).toMatchObject({ pending: 3, failing_since: null, last_error: 'it answered 503' });
    expect(await deliver()).toBe(0);
    for (let tries = 0; tries < 3; tries += 1) {
      aheadMs += 5 * minute;
      await deliver();
    }
    expect(seqs()).toEqual([sent[0], sent[0], sent[0], sent[0], sent[1], sent[2]]);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(3);
    expect(new Set(ids.slice(0, 4)).size).toBe(1);
    expect(await state(id)).toMatchObject({ pending: 0, dead: 0, last_error: null, retry_at: null });
  });

  it('sees each message once, if it honours the id, however many servers send and are lost', async () => {
    const { id } = await channel();
    const sent: number[] = [];
    for (let n = 0; n < 30; n += 1) sent.push(await change({ n }));
    // Takes the message, and the answer is lost: now and then it comes twice.
    receiver.behave(...Array.from({ length: 12 }, (_, n) => (n % 3 === 2 ? 'cut' : 204)), 204);
    for (let round = 0; round < 8; round += 1) {
      await Promise.all([deliverDue(server.services), deliverDue(replica.services), deliverDue(server.services)]);
      aheadMs += 3 * minute;
    }
    const first = receiver.received.filter(
      ({ headers }, index, all) =>
        all.findIndex((other) => other.headers['webhook-id'] === headers['webhook-id']) === index,
    );
    expect(first.map(seqOf)).toEqual(sent);
    expect(receiver.received).toHaveLength(sent.length + 4);
    expect((await state(id)).pending).toBe(0);
  });

  it('is served by another server when the one that sent is gone', async () => {
    const { id } = await channel();
    const seq = await change();
    // As a killed server leaves it.
    await server.db.pool.query('update channel set lease = gen_random_uuid(), leased_until = $2 where id = $1', [
      id,
      new Date(server.services.clock.now().getTime() + minute),
    ]);
    expect(await deliverDue(replica.services)).toBe(0);
    aheadMs += 2 * minute;
    expect(await deliverDue(replica.services)).toBe(1);
    expect(seqs()).toEqual([seq]);
  });

  it('is left alone for as long as it asks', async () => {
    const { id } = await channel();
    await change();
    receiver.behave({ status: 429, headers: { 'retry-after': '600' } }, 204);
    await deliver();
    const wait = new Date((await state(id)).retry_at ?? 0).getTime() - server.services.clock.now().getTime();
    expect(wait).toBeGreaterThan(590_000);
    expect(wait).toBeLessThan(610_000);
  });

  it('is not followed elsewhere', async () => {
    const other = await startReceiver();
    const { id } = await channel();
    await change();
    receiver.behave({ status: 307, headers: { location: `${other.url}/stolen` } });
    await deliver();
    expect(other.received).toEqual([]);
    expect(await deliveries(id)).toMatchObject([
      { status: 'dead', error: 'it answered 307: redirects are not followed' },
    ]);
    await other.close();
  });

  it('that stalls holds up nobody else, and no change', async () => {
    const other = await startReceiver();
    const stalling = await channel();
    const fine = await channel({ url: other.url });
    receiver.behave('stall');
    await change();
    const work = deliver();
    await until(() => other.received.length === 1);
    // While the first is still being waited for.
    const before = Date.now();
    await change();
    await until(() => other.received.length === 2);
    expect(Date.now() - before).toBeLessThan(5_000);
    expect(receiver.received).toHaveLength(1);
    await work;
    expect(await state(stalling.id)).toMatchObject({ pending: 2, last_error: 'no answer within 10 s' });
    expect(await state(fine.id)).toMatchObject({ pending: 0 });
    await other.close();
  });
});

describe('a channel that fails', () => {
  it('is told of once, with an incident, and again when it recovers', async () => {
    const other = await startReceiver();
    const broken = await channel({ name: 'broken' });
    const watching = await channel({ name: 'watching', url: other.url, topics: ['policy-alerts', 'incidents'] });
    await change();
    receiver.behave(500);
    for (let tries = 0; tries < 8; tries += 1) {
      await deliver();
      aheadMs += 40 * minute;
    }
    await deliver();
    const told = other.received.map(({ json }) => json.type);
    expect(told.sort()).toEqual(['channel.failing', 'incident.opened']);
    const failing = await state(broken.id);
    expect(failing.failing_since).not.toBeNull();
    const { body } = await server.call('listIncidents');
    expect(body.incidents[0]).toMatchObject({
      kind: 'notifications_failing',
      key: `channel/${broken.id}`,
      status: 'open',
    });
    receiver.behave(204);
    aheadMs += 40 * minute;
    await deliver();
    expect(await state(broken.id)).toMatchObject({ failing_since: null, pending: 0, dead: 0 });
    await deliver();
    expect(
      other.received
        .map(({ json }) => json.type)
        .slice(2)
        .sort(),
    ).toEqual(['channel.recovered', 'incident.resolved']);
    expect((await state(watching.id)).pending).toBe(0);
    await other.close();
  });

  it('gives a message up after 12 attempts, goes on with the next, and queues it again when asked', async () => {
    const { id } = await channel();
    const [first, second] = [await change(), await change()];
    receiver.behave(...Array.from({ length: 12 }, () => 500), 204);
    for (let tries = 0; tries < 14; tries += 1) {
      await deliver();
      aheadMs += 40 * minute;
    }
    expect(await deliveries(id)).toMatchObject([
      { seq: second, status: 'delivered', attempts: 1 },
      { seq: first, status: 'dead', attempts: 12, error: 'it answered 500' },
    ]);
    expect(seqs()).toEqual([...Array.from({ length: 12 }, () => first), second]);
    const { body } = await server.call('redeliver', { params: { id } });
    expect(body.queued).toBe(1);
    await deliver();
    expect(seqs().at(-1)).toBe(first);
    expect(await state(id)).toMatchObject({ pending: 0, dead: 0 });
  });

  it('gives up what waited for a day', async () => {
    const { id } = await channel();
    for (let n = 0; n < 5; n += 1) await change();
    receiver.behave(500);
    await deliver();
    aheadMs += 25 * 60 * minute;
    await deliver();
    expect(await state(id)).toMatchObject({ pending: 0, dead: 5 });
  });

  it('that refuses everything does not make a loop with another one that does', async () => {
    const topics = ['policy-changes', 'policy-alerts', 'incidents'];
    await channel({ topics });
    await channel({ topics });
    receiver.behave(404);
    await change();
    for (let round = 0; round < 10; round += 1) await deliver();
    expect(await deliver()).toBe(0);
    // The change to both, and of each channel what the other is told, with the incidents of both to both.
    expect(receiver.received.length).toBeLessThanOrEqual(8);
  });

  it('says so when its address was sealed with another secret, and works when it is entered again', async () => {
    const { id } = await channel();
    const other = await startTestServer({
      db: server.db,
      hmacSecret: 'another-secret-0123456789',
      config: { allowPrivateWebhooks: true },
    });
    await change();
    await deliverDue(other.services);
    expect((await state(id)).last_error).toMatch(/cannot be read with the HMAC_SECRET/);
    const entered = await other.call('updateChannel', { params: { id }, body: { url: receiver.url } });
    expect(entered.body.secret).toMatch(/^whsec_/);
    await deliverDue(other.services);
    expect(receiver.received).toHaveLength(1);
    await other.close();
  });
});

describe('Slack', () => {
  it('gets blocks that say what, bundle, metric, action and link, and nobody can write its control sequences', async () => {
    await channel({ kind: 'slack', topics: ['incidents'] });
    await withTransaction(server.db.pool, (tx) =>
      openIncident(tx, {
        workspaceId,
        kind: 'rollback',
        key: 'rollout/7',
        severity: 'high',
        summary: 'bundle 1.3.0 was rolled back <!channel>',
        details: {
          metric: { name: 'error_rate', before: 0.01, after: 0.2, limit: 0.1 },
          bundles: { from: '1.3.0', to: '1.2.0' },
          recommended_actions: ['read the failed decisions & fix the rule'],
        },
        at: new Date(),
        actor: 'system',
      }),
    );
    receiver.behave({ status: 200, body: 'ok' });
    await deliver();
    const [{ json }] = receiver.received as unknown as [{ json: { text: string; blocks: { type: string }[] } }];
    const text = JSON.stringify(json.blocks.slice(1));
    expect(json.blocks.map(({ type }) => type)).toEqual(['header', 'section', 'section', 'actions', 'context']);
    expect(json.text).toContain('bundle 1.3.0 was rolled back &lt;!channel&gt;');
    expect(text).toContain('1.3.0 → 1.2.0');
    expect(text).toContain('error rate 0.01 → 0.2 (limit 0.1)');
    expect(text).toContain('failed decisions &amp; fix the rule');
    expect(text).toMatch(/https:\/\/studio\.example\/incidents\/\d+/);
    expect(text).not.toContain('<!channel>');
  });
});

describe('PagerDuty', () => {
  it('is paged for an incident, told of its acknowledgement and its end, under one key, and of nothing else', async () => {
    await channel({
      kind: 'pagerduty',
      routing_key: 'R0123456789abcdef0123456789abcde',
      topics: ['incidents', 'policy-changes'],
    });
    receiver.behave(202);
    const opened = await server.call('createIncident', {
      body: { severity: 'critical', summary: 'agents deny everything' },
    });
    const { id } = opened.body;
    await server.call('acknowledgeIncident', { params: { id }, body: {} });
    await change();
    await server.call('resolveIncident', { params: { id }, body: {} });
    await server.call('closeIncident', { params: { id }, body: {} });
    await deliver();
    expect(receiver.received.map(({ json }) => json.event_action)).toEqual([
      'trigger',
      'acknowledge',
      'resolve',
      'resolve',
    ]);
    expect(new Set(receiver.received.map(({ json }) => json.dedup_key)).size).toBe(1);
    expect(receiver.received[0]?.json).toMatchObject({
      routing_key: 'R0123456789abcdef0123456789abcde',
      payload: { severity: 'critical', source: 'policy-studio/default', class: 'incident.opened' },
    });
    expect(receiver.received[0]?.json.payload).toMatchObject({
      summary: expect.stringContaining('agents deny everything'),
    });
  });
});

it('what was delivered is forgotten after a week, what was given up after a month', async () => {
  const { id } = await channel();
  await change();
  receiver.behave(400, 204);
  await deliver();
  await change();
  await deliver();
  const later = (days: number): number => server.services.clock.now().getTime() + days * 24 * 60 * minute;
  await forgetDeliveries(server.db.pool, later(6));
  expect((await deliveries(id)).map(({ status }) => status)).toEqual(['delivered', 'dead']);
  await forgetDeliveries(server.db.pool, later(8));
  expect((await deliveries(id)).map(({ status }) => status)).toEqual(['dead']);
  await forgetDeliveries(server.db.pool, later(31));
  expect(await deliveries(id)).toEqual([]);
});
