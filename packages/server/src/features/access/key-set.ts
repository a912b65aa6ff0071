import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../../clock.js';
import { providerFetch } from './provider-fetch.js';

const limits = {
  /** How old the keys may be before they are asked for again, and while the provider does not answer. */
  freshMs: 10 * 60_000,
  staleMs: 60 * 60_000,
  /** At most one attempt in this time, whatever tokens name: a new key is seen soon, a flood of unknown ones does nothing. */
  attemptMs: 10_000,
} as const;

export interface KeySetOptions {
  readonly clock: Clock;
  readonly issuer: string;
  /** null: where the metadata of the issuer says. */
  readonly jwksUrl: string | null;
}

/** The provider cannot be asked, and nothing is known that could do instead. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * The public keys of a token issuer, fetched when needed and kept for a while. A token signed by a key not seen before
 * makes it ask again: that is how issuers rotate keys.
 */
export function createKeySet({ clock, issuer, jwksUrl }: KeySetOptions): JWTVerifyGetKey {
  let known: { readonly keyOf: JWTVerifyGetKey; readonly fetchedMs: number } | null = null;
  let attemptMs = Number.NEGATIVE_INFINITY;
  let failure = 'it was not asked yet';
  let running: Promise<void> | null = null;

  const fetchKeys = async (): Promise<void> => {
    const address = jwksUrl ?? (await jwksUrlOf(issuer));
    const keyOf = createLocalJWKSet((await json(address)) as unknown as JSONWebKeySet);
    known = { keyOf, fetchedMs: clock.now().getTime() };
  };
  /** One attempt for all who wait; none when the last was just now. */
  const refresh = (nowMs: number): Promise<void> => {
    if (running !== null) return running;
    if (Math.abs(nowMs - attemptMs) < limits.attemptMs) return Promise.resolve();
    attemptMs = nowMs;
    running = fetchKeys()
      .catch((error: Error) => {
        failure = error.message;
      })
      .finally(() => {
        running = null;
      });
    return running;
  };
  const age = (nowMs: number): number =>
    known === null ? Number.POSITIVE_INFINITY : Math.abs(nowMs - known.fetchedMs);

  return async (header, token) => {
    const nowMs = clock.now().getTime();
    // Nobody waits for keys to be confirmed that are good enough.
    if (age(nowMs) > limits.staleMs) await refresh(nowMs);
    else if (age(nowMs) > limits.freshMs) void refresh(nowMs);
    if (known === null || age(nowMs) > limits.staleMs) throw new KeysUnavailableError(failure);
    try {
      return await known.keyOf(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh(nowMs);
      return known.keyOf(header, token);
    }
  };
}

async function jwksUrlOf(issuer: string): Promise<string> {
  const metadata = await json(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  if (metadata.issuer !== issuer) throw new Error(`the metadata of \`${issuer}\` is that of another issuer`);
  const { jwks_uri: address } = metadata;
  if (typeof address !== 'string' || !URL.canParse(address)) throw new Error('its metadata names no `jwks_uri`');
  // What vouches for everything must not come over a line anybody can write to.
  if (new URL(address).protocol !== new URL(issuer).protocol)
    throw new Error('its `jwks_uri` is not as safe as itself');
  return address;
}

async function json(address: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await providerFetch(address, { headers: { accept: 'application/json' } });
  if (response.status !== 200) throw new Error(`\`${address}\` answered ${response.status}`);
  const value: unknown = await response.json();
  if (typeof value !== 'object' || value === null) throw new Error(`\`${address}\` answered no JSON object`);
  return value as Readonly<Record<string, unknown>>;
}
