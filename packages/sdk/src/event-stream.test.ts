import type { ServerResponse } from 'node:http';
import type { ChangeEvent } from '@policy-studio/contract';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, type AnsweringServer, answering, jsonAnswer } from './answering-server.testkit.js';
import { PolicyStudioClient } from './client.js';

let server: AnsweringServer | undefined;
afterEach(() => server?.close());

const event = (seq: number): string =>
  `id: ${seq}\ndata: ${JSON.stringify({ seq, kind: 'list.changed', subject: 'list/ü', data: {} })}\n\n`;

/** Sends the parts one after the other, each as bytes of its own, then closes or stays. */
function stream(parts: readonly (string | Uint8Array)[], then: 'close' | 'stay'): Answer {
  return (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (index: number): void => {
      const part = parts[index];
      if (part === undefined) {
        if (then === 'close') response.end();
        return;
      }
      response.write(part);
      setTimeout(() => send(index + 1), 5);
    };
    send(0);
  };
}

async function follow(url: string, count: number, after?: number) {
  const states: string[] = [];
  const stop = new AbortController();
  const client = new PolicyStudioClient({ url, token: 'a-token', random: () => 0 });
  const seen: ChangeEvent[] = [];
  const events = client.followEvents({
    signal: stop.signal,
    onState: (state) => states.push(state),
    ...(after === undefined ? {} : { after }),
  });
  for await (const each of events) {
    seen.push(each);
    if (seen.length === count) stop.abort();
  }
  return { seqs: seen.map(({ seq }) => seq), subjects: seen.map(({ subject }) => subject), states };
}

describe('following events', () => {
  it('yields each change once, however the bytes arrive', async () => {
    const bytes = Buffer.from(event(7));
    const cut = bytes.indexOf(Buffer.from('ü')) + 1;
    const parts = [': here I am\nid: 6\n\n', bytes.subarray(0, cut), bytes.subarray(cut), event(8) + event(9)];
    server = await answering(stream(parts, 'stay'));
    const { seqs, subjects, states } = await follow(server.url, 3);
    expect(seqs).toEqual([7, 8, 9]);
    expect(subjects[0]).toBe('list/ü');
    expect(states).toEqual(['connected']);
    expect(server.received[0]?.headers).toMatchObject({
      accept: 'text/event-stream',
      authorization: 'Bearer a-token',
    });
    expect(server.received[0]?.headers['last-event-id']).toBeUndefined();
  });

  it('resumes after the last position it was told when the connection breaks, and takes half a frame for none', async () => {
    const half = event(3).slice(0, -1);
    server = await answering(
      stream([event(2), ': here I am\nid: 12\n\n'], 'close'),
      (response) => response.socket?.destroy(),
      stream([half], 'close'),
      stream([event(13)], 'stay'),
    );
    const { seqs, states } = await follow(server.url, 2, 1);
    expect(seqs).toEqual([2, 13]);
    expect(server.received.map(({ headers }) => headers['last-event-id'])).toEqual(['1', '12', '12', '12']);
    expect(states).toEqual(['connected', 'reconnecting', 'reconnecting', 'connected', 'reconnecting', 'connected']);
  });

  it('throws for a caller who is not known, and asks no more', async () => {
    const body = { title: 'A valid key is needed', status: 401, code: 'unauthenticated', detail: 'no key', errors: [] };
    server = await answering(jsonAnswer(401, body));
    await expect(follow(server.url, 1)).rejects.toMatchObject({ name: 'ProblemError', code: 'unauthenticated' });
    expect(server.received).toHaveLength(1);
  });

  it('goes on asking a server that is stopping', async () => {
    const body = {
      title: 'Stopping',
      status: 503,
      code: 'shutting_down',
      detail: 'the server is stopping',
      errors: [],
    };
    server = await answering(jsonAnswer(503, body), stream([event(1)], 'stay'));
    expect((await follow(server.url, 1)).seqs).toEqual([1]);
  });
});
