import { bundleDigest, limits, parseRules, type RuleInput, readJson } from '@policy-studio/engine';
import {
  bundlePayloadType,
  type Envelope,
  type ExportContent,
  exportFormat,
  exportPayloadText,
  lifetimeFault,
  openEnvelope,
  preAuthEncoding,
  type VerifyingKey,
} from '@policy-studio/sdk';
import { type PersonalKey, verifyEd25519 } from './ed25519.js';

/** What the payload of an envelope says, and what of it was found out without a server. */
export interface SignedBundle extends ExportContent {
  readonly bundle: { readonly version: string; readonly rules: readonly unknown[]; readonly approval?: unknown };
}

const hourMs = 3_600_000;

/** A bundle as it is signed without a server: its source is nobody's approval but the signature. */
export function contentOf(
  bundle: { readonly version: string; readonly rules: readonly unknown[] },
  { now, hours }: { readonly now: Date; readonly hours: number },
): ExportContent {
  return {
    bundle: { ...bundle, approval: null, exported_from: { server: null, workspace: null } },
    digest: bundleDigest(bundle.rules as readonly RuleInput[]),
    exported_at: now.toISOString(),
    expires_at: new Date(now.getTime() + hours * hourMs).toISOString(),
    format_version: exportFormat,
  };
}

export function newEnvelope(content: ExportContent, key: PersonalKey): Envelope {
  const payload = Buffer.from(exportPayloadText(content)).toString('base64');
  return countersigned({ payloadType: bundlePayloadType, payload, signatures: [] }, key);
}

/** The envelope with a signature more; the key's former one is replaced. */
export function countersigned(envelope: Envelope, key: PersonalKey): Envelope {
  const sig = key.sign(preAuthEncoding(envelope.payloadType, Buffer.from(envelope.payload, 'base64')));
  const others = envelope.signatures.filter(({ keyid }) => keyid !== key.key_id);
  return { ...envelope, signatures: [...others, { keyid: key.key_id, sig }] };
}

export type Verdict =
  | { readonly good: true; readonly content: SignedBundle; readonly key: VerifyingKey }
  | { readonly good: false; readonly reason: string };

/** Whether one of the keys signed the envelope, its times hold, and its digest is that of its rules. */
export function verdictOn(envelope: Envelope, keys: readonly VerifyingKey[], now: Date): Verdict {
  const opened = openEnvelope(envelope, bundlePayloadType, keys, verifyEd25519);
  if ('fault' in opened) return { good: false, reason: opened.detail };
  const content = readContent(Buffer.from(opened.payload).toString('utf8'), now);
  return typeof content === 'string' ? { good: false, reason: content } : { good: true, content, key: opened.key };
}

/** What a payload says, when it is a bundle with its own digest and good at `now`; else what is wrong with it. */
export function readContent(text: string, now: Date): SignedBundle | string {
  const document = readJson(text);
  if (Array.isArray(document)) return `the payload is no JSON that can be read one way only: ${document[0]?.message}`;
  const content = document.value as Partial<SignedBundle> | null;
  const { bundle, digest, exported_at: from, expires_at: until, format_version: format } = content ?? {};
  if (format !== exportFormat) return `the payload is of another format than ${exportFormat}`;
  if (typeof from !== 'string' || typeof until !== 'string' || typeof digest !== 'string')
    return 'the payload lacks times or a digest';
  if (typeof bundle?.version !== 'string' || !Array.isArray(bundle.rules) || bundle.rules.length > limits.rules) {
    return 'the payload holds no bundle';
  }
  const late = lifetimeFault({ exported_at: from, expires_at: until }, now);
  if (late !== null) return late;
  if (parseRules(bundle.rules).some((item) => 'code' in item && 'path' in item)) return 'its rules are not valid';
  if (bundleDigest(bundle.rules as readonly RuleInput[]) !== digest) return 'the digest is not that of the rules';
  return content as SignedBundle;
}
