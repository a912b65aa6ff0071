import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeEvent } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTransaction } from '../../database/connection.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { type EventReader, readStream, until } from './events.testkit.js';
import { eventStream } from './stream.js';
import { createEventTail } from './tail.js';
import { recordChange } from './transaction.js';

let server: TestServer;
let replica: TestServer;
let workspaceId: number;
const readers: EventReader[] = [];

beforeAll(async () => {
  server = await startTestServer();
  replica = await startTestServer({ db: server.db });
  const { rows } = await server.db.pool.query<{ id: number }>("select id from workspace where name = 'default'");
  workspaceId = rows[0]?.id as number;
});
afterAll(async () => {
  for (const reader of readers) reader.close();
  await replica?.close();
  await server?.close();
});

async function follow(...[on, options]: Parameters<typeof readStream>): Promise<EventReader> {
  const reader = await readStream(on, options);
  readers.push(reader);
  return reader;
}

function change(kind: string, data: Record<string, unknown> = {}, holdMs = 0): Promise<number> {
  return withTransaction(server.db.pool, async (tx) => {
    const { seq } = await recordChange(tx, {
      workspaceId,
      at: new Date(),
      actor: 'test',
      kind,
      subject: 'test/1',
      data,
    });
    // The number is taken; others wait for the commit.
    if (holdMs > 0) await sleep(holdMs);
    return seq;
  });
}

const seqs = (events: readonly ChangeEvent[]): number[] => events.map(({ seq }) => seq);

describe('the stream of events', () => {
  it('begins now, tells its position at once, and brings what changes on another server', async () => {
    const before = await change('thing.before');
    const reader = await follow(server);
    expect(reader.status).toBe(200);
    expect(reader.headers['content-type']).toMatch(/^text\/event-stream/);
    await until(() => reader.lastId() === before);
    const made = await replica.call('createApiKey', { body: { name: 'heard', role: 'viewer' } });
    await until(() => reader.events.length === 1);
    expect(reader.events[0]).toMatchObject({
      seq: before + 1,
      kind: 'api_key.created',
      subject: `api_key/${made.body.id}`,
    });
    expect(reader.lastId()).toBe(before + 1);
  });

  it('is the audit trail', async () => {
    const reader = await follow(server, { query: '?after=0' });
    const { body } = await server.call('listAudit', { query: { limit: 200 } });
    await until(() => reader.events.length >= body.entries.length);
    expect(reader.events).toEqual([...body.entries].reverse());
  });

  it('goes on after Last-Event-ID, whatever the address says', async () => {
    const first = await change('thing.first');
    const second = await change('thing.second');
    const reader = await follow(server, { query: '?after=0', lastEventId: first });
    await until(() => reader.events.length > 0);
    expect(seqs(reader.events)).toEqual([second]);
  });

  it('goes on from now when the position is one that was never reached', async () => {
    const reader = await follow(server, { lastEventId: 1_000_000_000 });
    const seq = await change('thing.later');
    await until(() => reader.events.length > 0);
    expect(seqs(reader.events)).toEqual([seq]);
  });

  it('gives a reader who comes and goes everything once, while many write at once', async () => {
    const start = await change('race.start');
    const writers = 8;
    const each = 25;
    let writing = true;
    const work = Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let n = 0; n < each; n += 1) {
          await change('race.step', { writer, n }, (writer + n) % 4);
          if ((writer + n) % 5 === 0) await sleep(3);
        }
      }),
    ).finally(() => {
      writing = false;
    });
    const seen: ChangeEvent[] = [];
    let resumed = 0;
    let position = start;
    while (seen.length < writers * each) {
      const reader = await follow(resumed % 2 === 0 ? server : replica, { lastEventId: position });
      const patience = Date.now() + (writing ? 5 + ((resumed * 37) % 60) : 10_000);
      const wanted = writers * each - seen.length;
      await until(() => Date.now() > patience || reader.events.length >= wanted);
      reader.close();
      await reader.ended;
      seen.push(...reader.events);
      position = seen.at(-1)?.seq ?? start;
      resumed += 1;
      if (resumed > 500) throw new Error('no progress');
    }
    await work;
    expect(seqs(seen)).toEqual(Array.from({ length: writers * each }, (_, index) => start + 1 + index));
    expect(new Set(seen.map(({ data }) => `${data.writer} ${data.n}`)).size).toBe(writers * each);
    expect(resumed).toBeGreaterThan(3);
  });

  it('shows an agent what becomes of its own approvals, and nothing else', async () => {
    const key = await server.createKey('agent', { name: 'asking agent' });
    const { body: who } = await server.call('whoami', { token: key });
    const start = await change('thing.secret');
    const reader = await follow(server, { token: key, lastEventId: start });
    await change('approval.requested', { key_id: (who.key_id ?? 0) + 1 });
    await change('bundle.created', { key_id: who.key_id });
    const own = await change('approval.requested', { key_id: who.key_id });
    await change('approval.requested');
    await until(() => reader.events.length > 0);
    await sleep(100);
    expect(seqs(reader.events)).toEqual([own]);
    const page = await server.call('readEvents', { token: key, query: { after: start } });
    expect(seqs(page.body.events)).toEqual([own]);
    expect(page.body.next_after).toBe(own + 1);
  });

  it('keeps workspaces apart', async () => {
    await server.db.pool.query("insert into workspace (name) values ('elsewhere')");
    const made = await server.call('createApiKey', {
      body: { name: 'foreigner', role: 'admin' },
      headers: { 'x-workspace': 'elsewhere' },
    });
    const reader = await follow(server, { token: made.body.key, query: '?after=0' });
    await change('thing.here');
    await until(() => reader.events.length > 0);
    await sleep(50);
    expect(reader.events.map(({ kind, seq }) => [kind, seq])).toEqual([['api_key.created', 1]]);
  });

  it('refuses a position that is none, and who is not known', async () => {
    const wrong = await server.call('readEvents', { query: { after: -1 } });
    expect([wrong.status, wrong.problem.code]).toEqual([422, 'validation_failed']);
    const unreadable = await server.call('readEvents', { headers: { 'last-event-id': 'x; drop' } });
    expect(unreadable.status).toBe(422);
    expect((await readStream(server, { token: 'nobody' })).status).toBe(401);
  });

  it('ends when the server stops', async () => {
    const third = await startTestServer({ db: server.db });
    const reader = await readStream(third);
    await until(() => reader.lastId() !== null);
    const before = Date.now();
    await third.close();
    await reader.ended;
    expect(Date.now() - before).toBeLessThan(5_000);
  });
});

