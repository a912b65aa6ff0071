import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { decodeBase64, type Verify } from '@policy-studio/contract';

/** DER of an Ed25519 public key up to its 32 bytes (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** Whether `signature` is that of `message` by the public key (32 bytes, base64). */
export const verifyEd25519: Verify = (publicKey, message, signature) =>
  verify(null, message, keyObject(Buffer.from(publicKey, 'base64')), signature);

function keyObject(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: 'der', type: 'spki' });
}

/** The id that keys go by: the first 16 hexadecimal digits of the SHA-256 of their 32 bytes. */
export function signingKeyId(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 16);
}

/**
 * The 32 bytes of an Ed25519 public key that is given as PEM or in base64; null when it is none. A private key is none,
 * and neither is one of the few points for which a signature of everything can be made up.
 */
export function readPublicKey(text: string): Buffer | null {
  const trimmed = text.trim();
  const bytes = trimmed.startsWith('-----BEGIN PUBLIC KEY-----') ? pemBytes(trimmed) : decodeBase64(trimmed);
  if (bytes?.length !== 32) return null;
  return smallOrder.has(withoutSign(bytes)) ? null : Buffer.from(bytes);
}

function pemBytes(pem: string): Buffer | null {
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType !== 'ed25519') return null;
    return key.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);
  } catch {
    return null;
  }
}

/** The y coordinates, little-endian, of the points of small order and of their other spellings. */
const smallOrder: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** The highest bit is the sign of x. */
function withoutSign(bytes: Uint8Array): string {
  const copy = Buffer.from(bytes);
  copy[31] = (copy[31] as number) & 0x7f;
  return copy.toString('hex');
}
