import { describe, expect, it } from 'vitest';
import { hostName, hostOf, hostWithin } from './host.js';

describe('the host of a string', () => {
  const cases: [text: string, host: string | null][] = [
    ['https://example.com', 'example.com'],
    ['https://example.com/a?b#c', 'example.com'],
    ['HTTPS://EXAMPLE.COM', 'example.com'],
    ['https://example.com:8443/', 'example.com'],
    ['https://example.com@evil.org/', 'evil.org'],
    ['https://example.com:80@evil.org', 'evil.org'],
    ['https://evil.org#@example.com', 'evil.org'],
    ['https://evil.org?@example.com', 'evil.org'],
    ['https://evil.org\\@example.com', 'evil.org'],
    ['https:\\\\evil.org\\example.com', 'evil.org'],
    ['https:/evil.org', 'evil.org'],
    ['https:evil.org', 'evil.org'],
    ['https:///evil.org', 'evil.org'],
    ['ht\ttps://ev\nil.org', 'evil.org'],
    ['  https://evil.org  ', 'evil.org'],
    ['\u0000\u001f\n https://evil.org', 'evil.org'],
    ['\u007fhttps://evil.org', null],
    ['h\nt\rt\tp\ns\r:evil.org', 'evil.org'],
    ['\u017fftp://evil.org', null],
    ['1https://evil.org', null],
    ['a+b-c.d1://evil.org', 'evil.org'],
    ['https://example.com.', 'example.com'],
    ['https://example.com../', 'example.com.'],
    ['https://exam%70le.com', 'example.com'],
    ['https://example.com', 'example.com'],
    ['https://example。com', 'example.com'],
    ['https://münchen.de', 'xn--mnchen-3ya.de'],
    ['https://0x7f.1/', '127.0.0.1'],
    ['https://2130706433', '127.0.0.1'],
    ['http://[::1]:80/', '[::1]'],
    ['http://[0:0:0:0:0:0:0:1]', '[::1]'],
    ['ftp://example.com', 'example.com'],
    ['foo://Example.COM/x', 'example.com'],
    ['user@Example.com', 'example.com'],
    ['user@münchen.de', 'xn--mnchen-3ya.de'],
    ['user+tag@sub.example.com.', 'sub.example.com'],
    ['user@example.com?x', null],
    ['user@evil.org\\.example.com', null],
    ['user@evil.org#.example.com', null],
    ['a@b@example.com', null],
    ['User <user@example.com>', null],
    ['a@example.com,b@evil.org', null],
    ['"a b"@example.com', null],
    ['@example.com', null],
    ['user@', null],
    ['user @example.com', null],
    ['mailto:user@example.com', null],
    ['javascript:alert(1)', null],
    ['javascript://example.com/%0aalert(1)', 'example.com'],
    ['data:text/html,x', null],
    ['blob:https://example.com/1', null],
    ['file:///etc/passwd', null],
    ['//example.com', null],
    ['example.com', null],
    ['example.com/path', null],
    ['https://', null],
    ['https://.', null],
    ['https://exa mple.com', null],
    ['https://exa<mple.com', null],
    ['', null],
    ['\uD800', null],
  ];
  it.each(cases)('of %j is %j', (text, host) => {
    expect(hostOf(text)).toBe(host);
  });
});

describe('reading hosts often', () => {
  it('goes on reading Latin-1 letters after the code is optimised', () => {
    let found = 0;
    for (let i = 0; i < 20_000; i++) if (hostOf('https://m\u00fcnchen.de/') === 'xn--mnchen-3ya.de') found += 1;
    expect(found).toBe(20_000);
  });
});

describe('a host name', () => {
  const cases: [text: string, host: string | null][] = [
    ['Example.COM', 'example.com'],
    ['münchen.de', 'xn--mnchen-3ya.de'],
    ['example.com.', 'example.com'],
    ['localhost', 'localhost'],
    ['1.2.3.4', '1.2.3.4'],
    ['[::1]', '[::1]'],
    ['[::1]:80', null],
    ['::1', null],
    ['example.com:80', null],
    ['https://example.com', null],
    ['example.com/', null],
    ['a@example.com', null],
    ['example.com?', null],
    ['exam\tple.com', null],
    ['example.com\u0000', null],
    [' example.com', null],
    ['*.example.com', null],
    ['', null],
    ['.', null],
  ];
  it.each(cases)('%j is read as %j', (text, host) => {
    expect(hostName(text)).toBe(host);
  });
});

describe('being within domains', () => {
  const domains = new Set(['example.com', 'co.uk', '[::1]']);
  it.each([
    ['example.com', true],
    ['a.b.example.com', true],
    ['notexample.com', false],
    ['example.com.evil.org', false],
    ['com', false],
    ['x.co.uk', true],
    ['[::1]', true],
  ])('of %s is %s', (host, expected) => {
    expect(hostWithin(host, domains)).toBe(expected);
  });
});
