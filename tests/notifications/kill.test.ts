import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../packages/server/src/database/database.testkit.js';
import { type Receiver, startReceiver } from '../../packages/server/src/features/channels/receiver.testkit.js';
import { adminToken, freePort, type PolicyServer, startPolicyServer } from '../decisions/policy-server.testkit.js';

let database: TestDatabase;
let folder: string;
const receivers: Receiver[] = [];
const servers: PolicyServer[] = [];
beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'policy-studio-notifications-'));
});
afterAll(async () => {
  for (const server of servers) server.signal('SIGKILL');
  await Promise.all(servers.map(({ exited }) => exited));
  await Promise.all(receivers.map((receiver) => receiver.close()));
  await database?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** One more server of the same installation, as a process of its own. */
async function replica(name: string): Promise<PolicyServer> {
  const server = await startPolicyServer(join(folder, name), await freePort(), {
    DATABASE_URL: database.url,
    CREATE_TABLES_ON_STARTUP: 'true',
    HMAC_SECRET: 'notifications-test-secret-0123456789ab',
    ALLOW_PRIVATE_WEBHOOKS: 'true',
  });
  servers.push(server);
  return server;
}

async function ask<T>({ url }: PolicyServer, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}/policy${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  return (await response.json()) as T;
}

async function receiverOf(server: PolicyServer, name: string): Promise<Receiver> {
  const receiver = await startReceiver();
  receivers.push(receiver);
  const topics = ['policy-changes'];
  await ask(server, 'POST', '/channels', { name, kind: 'webhook', url: `${receiver.url}/${name}`, topics });
  return receiver;
}

const idOf = ({ headers }: Receiver['received'][number]) => String(headers['webhook-id']);
const seqOf = ({ json }: Receiver['received'][number]) => (json.data as { seq: number }).seq;

it('a server killed while it sends loses nothing, and sends nothing under two ids', { timeout: 180_000 }, async () => {
  const first = await replica('first');
  const [steady, struck] = [await receiverOf(first, 'steady'), await receiverOf(first, 'struck')];
  const changes = async (server: PolicyServer, prefix: string, count: number) => {
    for (let index = 0; index < count; index += 1) {
      await ask(server, 'PUT', `/lists/${prefix}-${index}`, { values: [index] });
    }
  };
  // The message that it has taken and not answered is on nobody's record when the server is gone.
  struck.behave(204, 204, 204, 'stall', 204);
  await changes(first, 'one', 12);
  await expect.poll(() => struck.received.length, { timeout: 20_000, interval: 5 }).toBeGreaterThan(3);
  first.signal('SIGKILL');
  await first.exited;

  const second = await replica('second');
  steady.behave(204, 'stall', 204);
  await changes(second, 'two', 12);
  await expect.poll(() => steady.received.length, { timeout: 90_000, interval: 5 }).toBeGreaterThan(13);
  second.signal('SIGKILL');
  await second.exited;

  const third = await replica('third');
  await changes(third, 'three', 3);
  interface Entries {
    readonly entries: readonly { readonly seq: number; readonly kind: string }[];
  }
  const { entries } = await ask<Entries>(third, 'GET', '/audit?limit=200');
  const sent = entries.filter(({ kind }) => kind.startsWith('list.')).map(({ seq }) => seq);
  sent.sort((a, b) => a - b);
  expect(sent).toHaveLength(27);

  for (const receiver of [steady, struck]) {
    const inOrder = () => {
      const firsts = new Map(receiver.received.toReversed().map((message) => [idOf(message), message]));
      return [...firsts.values()].map(seqOf).sort((a, b) => a - b);
    };
    await expect.poll(inOrder, { timeout: 100_000, interval: 100 }).toEqual(sent);
    // Each event has one id, and whatever came again came as it was.
    expect(new Set(receiver.received.map(idOf)).size).toBe(sent.length);
    for (const message of receiver.received) {
      const [original] = receiver.received.filter((other) => idOf(other) === idOf(message));
      expect(message.json).toEqual(original?.json);
    }
    // First arrivals are in the order of the events.
    const arrivals = receiver.received.filter(
      (message, index, all) => all.findIndex((other) => idOf(other) === idOf(message)) === index,
    );
    expect(arrivals.map(seqOf)).toEqual(sent);
  }
  // The kill met a message on its way.
  expect(struck.received.length).toBeGreaterThan(sent.length);
  interface Channels {
    readonly channels: readonly { readonly pending: number; readonly dead: number }[];
  }
  const pending = async () =>
    (await ask<Channels>(third, 'GET', '/channels')).channels.map(({ pending: left }) => left);
  await expect.poll(pending, { timeout: 30_000 }).toEqual([0, 0]);
  expect((await ask<Channels>(third, 'GET', '/channels')).channels.map(({ dead }) => dead)).toEqual([0, 0]);
});
