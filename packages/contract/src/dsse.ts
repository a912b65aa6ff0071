import { decodeBase64 } from './base64.js';
import type { Envelope } from './schemas/exchange.js';

/** What the payload of a signed bundle is. */
export const bundlePayloadType = 'application/vnd.policy-studio.bundle+json';
/** What the payload of a signed statement is (in-toto attestations, v1). */
export const statementPayloadType = 'application/vnd.in-toto+json';

/**
 * The bytes that a signature of DSSE is over: `DSSEv1 <length> <type> <length> <payload>`. The type is ASCII, which the
 * schema of an envelope sees to.
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
  const bytes = new Uint8Array(head.length + payload.length);
  for (let index = 0; index < head.length; index += 1) bytes[index] = head.charCodeAt(index);
  bytes.set(payload, head.length);
  return bytes;
}

/** Whether a JSON value has the shape of an envelope, whatever its payload. */
export function isEnvelope(value: unknown): value is Envelope {
  const { payloadType, payload, signatures, ...rest } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof payloadType !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(payloadType)) return false;
  if (typeof payload !== 'string' || Object.keys(rest).length > 0) return false;
  return Array.isArray(signatures) && signatures.length > 0 && signatures.every(isSignature);
}

function isSignature(value: unknown): boolean {
  const { keyid, sig, ...rest } = (value ?? {}) as Partial<Record<string, unknown>>;
  return typeof keyid === 'string' && typeof sig === 'string' && Object.keys(rest).length === 0;
}

/** A public key of Ed25519 that somebody trusts. */
export interface VerifyingKey {
  /** See `signingKeyId`. */
  readonly key_id: string;
  /** Its 32 bytes, base64. */
  readonly public_key: string;
}

/** Whether `signature` is that of `message` by the key; the platform's own Ed25519. */
export type Verify = (publicKey: string, message: Uint8Array, signature: Uint8Array) => boolean;

export type OpenedEnvelope<K> =
  /** Signed by `key`, whose signature is `signature`. */
  | { readonly payload: Uint8Array; readonly key: K; readonly signature: string }
  /** `unknown_key`: signed, as it says, by keys that are none of these. */
  | { readonly fault: 'wrong_type' | 'not_base64' | 'unknown_key' | 'bad_signature'; readonly detail: string };

/**
 * The payload of an envelope of the given type that one of the keys has signed. One good signature is enough. Key ids
 * only say which keys to try, for nothing vouches for them.
 */
export function openEnvelope<K extends VerifyingKey>(
  envelope: Envelope,
  payloadType: string,
  keys: readonly K[],
  verify: Verify,
): OpenedEnvelope<K> {
  if (envelope.payloadType !== payloadType) {
    return { fault: 'wrong_type', detail: `the payload is \`${envelope.payloadType}\`, not \`${payloadType}\`` };
  }
  const payload = decodeBase64(envelope.payload);
  if (payload === null) return { fault: 'not_base64', detail: 'the payload is not canonical base64' };
  const message = preAuthEncoding(payloadType, payload);
  let known = false;
  for (const { keyid, sig } of envelope.signatures) {
    const signature = decodeBase64(sig);
    for (const key of keys.filter(({ key_id: id }) => id === keyid)) {
      known = true;
      if (signature?.length === 64 && verify(key.public_key, message, signature))
        return { payload, key, signature: sig };
    }
  }
  if (known) return { fault: 'bad_signature', detail: 'the signature does not fit the payload' };
  const ids = envelope.signatures.map(({ keyid }) => `\`${keyid}\``).join(', ');
  return { fault: 'unknown_key', detail: `it is signed by ${ids}, which is not trusted here` };
}
