import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

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

/** The credential of an `Authorization: Bearer` header; null when there is none of that form. */
export function bearerOf(header: string | undefined): string | null {
  return /^bearer +(\S{1,512}) *$/i.exec(header ?? '')?.[1] ?? null;
}
