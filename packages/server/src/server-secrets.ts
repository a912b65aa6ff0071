import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  randomBytes,
  sign,
} from 'node:crypto';

export interface ServerSecrets {
  /** Encrypts `text` for storage. It opens only with the same secret and the same `purpose`. */
  seal(text: string, purpose: string): string;
  /** What was sealed; null when it was sealed with another secret, for another purpose, or was tampered with. */
  open(sealed: string, purpose: string): string | null;
  /** Ed25519; anybody can check its signatures with the public key. */
  readonly signingKey: SigningKey;
}

export interface SigningKey {
  /** The first 16 hexadecimal digits of the SHA-256 of the public key. */
  readonly id: string;
  /** The 32 bytes of the public key, base64. */
  readonly publicKey: string;
  /** Of the UTF-8 text; base64. */
  sign(text: string): string;
}

/** DER of an Ed25519 private key up to its 32 bytes (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Keys derived from HMAC_SECRET, one for each use, so that none can stand in for another. */
export function serverSecrets(hmacSecret: string): ServerSecrets {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', hmacSecret, 'policy-studio', use, 32));
  const sealingKey = derive('seal');
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, derive('sign audit checkpoints')]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = spki.subarray(spki.length - 32);

  return {
    seal(text, purpose) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(sealed, purpose) {
      const [version, encoded = ''] = sealed.split('.');
      const bytes = Buffer.from(encoded, 'base64url');
      if (version !== 'v1' || bytes.length < 28) return null;
      const decipher = createDecipheriv('aes-256-gcm', sealingKey, bytes.subarray(0, 12))
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(12, 28));
      try {
        return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        return null;
      }
    },
    signingKey: {
      id: createHash('sha256').update(publicKey).digest('hex').slice(0, 16),
      publicKey: publicKey.toString('base64'),
      sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
    },
  };
}
