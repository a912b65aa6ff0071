import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
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
  /** HMAC-SHA256 of the UTF-8 text with a key of its own for each `purpose`: 32 bytes. Compare in constant time. */
  mac(text: string, purpose: string): Buffer;
  /** Ed25519; anybody can check its signatures with the public key. */
  readonly signingKey: SigningKey;
  /** Sign exports between servers that share the secret: the one to sign with first, then those of former secrets. */
  readonly exportKeys: readonly [ExportKey, ...ExportKey[]];
  /** Ed25519 keys that sign bundles and what was found out about them, in the same order. */
  readonly bundleKeys: readonly [SigningKey, ...SigningKey[]];
}

export interface ExportKey {
  /** Tells which secret, and nothing about it: 16 hexadecimal digits. */
  readonly id: string;
  /** HMAC-SHA256 of the UTF-8 text. */
  sign(text: string): Buffer;
}

export interface SigningKey {
  /** The first 16 hexadecimal digits of the SHA-256 of the public key. */
  readonly id: string;
  /** The 32 bytes of the public key, base64. */
  readonly publicKey: string;
  /** Of the bytes, or of the UTF-8 text; base64. */
  sign(message: string | Uint8Array): string;
}

/** DER of an Ed25519 private key up to its 32 bytes (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

type Derive = (use: string) => Buffer;

/** What every key is made with: HKDF-SHA256, a purpose each, so that none can stand in for another. */
function derivation(hmacSecret: string): Derive {
  return (use) => Buffer.from(hkdfSync('sha256', hmacSecret, 'policy-studio', use, 32));
}

/**
 * Keys derived from HMAC_SECRET. What was sealed or signed with the secret before it (`previousSecret`, null when there
 * was none) still opens and is still known; nothing new is.
 */
export function serverSecrets(hmacSecret: string, previousSecret: string | null = null): ServerSecrets {
  const current = derivation(hmacSecret);
  const former = previousSecret === null ? [] : [derivation(previousSecret)];
  const sealingKeys = [current, ...former].map((derive) => derive('seal'));

  return {
    seal(text, purpose) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', sealingKeys[0] as Buffer, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(sealed, purpose) {
      const [version, encoded = ''] = sealed.split('.');
      const bytes = Buffer.from(encoded, 'base64url');
      if (version !== 'v1' || bytes.length < 28) return null;
      for (const key of sealingKeys) {
        const text = opened(bytes, purpose, key);
        if (text !== null) return text;
      }
      return null;
    },
    mac: (text, purpose) =>
      createHmac('sha256', current(`mac ${purpose}`))
        .update(text, 'utf8')
        .digest(),
    signingKey: signingKey(current('sign audit checkpoints')),
    exportKeys: [exportKey(current), ...former.map(exportKey)],
    bundleKeys: [signingKey(current('sign bundles')), ...former.map((derive) => signingKey(derive('sign bundles')))],
  };
}

function opened(bytes: Buffer, purpose: string, key: Buffer): string | null {
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
    .setAAD(Buffer.from(purpose))
    .setAuthTag(bytes.subarray(12, 28));
  try {
    return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return null;
  }
}

function exportKey(derive: Derive): ExportKey {
  const key = derive('sign exports');
  return {
    id: derive('key id of exports').toString('hex').slice(0, 16),
    sign: (text) => createHmac('sha256', key).update(text, 'utf8').digest(),
  };
}

/** The Ed25519 key of a 32 byte seed. */
function signingKey(seed: Buffer): SigningKey {
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = spki.subarray(spki.length - 32);
  return {
    id: createHash('sha256').update(publicKey).digest('hex').slice(0, 16),
    publicKey: publicKey.toString('base64'),
    sign: (message) => sign(null, Buffer.from(message as string), privateKey).toString('base64'),
  };
}
