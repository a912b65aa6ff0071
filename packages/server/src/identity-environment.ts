import { type Role, roles } from '@policy-studio/contract';
import { EnvironmentError } from './environment-error.js';
import type { IdentitySettings, JwtSettings, OidcSettings, RoleGrant } from './features/access/claims.js';
import { defaultWorkspace } from './features/access/queries.js';

const hourMs = 3600 * 1000;
/** Signatures that only the issuer can make. */
const signatureAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

type Read = (name: string) => string | null;

/**
 * How people and services may show who they are: `SESSION_*`, `OIDC_*` and `JWT_*`.
 *
 * @throws EnvironmentError for the first value that will not do
 */
export function identityOf(read: Read, publicUrl: string | null): IdentitySettings {
  const idleHours = hoursOf('SESSION_IDLE_HOURS', read('SESSION_IDLE_HOURS'), 8);
  const hours = hoursOf('SESSION_HOURS', read('SESSION_HOURS'), 24);
  if (idleHours > hours) {
    throw new EnvironmentError(`SESSION_IDLE_HOURS ${idleHours} is more than SESSION_HOURS ${hours}`);
  }
  const oidc = oidcOf(read, publicUrl);
  const jwt = jwtOf(read);
  if (oidc !== null && jwt?.audience === oidc.clientId) {
    throw new EnvironmentError(
      'JWT_AUDIENCE is OIDC_CLIENT_ID, so what a browser gets at sign-in would do for a service; use an audience of its own',
    );
  }
  return { sessionIdleMs: idleHours * hourMs, sessionMs: hours * hourMs, oidc, jwt };
}

function hoursOf(name: string, text: string | null, fallback: number): number {
  if (text === null) return fallback;
  const hours = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || hours < 1 / 12 || hours > 720) {
    throw new EnvironmentError(`${name} \`${text}\` is not a number of hours from 0.1 to 720`);
  }
  return hours;
}

function oidcOf(read: Read, publicUrl: string | null): OidcSettings | null {
  const issuer = issuerOf('OIDC_ISSUER', read('OIDC_ISSUER'));
  if (issuer === null) return null;
  if (publicUrl === null) {
    throw new EnvironmentError('PUBLIC_URL is needed with OIDC_ISSUER: the identity provider leads people back there');
  }
  return {
    issuer,
    clientId: needed(read, 'OIDC_CLIENT_ID', 'OIDC_ISSUER'),
    clientSecret: read('OIDC_CLIENT_SECRET'),
    scopes: scopesOf(read('OIDC_SCOPES') ?? 'openid profile email'),
    nameClaim: read('OIDC_NAME_CLAIM') ?? 'email',
    rolesClaim: read('OIDC_ROLES_CLAIM') ?? 'groups',
    grants: grantsOf('OIDC_ROLES', read('OIDC_ROLES'), ['agent'], 'programs use API keys or JWTs'),
  };
}

function scopesOf(text: string): string {
  const scopes = text.split(/[\s,]+/).filter(Boolean);
  if (scopes.includes('openid')) return scopes.join(' ');
  throw new EnvironmentError(`OIDC_SCOPES \`${text}\` lacks \`openid\``);
}

function jwtOf(read: Read): JwtSettings | null {
  const issuer = issuerOf('JWT_ISSUER', read('JWT_ISSUER'));
  if (issuer === null) return null;
  return {
    issuer,
    audience: needed(read, 'JWT_AUDIENCE', 'JWT_ISSUER'),
    jwksUrl: issuerOf('JWT_JWKS_URL', read('JWT_JWKS_URL')),
    algorithms: algorithmsOf(read('JWT_ALGORITHMS')),
    rolesClaim: read('JWT_ROLES_CLAIM') ?? 'roles',
    grants: grantsOf(
      'JWT_ROLES',
      read('JWT_ROLES'),
      ['approver', 'admin'],
      'four eyes counts people, and a service is none',
    ),
  };
}

function algorithmsOf(text: string | null): readonly string[] {
  if (text === null) return ['RS256', 'ES256', 'EdDSA'];
  const names = text.split(/[\s,]+/).filter(Boolean);
  const wrong = names.find((name) => !signatureAlgorithms.includes(name));
  if (wrong === undefined && names.length > 0) return names;
  throw new EnvironmentError(`JWT_ALGORITHMS \`${wrong ?? text}\` is none of ${signatureAlgorithms.join(', ')}`);
}

function needed(read: Read, name: string, because: string): string {
  const value = read(name);
  if (value === null) throw new EnvironmentError(`${name} is needed with ${because}`);
  return value;
}

/** As it is written, since tokens repeat it to the letter. */
function issuerOf(name: string, text: string | null): string | null {
  if (text === null) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new EnvironmentError(`${name} \`${text}\` is not an address such as https://id.example.com`);
  }
  const near = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && near)) return text;
  throw new EnvironmentError(`${name} \`${text}\` must begin with https://, for its keys vouch for everybody`);
}

/** `value=role` or `value=role@workspace`, parted by semicolons; the value may hold `=`. */
function grantsOf(name: string, text: string | null, refused: readonly Role[], why: string): readonly RoleGrant[] {
  return (text ?? '').split(';').flatMap((part): RoleGrant[] => {
    const trimmed = part.trim();
    if (trimmed === '') return [];
    const found = /^(.+)=([a-z]+)(?:@(\S+))?$/.exec(trimmed);
    const role = roles.find((each) => each === found?.[2]);
    if (!found || role === undefined) {
      throw new EnvironmentError(
        `${name} \`${trimmed}\` is not \`value=role\` or \`value=role@workspace\` with a role of ${roles.join(', ')}`,
      );
    }
    if (refused.includes(role)) throw new EnvironmentError(`${name} \`${trimmed}\` gives \`${role}\`: ${why}`);
    return [{ value: (found[1] as string).trim(), role, workspace: found[3] ?? defaultWorkspace }];
  });
}
