import { type AddressInfo, connect, createServer, type LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { isPrivateLiteral, isPublicAddress, publicLookup } from './addresses.js';
import { post } from './post.js';

describe('an address', () => {
  it.each([
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.0.1',
    '198.19.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fd00::1',
    'ff02::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'example.com',
    '',
  ])('`%s` is not public', (address) => expect(isPublicAddress(address)).toBe(false));
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '2a00:1450::1'])('`%s` is public', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );
});

describe('an URL', () => {
  it.each([
    'https://127.1/',
    'https://0x7f000001/',
    'https://2130706433/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://localhost/',
    'https://localhost./',
    'https://a.localhost/',
    'https://0177.0.0.1/',
    'https://0/',
    'https://127.0.0.1./',
    'https://%31%32%37.0.0.1/',
    'https://①②⑦.⓪.⓪.①/',
    'https://127。0。0。1/',
    'https://hooks.slack.com@127.0.0.1/',
    'https://127.0.0.1\\@hooks.slack.com/',
    'https://ⓛocalhost/',
    'https://[::]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[2002:a00:1::]/',
  ])('`%s` is private however it is spelled', (url) => expect(isPrivateLiteral(new URL(url))).toBe(true));
  it.each(['https://hooks.slack.com/x', 'https://8.8.8.8/'])('`%s` may be public', (url) =>
    expect(isPrivateLiteral(new URL(url))).toBe(false),
  );
});

describe('a lookup', () => {
  it('fails for a name that leads here', async () => {
    for (const all of [true, false]) {
      const error = await new Promise((resolve) => publicLookup('localhost', { all }, resolve));
      expect(error).toMatchObject({ code: 'PRIVATE_ADDRESS' });
    }
  });
});

describe('a connection', () => {
  it('goes to no address but those that were checked, so that a name cannot answer otherwise in between', async () => {
    let reached = 0;
    const inside = createServer(() => {
      reached += 1;
    });
    await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve));
    const { port } = inside.address() as AddressInfo;
    const connected = (lookup?: LookupFunction) =>
      new Promise<unknown>((resolve) => {
        const socket = connect({ host: 'localhost', port, family: 4, ...(lookup ? { lookup } : {}) });
        socket
          .on('connect', () => resolve('connected'))
          .on('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
        socket.on('close', () => socket.destroy()).unref();
      });
    expect(await connected()).toBe('connected');
    expect(await connected(publicLookup)).toBe('PRIVATE_ADDRESS');
    await expect.poll(() => reached).toBe(1);
    inside.close();
  });
});

describe('a message', () => {
  const options = { allowPrivate: false, timeoutMs: 2_000 };
  it.each([
    ['http://example.com/', 'only public addresses over https are allowed'],
    ['https://127.0.0.1:1/', 'only public addresses over https are allowed'],
    ['https://[::1]:1/', 'only public addresses over https are allowed'],
  ])('to %s is not sent', async (url, error) => {
    expect(await post({ url, headers: {}, body: '{}' }, options)).toEqual({ status: null, error });
  });

  it('tells a refused connection without the address', async () => {
    const told = await post(
      { url: 'http://127.0.0.1:1/secret', headers: {}, body: '' },
      { ...options, allowPrivate: true },
    );
    expect(told).toEqual({ status: null, error: 'the connection was refused' });
  });
});
