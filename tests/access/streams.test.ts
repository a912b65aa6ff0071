import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

let nowMs = Date.now();
let server: TestServer;
let far: TestServer;
beforeAll(async () => {
  const clock = { now: () => new Date(nowMs) };
  server = await startTestServer({ clock });
  far = await startTestServer({ db: server.db, clock });
});
afterAll(async () => {
  await far?.close();
  await server?.close();
});

interface Following {
  /** What has arrived so far. */
  text(): string;
  /** When the server ended the stream, by `performance.now()`. */
  readonly ended: Promise<number>;
  stop(): void;
}

/** Follows the events of a workspace as long as the server lets it, on a connection of its own. */
async function follow(on: TestServer, headers: Record<string, string>): Promise<Following> {
  const asked = get(`${on.url}/policy/events`, { agent: false, headers: { accept: 'text/event-stream', ...headers } });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  response.on('error', () => undefined);
  const ended = new Promise<number>((resolve) => response.on('close', () => resolve(performance.now())));
  return { text: () => text, ended, stop: () => void asked.destroy() };
}

async function sessionOf(token: string): Promise<{ id: number; cookie: string }> {
  const { body, headers } = await server.call('signIn', { token: null, body: { token } });
  return { id: body.id, cookie: headers.get('set-cookie')?.split(';')[0] as string };
}

describe('a stream of events', () => {
  const cases = [
    ['a key that is revoked', 'key'],
    ['a session that is ended', 'session'],
    ['a session whose key is revoked', 'session of a key'],
  ] as const;
  it.each(cases)('to %s ends within a second on every server, though events never stop', async (_what, kind) => {
    const token = await server.createKey('viewer');
    const { key_id: keyId } = (await server.call('whoami', { token })).body;
    const session = await sessionOf(token);
    const headers: Record<string, string> =
      kind === 'key' ? { authorization: `Bearer ${token}` } : { cookie: session.cookie };
    const streams = await Promise.all([follow(server, headers), follow(far, headers)]);
    let busy = true;
    const events = (async () => {
      for (let count = 0; busy; count += 1) {
        await server.call('putList', { params: { name: 'busy' }, body: { values: [count] } });
      }
    })();
    while (!streams.every((stream) => stream.text().includes('list/busy'))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (kind === 'session') await server.call('endSession', { params: { id: session.id } });
    else await server.call('revokeApiKey', { params: { id: keyId as number } });
    const at = performance.now();
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    busy = false;
    await events;
    for (const end of ends) expect(end - at).toBeLessThan(1_000);
  });

  it('does not keep a session from growing old by itself', async () => {
    const session = await sessionOf(server.adminToken);
    const stream = await follow(server, { cookie: session.cookie });
    const lastSeen = async () =>
      (await server.db.pool.query('select last_seen_at from browser_session where id = $1', [session.id])).rows[0]
        .last_seen_at as Date;
    const before = await lastSeen();
    nowMs += 5 * 60_000;
    const request = { headers: { cookie: session.cookie }, method: 'GET', ip: '127.0.0.1' };
    expect(await server.services.keys.isWelcome(request as never)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await lastSeen()).toEqual(before);
    nowMs += 8 * 3600_000;
    expect(await server.services.keys.isWelcome(request as never)).toBe(false);
    stream.stop();
  });
});
