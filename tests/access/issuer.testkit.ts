import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

interface SigningPair {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** What a path of the issuer answers with; false: what it ought to. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface Issuer {
  readonly url: string;
  /** How often each path was asked for. */
  readonly asked: ReadonlyMap<string, number>;
  /** Signs with the newest key, or another one. */
  sign(
    claims: JWTPayload,
    options?: { readonly by?: SigningPair; readonly header?: Record<string, unknown> },
  ): Promise<string>;
  /** A new key; the ones before stay published unless `alone`. */
  rotate(options?: { readonly alg?: string; readonly alone?: boolean }): Promise<SigningPair>;
  /** A key nobody publishes. */
  strayKey(kid: string, alg?: string): Promise<SigningPair>;
  misbehave(how: Misbehaviour | null): void;
  /** What the token endpoint gives. */
  idToken: string;
  close(): Promise<void>;
}

/** An issuer of tokens that does whatever the test wants, over loopback HTTP: right things too. */
export async function startIssuer(): Promise<Issuer> {
  const asked = new Map<string, number>();
  let published: SigningPair[] = [];
  let misbehaviour: Misbehaviour | null = null;
  let keys = 0;
  const pair = async (kid: string, alg: string): Promise<SigningPair> => ({
    kid,
    alg,
    ...(await generateKeyPair(alg, { extractable: true })),
  });
  const json = (response: ServerResponse, body: unknown): void => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    request.resume();
    const path = (request.url ?? '').split('?')[0] ?? '';
    asked.set(path, (asked.get(path) ?? 0) + 1);
    if (misbehaviour?.(request, response)) return;
    if (path === '/.well-known/openid-configuration') {
      json(response, {
        issuer: issuer.url,
        authorization_endpoint: `${issuer.url}/authorize`,
        token_endpoint: `${issuer.url}/token`,
        jwks_uri: `${issuer.url}/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256', 'ES256'],
        code_challenge_methods_supported: ['S256'],
      });
    } else if (path === '/keys') {
      const keysOf = published.map(async ({ kid, alg, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg }));
      void Promise.all(keysOf).then((all) => json(response, { keys: all }));
    } else if (path === '/token') {
      json(response, { access_token: 'a', token_type: 'Bearer', id_token: issuer.idToken });
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    idToken: '',
    sign(claims, { by = published[0] as SigningPair, header = {} } = {}) {
      return new SignJWT(claims).setProtectedHeader({ alg: by.alg, kid: by.kid, ...header }).sign(by.privateKey);
    },
    async rotate({ alg = 'ES256', alone = false } = {}) {
      keys += 1;
      const made = await pair(`key-${keys}`, alg);
      published = alone ? [made] : [made, ...published];
      return made;
    },
    strayKey: (kid, alg = 'ES256') => pair(kid, alg),
    misbehave(how) {
      misbehaviour = how;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await issuer.rotate();
  return issuer;
}
