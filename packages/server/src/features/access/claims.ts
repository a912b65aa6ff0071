import type { Role } from '@policy-studio/contract';

/** One line of OIDC_ROLES or JWT_ROLES: who carries `value` has `role` in `workspace`. */
export interface RoleGrant {
  /** Of the roles claim; `*`: everybody the provider vouches for. */
  readonly value: string;
  readonly role: Role;
  readonly workspace: string;
}

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** null: a public client, for which PKCE alone vouches. */
  readonly clientSecret: string | null;
  readonly scopes: string;
  readonly nameClaim: string;
  readonly rolesClaim: string;
  readonly grants: readonly RoleGrant[];
}

export interface JwtSettings {
  readonly issuer: string;
  readonly audience: string;
  /** null: as the issuer's metadata says. */
  readonly jwksUrl: string | null;
  readonly algorithms: readonly string[];
  readonly rolesClaim: string;
  readonly grants: readonly RoleGrant[];
}

/** How people and services may show who they are, beside API keys. */
export interface IdentitySettings {
  /** Without a request for so long a browser session ends. */
  readonly sessionIdleMs: number;
  readonly sessionMs: number;
  readonly oidc: OidcSettings | null;
  readonly jwt: JwtSettings | null;
}

export type Claims = Readonly<Record<string, unknown>>;

/** A claim by its name, or by a path through objects such as `realm_access.roles`. */
export function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Claims)[part];
  }
  return value;
}

/**
 * The role in each workspace by the claims. The first grant that fits decides for its workspace, so the order says what
 * counts when somebody carries several values.
 */
export function rolesBy(grants: readonly RoleGrant[], claim: unknown): ReadonlyMap<string, Role> {
  const values = new Set((Array.isArray(claim) ? claim : [claim]).filter((value) => typeof value === 'string'));
  const found = new Map<string, Role>();
  for (const { value, role, workspace } of grants) {
    if ((value === '*' || values.has(value)) && !found.has(workspace)) found.set(workspace, role);
  }
  return found;
}

/**
 * The name a person goes by here; null when the claim names nobody. An address counts only when the provider has verified
 * it: anybody could claim another's.
 */
export function personName(claims: Claims, nameClaim: string): string | null {
  const value = claimOf(claims, nameClaim);
  if (nameClaim === 'email' && claims.email_verified !== true) return null;
  return typeof value === 'string' ? nameIn(value) : null;
}

const longestName = 128;

/** A name as the interface takes one: without space around it and control characters; null when it is none. */
export function nameIn(text: string): string | null {
  const name = text.trim();
  return name === '' || name.length > longestName || /\p{Cc}/u.test(name) ? null : name;
}
