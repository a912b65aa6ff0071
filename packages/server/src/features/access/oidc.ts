import type { FastifyRequest } from 'fastify';
import * as client from 'openid-client';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { type Claims, claimOf, type OidcSettings } from './claims.js';
import { cookieOf, setCookie } from './cookie.js';
import { providerFetch } from './provider-fetch.js';

/** The path the provider leads back to; to be registered there, behind PUBLIC_URL. */
export const callbackPath = '/sign-in/oidc/callback';

/** How long a person may take at the provider. */
const flowMs = 10 * 60_000;
/** How long the metadata of the provider are believed. */
const discoveredMs = 60 * 60_000;
const purpose = 'oidc sign-in';

/** What is remembered, in a cookie only this server can read, between leaving for the provider and coming back. */
interface Flow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly workspace: string | null;
  readonly untilMs: number;
}

export interface Vouched {
  readonly issuer: string;
  readonly subject: string;
  readonly claims: Claims;
  /** Asked for when leaving; null: whichever the claims give. */
  readonly workspace: string | null;
}

export interface OidcClient {
  /** Where the browser is to go, and the cookie it takes along; `identity_provider_unavailable`. */
  begin(request: FastifyRequest, workspace: string | null): Promise<{ url: string; cookie: string } | Refusal>;
  /** Who came back. Whatever does not fit is a Refusal; the provider's own error is told by its code. */
  finish(request: FastifyRequest): Promise<Vouched | Refusal>;
  /** Takes the cookie away. */
  clear(request: FastifyRequest): string;
}

/** Signs people in by an OpenID provider: authorization code with PKCE, state and nonce. */
export function createOidcClient({ clock, config, secrets, log }: Services, settings: OidcSettings): OidcClient {
  let discovered: { readonly configuration: client.Configuration; readonly atMs: number } | null = null;
  const redirectUri = `${config.publicUrl ?? ''}${callbackPath}`;

  const configuration = async (): Promise<client.Configuration> => {
    const nowMs = clock.now().getTime();
    if (discovered !== null && Math.abs(nowMs - discovered.atMs) < discoveredMs) return discovered.configuration;
    const issuer = new URL(settings.issuer);
    const options = {
      [client.customFetch]: providerFetch as client.CustomFetch,
      ...(issuer.protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {}),
    };
    const { clientId, clientSecret } = settings;
    const metadata = (await client.discovery(issuer, clientId, undefined, client.None(), options)).serverMetadata();
    const found = new client.Configuration(metadata, clientId, undefined, authenticationBy(clientSecret, metadata));
    found[client.customFetch] = providerFetch as client.CustomFetch;
    if (issuer.protocol === 'http:') client.allowInsecureRequests(found);
    // The signature of the ID token is checked although it comes straight from the provider.
    client.enableNonRepudiationChecks(found);
    discovered = { configuration: found, atMs: nowMs };
    return found;
  };

  const unavailable = (error: unknown): Refusal => {
    log.warn({ err: error, issuer: settings.issuer }, 'the identity provider cannot be used');
    return refuse(
      'identity_provider_unavailable',
      'the identity provider does not answer as it should, try again shortly',
    );
  };

  const flowOf = (request: FastifyRequest): Flow | null => {
    const cookie = cookieOf(request, config, 'oidc');
    const opened = cookie === null ? null : secrets.open(cookie, purpose);
    const flow = opened === null ? null : (JSON.parse(opened) as Flow);
    return flow !== null && flow.untilMs > clock.now().getTime() ? flow : null;
  };

  return {
    async begin(request, workspace) {
      let found: client.Configuration;
      try {
        found = await configuration();
      } catch (error) {
        return unavailable(error);
      }
      const flow: Flow = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
        workspace,
        untilMs: clock.now().getTime() + flowMs,
      };
      const url = client.buildAuthorizationUrl(found, {
        redirect_uri: redirectUri,
        scope: settings.scopes,
        state: flow.state,
        nonce: flow.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(flow.verifier),
        code_challenge_method: 'S256',
      });
      return {
        url: url.href,
        // Coming back is a step from another site, on which browsers leave `Strict` cookies at home.
        cookie: setCookie(request, config, 'oidc', secrets.seal(JSON.stringify(flow), purpose), {
          sameSite: 'Lax',
          maxAgeSeconds: flowMs / 1000,
        }),
      };
    },
    async finish(request) {
      const flow = flowOf(request);
      if (flow === null) {
        return refuse('unauthenticated', 'this sign-in was not begun in this browser, or too long ago; begin again');
      }
      const { error } = request.query as { error?: unknown };
      try {
        const found = await configuration();
        const back = new URL(redirectUri);
        back.search = request.url.split('?')[1] ?? '';
        const tokens = await client.authorizationCodeGrant(found, back, {
          expectedState: flow.state,
          expectedNonce: flow.nonce,
          pkceCodeVerifier: flow.verifier,
          idTokenExpected: true,
        });
        const idToken = tokens.claims();
        if (idToken === undefined) throw new Error('the provider gave no ID token');
        const claims = await withUserInfo(found, tokens.access_token, idToken as Claims & { sub: string }, settings);
        return { issuer: idToken.iss, subject: idToken.sub, claims, workspace: flow.workspace };
      } catch (failure) {
        if (typeof error === 'string' && failure instanceof client.AuthorizationResponseError) {
          const code = /^[a-z_]{1,64}$/.test(error) ? error : 'an error';
          return refuse('unauthenticated', `the identity provider answered \`${code}\`; begin again`);
        }
        log.info({ err: failure }, 'a sign-in by the identity provider did not succeed');
        if (isNetwork(failure)) return unavailable(failure);
        return refuse('unauthenticated', 'what the identity provider sent back is not believed; begin again');
      }
    },
    clear: (request) => setCookie(request, config, 'oidc', '', { sameSite: 'Lax', maxAgeSeconds: 0 }),
  };
}

/** HTTP Basic, as every provider has to offer, unless this one says that it does not. */
function authenticationBy(secret: string | null, metadata: client.ServerMetadata): client.ClientAuth {
  if (secret === null) return client.None();
  const offered = metadata.token_endpoint_auth_methods_supported;
  const basic = offered === undefined || offered.includes('client_secret_basic');
  return basic ? client.ClientSecretBasic(secret) : client.ClientSecretPost(secret);
}

/** Providers may keep some claims to the UserInfo endpoint; what the signed token says stands. */
async function withUserInfo(
  configuration: client.Configuration,
  accessToken: string,
  idToken: Claims & { readonly sub: string },
  { nameClaim, rolesClaim }: OidcSettings,
): Promise<Claims> {
  const complete = [nameClaim, rolesClaim].every((name) => claimOf(idToken, name) !== undefined);
  if (complete || configuration.serverMetadata().userinfo_endpoint === undefined) return idToken;
  return { ...(await client.fetchUserInfo(configuration, accessToken, idToken.sub)), ...idToken };
}

function isNetwork(error: unknown): boolean {
  const causes = error instanceof Error ? [error, error.cause] : [];
  return causes.some(
    (cause) => cause instanceof TypeError || (cause instanceof Error && /^(Timeout|Abort)Error$/.test(cause.name)),
  );
}
