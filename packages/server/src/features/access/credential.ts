import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';

/** `ps_<8 hex>_<43 base64url>`: the prefix names a key in lists and logs, the rest is 256 random bits. */
const keyForm = /^(ps_[0-9a-f]{8})_[A-Za-z0-9_-]{43}$/;

export interface NewKey {
  /** To be shown once and never stored. */
  readonly key: string;
  readonly prefix: string;
  readonly hash: Buffer;
}

export function newKey(): NewKey {
  const prefix = `ps_${randomBytes(4).toString('hex')}`;
  const key = `${prefix}_${randomBytes(32).toString('base64url')}`;
  return { key, prefix, hash: hashOf(key) };
}

/** The prefix of what may be an API key; null for anything else. */
export function prefixOf(credential: string): string | null {
  return keyForm.exec(credential)?.[1] ?? null;
}

export function hashOf(credential: string): Buffer {
  return createHash('sha256').update(credential).digest();
}

/** In constant time; both are SHA-256. */
export function sameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The credential of an `Authorization: Bearer` header; null when there is none of that form. JWTs are the longest. */
export function bearerOf(header: string | undefined): string | null {
  return /^bearer +(\S{1,8192}) *$/i.exec(header ?? '')?.[1] ?? null;
}

/** What a browser keeps: 256 random bits. */
export function newSessionSecret(): string {
  return randomBytes(32).toString('base64url');
}

export interface NewLink {
  /** What the link carries: `<prefix>.<proof>`. */
  readonly code: string;
  readonly prefix: string;
  readonly hash: Buffer;
}

export function newLink(): NewLink {
  const prefix = randomBytes(8).toString('hex');
  const code = `${prefix}.${randomBytes(32).toString('base64url')}`;
  return { code, prefix, hash: hashOf(code) };
}

/** The prefix of what may be the code of a link; null for anything else. */
export function linkPrefixOf(code: string): string | null {
  return /^([0-9a-f]{16})\.[A-Za-z0-9_-]{43}$/.exec(code)?.[1] ?? null;
}

/**
 * Tells one admin token from another. Keyed, so that who reads the database cannot try tokens against it. Servers with
 * admin tokens of their own, each from its data folder, do not take each other's links and sessions.
 */
export function adminTokenMark(hmacSecret: string, adminToken: string): string {
  const key = Buffer.from(hkdfSync('sha256', hmacSecret, 'policy-studio', 'mark of the admin token', 32));
  return createHmac('sha256', key).update(adminToken).digest('base64url');
}
