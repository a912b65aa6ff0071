import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Empty where nothing was sent. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** `stall`: never answers; `cut`: takes the message and ends the connection without an answer. */
export type Behaviour =
  | number
  | 'stall'
  | 'cut'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

export interface Receiver {
  readonly url: string;
  /** Every request, in the order of arrival. */
  readonly received: Received[];
  /** What the next requests meet, one each; then all meet the last. */
  behave(...next: Behaviour[]): void;
  close(): Promise<void>;
}

/** A server that speaks the receiving side of a webhook and can be told to misbehave. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const stalled = new Set<ServerResponse>();
  let script: Behaviour[] = [204];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      received.push({
        path: request.url ?? '',
        headers: request.headers,
        text,
        json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      });
      const behaviour = (script.length > 1 ? script.shift() : script[0]) ?? 204;
      if (behaviour === 'stall') stalled.add(response);
      else if (behaviour === 'cut') request.socket.destroy();
      else if (typeof behaviour === 'number') response.writeHead(behaviour).end();
      else response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    behave(...next) {
      script = next;
    },
    async close() {
      for (const response of stalled) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
