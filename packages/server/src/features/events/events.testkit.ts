import { get, type IncomingMessage } from 'node:http';
import type { ChangeEvent } from '@policy-studio/contract';
import type { TestServer } from '../../server.testkit.js';

export interface EventReader {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** All events so far. */
  readonly events: ChangeEvent[];
  /** The last position the server told. */
  readonly lastId: () => number | null;
  /** All that was received, as it came. */
  readonly text: () => string;
  /** Resolves when the server ends the stream, or `close` was called. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Reads GET /policy/events as an EventSource does; resolves when the headers are there. */
export async function readStream(
  { url, adminToken }: Pick<TestServer, 'url' | 'adminToken'>,
  { token = adminToken, lastEventId, query = '' }: { token?: string; lastEventId?: number; query?: string } = {},
): Promise<EventReader> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    };
    get(`${url}/policy/events${query}`, { headers, agent: false }, resolve).once('error', reject);
  });
  response.setEncoding('utf8');
  const events: ChangeEvent[] = [];
  let lastId: number | null = null;
  let text = '';
  const read = async (): Promise<void> => {
    let rest = '';
    for await (const chunk of response) {
      text += chunk;
      const frames = (rest + chunk).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const field = (name: string): string | undefined =>
          frame
            .split('\n')
            .find((line) => line.startsWith(`${name}: `))
            ?.slice(name.length + 2);
        const data = field('data');
        if (data !== undefined) events.push(JSON.parse(data));
        const id = field('id');
        if (id !== undefined) lastId = Number(id);
      }
    }
  };
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    lastId: () => lastId,
    text: () => text,
    ended: read().catch(() => undefined),
    close: () => response.destroy(),
  };
}

/** Waits until `holds`, looking often; throws after 10 s. */
export async function until(holds: () => boolean | Promise<boolean>, what = 'what was waited for'): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
