import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    app: { limits: { headersMs: 300, requestMs: 600, checkMs: 50, silentMs: 1_500, connections: 20 } },
  });
});
afterAll(() => server?.close());

/** Sends `text` as it is and returns all that comes until the server closes, and after how long. */
function raw(
  text: string,
  keepSending?: { every: number; what: string },
): Promise<{ answer: string; afterMs: number }> {
  return new Promise((resolve, reject) => {
    const started = Date.now();
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(text));
    const timer = keepSending && setInterval(() => socket.write(keepSending.what), keepSending.every);
    let answer = '';
    socket.setTimeout(5_000, () => reject(new Error(`still open after 5 s: ${answer}`)));
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      socket.destroy();
      resolve({ answer, afterMs: Date.now() - started });
    });
  });
}

/** How many connections the server holds. */
function connections(): Promise<number> {
  return new Promise((resolve, reject) =>
    server.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}

function problemOf(answer: string): unknown {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toContain('application/problem+json');
  const problem = JSON.parse(body);
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${problem.status} `));
  expect(problem.request_id).toBeTruthy();
  return problem;
}

describe('a connection', () => {
  it('that sends its headers a letter at a time is closed', async () => {
    const { answer, afterMs } = await raw('GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ', { every: 50, what: 'a' });
    expect(problemOf(answer)).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(afterMs).toBeGreaterThanOrEqual(250);
    expect(afterMs).toBeLessThan(2_000);
  });

  it('that sends its body a letter at a time is closed', async () => {
    const head = `POST /policy/api-keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n`;
    const { afterMs } = await raw(head, { every: 50, what: ' ' });
    expect(afterMs).toBeGreaterThanOrEqual(500);
    expect(afterMs).toBeLessThan(3_000);
  });

  it('that asks no HTTP is told so and closed', async () => {
    const { answer } = await raw('EHLO mail.example\r\n\r\n');
    expect(problemOf(answer)).toMatchObject({ status: 400, code: 'bad_request' });
  });

  it('with headers without end is told so and closed', async () => {
    const { answer } = await raw(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(40_000)}\r\n\r\n`);
    expect(problemOf(answer)).toMatchObject({ status: 431, code: 'headers_too_large' });
  });

  it('that takes nothing of what it asked for is closed', async () => {
    const port = Number(new URL(server.url).port);
    const request = 'GET /docs/reference.js HTTP/1.1\r\nHost: x\r\n\r\n';
    const started = Date.now();
    // More of them than the buffers of the system hold, and not one byte is read before the server gave up.
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(request.repeat(20)));
    socket.pause();
    socket.on('error', () => undefined);
    await expect.poll(connections, { timeout: 5_000, interval: 10 }).toBe(1);
    await expect.poll(connections, { timeout: 15_000, interval: 100 }).toBe(0);
    expect(Date.now() - started).toBeGreaterThan(1_000);
    socket.destroy();
  });

  it('beyond the limit is dropped, and the others go on', async () => {
    const port = Number(new URL(server.url).port);
    const sockets = await Promise.all(
      Array.from(
        { length: 30 },
        () =>
          new Promise<{ open: () => boolean; end: () => void }>((resolve) => {
            let open = true;
            const socket = connect(port, '127.0.0.1');
            socket.on('error', () => undefined);
            socket.on('close', () => {
              open = false;
            });
            setTimeout(() => resolve({ open: () => open, end: () => socket.destroy() }), 150);
          }),
      ),
    );
    expect(sockets.filter(({ open }) => open()).length).toBeLessThanOrEqual(20);
    for (const { end } of sockets) end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});

describe('a body that is too large', () => {
  it('is refused in words to a client that reads nothing before all is sent', async () => {
    const length = 17 * 1024 * 1024;
    const head = `POST /policy/bundles HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.on('data', (data) => {
        text += data.toString();
      });
      socket.on('error', ({ message }) => resolve(message));
      socket.on('close', () => resolve(text));
      socket.pause();
      socket.write(head);
      socket.write(Buffer.alloc(length, 32), () => {
        socket.resume();
        setTimeout(() => socket.destroy(), 500);
      });
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('who may not call', () => {
  it('is refused before the body is sent', async () => {
    const { answer } = await raw(
      'POST /policy/bundles HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 16000000\r\n\r\n{',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('an answer', () => {
  it('carries a request id, forbids sniffing, framing and scripts, and is not cached', async () => {
    const { headers } = await fetch(`${server.url}/policy/whoami`, {
      headers: { authorization: `Bearer ${server.adminToken}` },
    });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
    expect(headers.get('server')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('lets no foreign page read it', async () => {
    const { headers } = await fetch(`${server.url}/policy/whoami`, {
      headers: { authorization: `Bearer ${server.adminToken}`, origin: 'https://evil.example' },
    });
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});
