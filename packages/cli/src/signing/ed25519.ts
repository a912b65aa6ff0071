import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { Verify, VerifyingKey } from '@policy-studio/sdk';
import { unusable } from '../exit-code.js';
import { readWhole, wholeText } from '../input.js';
import type { Terminal } from '../output.js';

/** DER of an Ed25519 public key up to its 32 bytes (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** A key that a person signs with. */
export interface PersonalKey extends VerifyingKey {
  /** Base64. */
  sign(message: Uint8Array): string;
}

export interface KeyPair extends VerifyingKey {
  /** PEM, as OpenSSL reads it. */
  readonly privatePem: string;
  readonly publicPem: string;
}

export function newKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    ...named(publicKey),
    privatePem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    publicPem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/** The private key of a PEM file. */
export async function readPrivateKey(path: string, terminal: Terminal): Promise<PersonalKey> {
  const key = await readKey(path, terminal, createPrivateKey);
  return { ...named(createPublicKey(key)), sign: (message) => sign(null, message, key).toString('base64') };
}

/** The public key of a PEM file. */
export async function readPublicKey(path: string, terminal: Terminal): Promise<VerifyingKey> {
  return named(await readKey(path, terminal, createPublicKey));
}

async function readKey(path: string, terminal: Terminal, read: (pem: string) => KeyObject): Promise<KeyObject> {
  const pem = wholeText(await readWhole(path, terminal), path);
  const kind = read === createPrivateKey ? 'private' : 'public';
  let key: KeyObject;
  try {
    key = read(pem);
  } catch {
    const locked = /ENCRYPTED/.test(pem) ? '; it is locked with a passphrase, which is not supported' : '';
    throw unusable(`${path}: holds no ${kind} key in PEM, as \`policy-studio keys generate\` writes it${locked}`);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw unusable(`${path}: is a key of ${key.asymmetricKeyType}; bundles are signed with Ed25519`);
}

/** The id that keys go by, on servers too: the first 16 hexadecimal digits of the SHA-256 of their 32 bytes. */
function named(publicKey: KeyObject): VerifyingKey {
  const bytes = publicKey.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);
  return {
    key_id: createHash('sha256').update(bytes).digest('hex').slice(0, 16),
    public_key: bytes.toString('base64'),
  };
}

export const verifyEd25519: Verify = (publicKey, message, signature) => {
  const der = Buffer.concat([spkiPrefix, Buffer.from(publicKey, 'base64')]);
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
};
