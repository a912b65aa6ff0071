import { createHmac } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { sameHash } from './credential.js';

type Asked = Pick<FastifyRequest, 'headers' | 'protocol' | 'host' | 'method'>;

export interface Site {
  /** PUBLIC_URL: where people reach this server, whatever a proxy tells. */
  readonly publicUrl: string | null;
}

/** Whether the browser came by TLS, so that its cookies must not travel without. */
export function isSecure({ protocol, host }: Asked, { publicUrl }: Site): boolean {
  if (protocol === 'https') return true;
  const url = publicUrl === null ? null : new URL(publicUrl);
  return url?.protocol === 'https:' && url.host === host;
}

/**
 * The name of a cookie of this server. By TLS it begins with `__Host-`, which browsers take from the very host alone: a
 * sibling domain cannot plant one.
 */
function cookieName(name: string, secure: boolean): string {
  return secure ? `__Host-policy_${name}` : `policy_${name}`;
}

/** The value of a cookie of this server; null when there is none, or several that differ. */
export function cookieOf(request: Asked, site: Site, name: string): string | null {
  const wanted = cookieName(name, isSecure(request, site));
  const values = (request.headers.cookie ?? '').split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    return pair.slice(0, at).trim() === wanted ? [pair.slice(at + 1).trim()] : [];
  });
  return values.length > 0 && values.every((value) => value === values[0]) ? (values[0] ?? null) : null;
}

export interface CookieOptions {
  /** `Lax` for what has to come along when another site leads back here; else `Strict`. */
  readonly sameSite: 'Strict' | 'Lax';
  /** 0 takes it away. */
  readonly maxAgeSeconds: number;
}

/** A `Set-Cookie` that no script can read. The value needs no escaping: it is base64url or empty. */
export function setCookie(request: Asked, site: Site, name: string, value: string, options: CookieOptions): string {
  const secure = isSecure(request, site);
  const { sameSite, maxAgeSeconds } = options;
  return `${cookieName(name, secure)}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=${sameSite}${secure ? '; Secure' : ''}`;
}

/** What a page shows with each change it asks for. Only who can read an answer of this server knows it. */
export function csrfTokenOf(cookie: string): string {
  return createHmac('sha256', cookie).update('csrf').digest('base64url');
}

/**
 * Why a request that a browser sent with its cookie is not to be believed; null when it is. Browsers say where a request
 * comes from (`Sec-Fetch-Site`, else `Origin`), which no page can forge. What changes something has to carry the token of
 * the session as well, so that a browser that says nothing is no way in.
 */
export function forgery(request: Asked, site: Site, cookie: string): string | null {
  if (request.method === 'GET' || request.method === 'HEAD') {
    // Following a link shows something to the person alone.
    const shown = request.headers['sec-fetch-mode'] === 'navigate' || !isForeign(request, site);
    return shown ? null : 'another site asked the browser for this';
  }
  if (isForeign(request, site)) return 'another site asked the browser for this';
  const token = request.headers['x-csrf-token'];
  if (typeof token !== 'string') return 'send the `csrf_token` of `GET /policy/session` as `X-CSRF-Token`';
  return sameHash(Buffer.from(token), Buffer.from(csrfTokenOf(cookie)))
    ? null
    : '`X-CSRF-Token` is not that of this session, take it from `GET /policy/session`';
}

/** Whether a browser says that a page of another origin sent this. Programs say nothing. */
export function isForeign(request: Asked, { publicUrl }: Site): boolean {
  const { 'sec-fetch-site': fetchSite, origin } = request.headers;
  if (fetchSite !== undefined) return fetchSite !== 'same-origin' && fetchSite !== 'none';
  if (origin === undefined) return false;
  const own = [`${request.protocol}://${request.host}`, ...(publicUrl === null ? [] : [new URL(publicUrl).origin])];
  return !own.includes(origin.toLowerCase());
}
