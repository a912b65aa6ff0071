import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { serverSecrets } from './server-secrets.js';

const secrets = serverSecrets('a secret of the server');

describe('what is sealed', () => {
  const sealed = secrets.seal('whsec_ü', 'channel/1');

  it('opens with the same secret and purpose, on every server', () => {
    expect(sealed).not.toContain('whsec');
    expect(serverSecrets('a secret of the server').open(sealed, 'channel/1')).toBe('whsec_ü');
    expect(secrets.seal('whsec_ü', 'channel/1')).not.toBe(sealed);
  });

  it('opens for nobody and nothing else', () => {
    expect(secrets.open(sealed, 'channel/2')).toBeNull();
    expect(serverSecrets('another secret').open(sealed, 'channel/1')).toBeNull();
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 1;
      expect(secrets.open(`v1.${changed.toString('base64url')}`, 'channel/1')).toBeNull();
    }
    for (const broken of ['', 'v1.', 'v1.AAAA', 'v2.x', sealed.slice(0, -5)]) {
      expect(secrets.open(broken, 'channel/1')).toBeNull();
    }
  });
});

it('signs so that the public key alone checks it', () => {
  const { signingKey } = secrets;
  const signature = Buffer.from(signingKey.sign('head 7'), 'base64');
  const x = Buffer.from(signingKey.publicKey, 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  expect(verify(null, Buffer.from('head 7'), key, signature)).toBe(true);
  expect(verify(null, Buffer.from('head 8'), key, signature)).toBe(false);
  expect(signingKey.id).toMatch(/^[0-9a-f]{16}$/);
  expect(serverSecrets('another secret').signingKey.id).not.toBe(signingKey.id);
});