describe('as JSON', () => {
  it('comes page by page for readers that poll', async () => {
    const seen: ChangeEvent[] = [];
    let after = 0;
    let head = Number.POSITIVE_INFINITY;
    while (after < head) {
      const { body } = await server.call('readEvents', { query: { after, limit: 50 } });
      seen.push(...body.events);
      [after, head] = [body.next_after, body.head];
    }
    expect(seqs(seen)).toEqual(Array.from({ length: head }, (_, index) => index + 1));
  });
});

describe('a reader', () => {
  const options = { after: 0, maySee: () => true, heartbeatMs: 30, stuckMs: 10_000, onStuck: () => undefined };

  it('gets a sign of life in every silence, and is let go when it may not stay', async () => {
    const follower = createEventTail(server.services).follow(2_000_000_000);
    let asked = 0;
    const mayStay = async (): Promise<boolean> => {
      asked += 1;
      return asked < 4;
    };
    let text = '';
    for await (const chunk of eventStream({ ...options, follower, mayStay })) text += chunk;
    expect(text.match(/^: here I am$/gm)).toHaveLength(4);
    expect(text).toMatch(/^retry: 2000\n/);
    expect(follower.closed).toBe(true);
  });

  it('that takes nothing is cut off, and little is kept for it', async () => {
    for (let n = 0; n < 100; n += 1) await change('thing.large', { text: 'x'.repeat(20_000) });
    const follower = createEventTail(server.services).follow(workspaceId);
    let stuck = 0;
    const stream = eventStream({
      ...options,
      follower,
      stuckMs: 50,
      mayStay: async () => true,
      onStuck: () => {
        stuck += 1;
        stream.destroy();
      },
    });
    stream.read(0);
    let most = 0;
    await until(() => {
      most = Math.max(most, stream.readableLength);
      return stuck > 0;
    });
    // 2 MB lie in the table.
    expect(most).toBeLessThan(200_000);
    await until(() => follower.closed);
    expect(stuck).toBe(1);
  });

  it('loses its stream when its key is revoked', async () => {
    const made = await server.call('createApiKey', { body: { name: 'brief', role: 'viewer' } });
    const keys = server.services.keys;
    const follower = createEventTail(server.services).follow(workspaceId);
    const request = { headers: { authorization: `Bearer ${made.body.key}` }, ip: '127.0.0.1' };
    const stream = eventStream({
      ...options,
      follower,
      after: 1_000_000,
      mayStay: async () => 'role' in (await keys.authenticate(request as never)),
    });
    let text = '';
    const ended = (async () => {
      for await (const chunk of stream) text += chunk;
    })();
    await until(() => text.split('here I am').length > 3);
    await server.call('revokeApiKey', { params: { id: made.body.id } });
    await ended;
  });
});
