import { describe, expect, it } from 'vitest';
import { EnvironmentError, readEnvironment } from './env.js';

const read = (variables: Record<string, string>) => readEnvironment(variables, '/srv').identity;
const oidc = {
  OIDC_ISSUER: 'https://id.example/realms/x',
  OIDC_CLIENT_ID: 'policy-studio',
  PUBLIC_URL: 'https://policy.example',
};
const jwt = { JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'https://policy.example' };

describe('identity', () => {
  it('is a matter of keys alone unless said otherwise', () => {
    expect(read({})).toEqual({ sessionIdleMs: 8 * 3600_000, sessionMs: 24 * 3600_000, oidc: null, jwt: null });
  });

  it('takes people from a provider', () => {
    const roles = 'policy-admins=admin; cn=ops,ou=x=operator@payments ;*=viewer;';
    expect(
      read({ ...oidc, OIDC_CLIENT_SECRET: 'hush', OIDC_SCOPES: 'openid, groups', OIDC_ROLES: roles }).oidc,
    ).toEqual({
      issuer: 'https://id.example/realms/x',
      clientId: 'policy-studio',
      clientSecret: 'hush',
      scopes: 'openid groups',
      nameClaim: 'email',
      rolesClaim: 'groups',
      grants: [
        { value: 'policy-admins', role: 'admin', workspace: 'default' },
        { value: 'cn=ops,ou=x', role: 'operator', workspace: 'payments' },
        { value: '*', role: 'viewer', workspace: 'default' },
      ],
    });
    expect(read(oidc).oidc).toMatchObject({ clientSecret: null, scopes: 'openid profile email', grants: [] });
  });

  it('takes services from an issuer', () => {
    expect(read({ ...jwt, JWT_ROLES: 'ci=operator', JWT_ALGORITHMS: 'ES256,PS384' }).jwt).toEqual({
      issuer: 'https://id.example',
      audience: 'https://policy.example',
      jwksUrl: null,
      algorithms: ['ES256', 'PS384'],
      rolesClaim: 'roles',
      grants: [{ value: 'ci', role: 'operator', workspace: 'default' }],
    });
    expect(read({ ...jwt, JWT_ISSUER: 'http://127.0.0.1:4000' }).jwt?.algorithms).toEqual(['RS256', 'ES256', 'EdDSA']);
  });

  it.each([
    [{ SESSION_HOURS: '2' }, /SESSION_IDLE_HOURS 8 is more than SESSION_HOURS 2/],
    [{ SESSION_HOURS: '1e9' }, /SESSION_HOURS/],
    [{ SESSION_IDLE_HOURS: '0' }, /SESSION_IDLE_HOURS/],
    [{ ...oidc, PUBLIC_URL: '' }, /PUBLIC_URL is needed/],
    [{ ...oidc, OIDC_CLIENT_ID: '' }, /OIDC_CLIENT_ID is needed/],
    [{ ...oidc, OIDC_ISSUER: 'http://id.example' }, /must begin with https/],
    [{ ...oidc, OIDC_ISSUER: 'id.example' }, /not an address/],
    [{ ...oidc, OIDC_ISSUER: 'http://127.0.0.1.evil.example' }, /must begin with https/],
    [{ ...oidc, OIDC_SCOPES: 'email' }, /lacks `openid`/],
    [{ ...oidc, OIDC_ROLES: 'admins' }, /not `value=role`/],
    [{ ...oidc, OIDC_ROLES: 'admins=root' }, /not `value=role`/],
    [{ ...oidc, OIDC_ROLES: 'bots=agent' }, /gives `agent`/],
    [{ ...jwt, JWT_AUDIENCE: '' }, /JWT_AUDIENCE is needed/],
    [{ ...jwt, JWT_ALGORITHMS: 'HS256' }, /`HS256` is none of/],
    [{ ...jwt, JWT_ALGORITHMS: 'RS256 none' }, /`none` is none of/],
    [{ ...jwt, JWT_ALGORITHMS: ',' }, /JWT_ALGORITHMS/],
    [{ ...jwt, JWT_ROLES: 'ci=approver' }, /four eyes counts people/],
    [{ ...jwt, JWT_ROLES: 'ci=admin' }, /four eyes counts people/],
    [{ ...jwt, JWT_JWKS_URL: 'http://id.example/keys' }, /JWT_JWKS_URL .* must begin with https/],
    [{ ...jwt, ...oidc, JWT_AUDIENCE: 'policy-studio' }, /JWT_AUDIENCE is OIDC_CLIENT_ID/],
  ])('stops the start for %j', (variables, message) => {
    expect(() => read(variables as Record<string, string>)).toThrow(EnvironmentError);
    expect(() => read(variables as Record<string, string>)).toThrow(message);
  });
});
