import { describe, expect, it } from 'vitest';
import { cookieOf, csrfTokenOf, forgery, isForeign, isSecure, setCookie } from './cookie.js';

const secret = 'a'.repeat(43);
const site = { publicUrl: null };
const asked = (
  headers: Record<string, string> = {},
  { method = 'POST', protocol = 'http' as 'http' | 'https', host = 'policy.example:8080' } = {},
) => ({ headers, method, protocol, host });

describe('a change that a browser asks for with its cookie', () => {
  const token = { 'x-csrf-token': csrfTokenOf(secret) };
  it.each([
    ['with the token, from this server', { ...token, 'sec-fetch-site': 'same-origin' }, true],
    ['with the token, typed by the person', { ...token, 'sec-fetch-site': 'none' }, true],
    ['with the token, by its origin', { ...token, origin: 'http://policy.example:8080' }, true],
    ['with the token, saying nothing of where it comes from', token, true],
    ['without the token', { 'sec-fetch-site': 'same-origin' }, false],
    ['with the token of another session', { 'x-csrf-token': csrfTokenOf('b'.repeat(43)) }, false],
    ['with a part of the token', { 'x-csrf-token': csrfTokenOf(secret).slice(0, -1) }, false],
    ['from a sibling domain', { ...token, 'sec-fetch-site': 'same-site' }, false],
    ['from another site', { ...token, 'sec-fetch-site': 'cross-site' }, false],
    ['from a word no browser says', { ...token, 'sec-fetch-site': 'Same-Origin' }, false],
    ['from another port', { ...token, origin: 'http://policy.example:8081' }, false],
    ['from another scheme', { ...token, origin: 'https://policy.example:8080' }, false],
    ['from a page that hides its origin', { ...token, origin: 'null' }, false],
    [
      'from this origin by a browser that says it was another site',
      { ...token, origin: 'http://policy.example:8080', 'sec-fetch-site': 'cross-site' },
      false,
    ],
  ])('%s', (_what, headers, believed) => {
    expect(forgery(asked(headers), site, secret) === null).toBe(believed);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('needs the token for %s', (method) => {
    expect(forgery(asked({ 'sec-fetch-site': 'same-origin' }, { method }), site, secret)).toContain('X-CSRF-Token');
  });
});

describe('what a browser reads with its cookie', () => {
  it.each([
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{}, true],
    // A link that somebody follows; the other page sees nothing of it.
    [{ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' }, true],
    [{ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }, false],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }, false],
  ])('%j: %s', (headers, believed) => {
    expect(forgery(asked(headers as Record<string, string>, { method: 'GET' }), site, secret) === null).toBe(believed);
  });
});

describe('behind a proxy', () => {
  const publicSite = { publicUrl: 'https://policy.example' };
  it('the public address is this server too', () => {
    expect(isForeign(asked({ origin: 'https://policy.example' }, { host: '10.0.0.7:8080' }), publicSite)).toBe(false);
    expect(isForeign(asked({ origin: 'https://other.example' }, { host: '10.0.0.7:8080' }), publicSite)).toBe(true);
  });
  it('cookies are for TLS where the browser used it', () => {
    expect(isSecure(asked({}, { host: 'policy.example' }), publicSite)).toBe(true);
    expect(isSecure(asked({}, { host: '127.0.0.1:8080' }), publicSite)).toBe(false);
    expect(isSecure(asked({}, { protocol: 'https' }), site)).toBe(true);
  });
});

describe('a cookie', () => {
  it('is found among others, whatever the spaces', () => {
    const read = (cookie: string) => cookieOf(asked({ cookie }), site, 'session');
    expect(read('a=1; policy_session=x; b=2')).toBe('x');
    expect(read('policy_session=x;policy_session=x')).toBe('x');
    expect(read('policy_session=x; policy_session=y')).toBeNull();
    expect(read('xpolicy_session=x; policy_sessionx=x')).toBeNull();
    expect(read('policy_session')).toBeNull();
    expect(cookieOf(asked({}), site, 'session')).toBeNull();
  });

  it('goes by TLS under the name that no sibling domain can set, and only there', () => {
    const options = { sameSite: 'Strict', maxAgeSeconds: 60 } as const;
    expect(setCookie(asked(), site, 'session', 'x', options)).toBe(
      'policy_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict',
    );
    const secure = asked({ cookie: 'policy_session=planted; __Host-policy_session=mine' }, { protocol: 'https' });
    expect(setCookie(secure, site, 'session', 'x', options)).toBe(
      '__Host-policy_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure',
    );
    expect(cookieOf(secure, site, 'session')).toBe('mine');
  });
});
