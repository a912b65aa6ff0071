import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { type Dice, dice } from '../exchange/mutations.testkit.js';
import { pick } from './values.testkit.js';

const full = process.env.FULL === '1';
const seed = Number(process.env.FUZZ_SEED ?? (full ? Date.now() % 1_000_000_000 : 20_260_301));
const from = Number(process.env.FUZZ_FROM ?? 0);
const count = Number(process.env.FUZZ_COUNT ?? (full ? 5_000 : 500));

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ app: { limits: { headersMs: 400, requestMs: 800, checkMs: 100 } } });
});
afterAll(() => server?.close());

/** Sends bytes, and returns what came until the server closed the connection. */
function exchange(bytes: Buffer, waitMs = 5_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(bytes));
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`still open after ${waitMs} ms`));
    }, waitMs);
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

const statusesOf = (answer: string): string[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status ?? '');

/** What begins like a request to evaluate, as one that may. */
const lines = (...more: string[]): string =>
  [
    'POST /policy/evaluate HTTP/1.1',
    'Host: x',
    `Authorization: Bearer ${server.adminToken}`,
    'Content-Type: application/json',
    ...more,
    '',
    '',
  ].join('\r\n');
const body = '{"agent":"a","action":"b","context":{}}';

describe('bytes that two servers could take for different requests are refused:', () => {
  it.each([
    [
      'a length and chunks',
      () => `${lines('Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n`,
    ],
    ['two lengths', () => lines('Content-Length: 39', 'Content-Length: 5') + body],
    ['a length in hexadecimal', () => lines('Content-Length: 0x27') + body],
    ['a length with a sign', () => lines('Content-Length: +39') + body],
    ['a length below zero', () => lines('Content-Length: -1') + body],
    ['a length without end', () => lines('Content-Length: 99999999999999999999999') + body],
    ['an encoding nobody knows', () => lines('Transfer-Encoding: xchunked') + body],
    ['chunks that are not last', () => `${lines('Transfer-Encoding: chunked, identity')}27\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk size that is none', () => `${lines('Transfer-Encoding: chunked')}zz\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk size without end', () => `${lines('Transfer-Encoding: chunked')}ffffffffffffffffff\r\n${body}`],
    ['a folded header', () => lines('X-A: b\r\n folded', 'Content-Length: 39') + body],
    ['a space before the colon', () => lines('Content-Length : 39') + body],
    ['a carriage return in a header', () => lines('X-A: b\rc', 'Content-Length: 39') + body],
    ['a null in a header', () => lines('X-A: b\u0000c', 'Content-Length: 39') + body],
    ['bare line feeds', () => lines('Content-Length: 39').replaceAll('\r\n', '\n').replace('Host', '\n\nHost') + body],
    ['no host', () => 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['two hosts', () => 'GET /healthz HTTP/1.1\r\nHost: a\r\nhost: b\r\nConnection: close\r\n\r\n'],
    ['two credentials', () => lines('Content-Length: 39', 'AUTHORIZATION: Bearer x', 'Connection: close') + body],
    ['HTTP of version 3', () => 'GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n'],
    ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a method nobody knows', () => 'EVALUATE / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['the beginning of TLS', () => '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
    ['a request of another protocol', () => 'EHLO mail.example\r\n'],
  ])('%s', async (_what, text) => {
    const statuses = statusesOf(await exchange(Buffer.from(text(), 'latin1')));
    expect(statuses.filter((status) => !/^(400|408|413)$/.test(status))).toEqual([]);
    expect(statuses.length).toBeLessThanOrEqual(1);
  });

  it('but one that is sound is answered', async () => {
    const text = lines('Content-Length: 39', 'Connection: close') + body;
    expect(statusesOf(await exchange(Buffer.from(text)))).toEqual(['200']);
  });
});

describe('what asks for another connection', () => {
  it.each([
    ['CONNECT', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['TRACE', 'TRACE /healthz HTTP/1.1\r\nHost: x\r\nCookie: secret=1\r\nConnection: close\r\n\r\n'],
    [
      'an address of another host',
      'GET http://169.254.169.254/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ],
    [
      'a web socket',
      'GET /policy/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n',
    ],
  ])('%s is not let through', async (_what, text) => {
    const answer = await exchange(Buffer.from(text));
    expect(answer).not.toContain('secret=1');
    for (const status of statusesOf(answer)) expect(['400', '401', '404', '405']).toContain(status);
  });
});

/** A request, spoilt anywhere. */
function garbage(roll: Dice): Buffer {
  const bytes = Buffer.from(lines(`Content-Length: ${body.length}`, 'Connection: close') + body);
  const at = roll(bytes.length);
  const noise = Buffer.from(Array.from({ length: 1 + roll(12) }, () => roll(256)));
  switch (roll(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + noise.length)]);
    case 3:
      return Buffer.concat([bytes.subarray(at), bytes]);
    case 4:
      return Buffer.from(Array.from({ length: pick(roll, [1, 40, 3_000]) }, () => roll(256)));
    default:
      return Buffer.from(
        bytes
          .toString()
          .replaceAll(pick(roll, ['\r', ' ', ':', '\n', '/', '1']), pick(roll, ['', '\r\n', '\u0000', '  '])),
      );
  }
}

it(
  `${count} pieces of garbage of seed ${seed}, from ${from}, are answered or cut off, and the server goes on`,
  async () => {
    const faults: string[] = [];
    let next = from;
    const work = async (): Promise<void> => {
      while (next < from + count && faults.length < 10) {
        const index = next;
        next += 1;
        const bytes = garbage(dice(Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b)));
        const answer = await exchange(bytes).catch((error: Error) => error.message);
        if (answer.startsWith('still open') || statusesOf(answer).some((status) => status >= '500'))
          faults.push(`FUZZ_SEED=${seed} FUZZ_FROM=${index} FUZZ_COUNT=1\n${bytes.toString('latin1')}\n-> ${answer}`);
      }
    };
    await Promise.all(Array.from({ length: 16 }, work));
    expect(faults.join('\n\n')).toBe('');
    expect((await server.call('healthz', { token: null })).status).toBe(200);
  },
  count * 200 + 30_000,
);
