import { timingSafeEqual } from 'node:crypto';
import {
  bundlePayloadType,
  Envelope,
  ExportPayload,
  lifetimeFault,
  openEnvelope,
  type Provenance,
  SignedBundle,
  SignedExport,
  signedExportText,
} from '@policy-studio/contract';
import { holdsNul } from '../../compute/tasks/structural-faults.js';
import { verifyEd25519 } from '../../ed25519.js';
import { parseJson } from '../../http/json.js';
import { invalid } from '../../http/route.js';
import { validator } from '../../http/validation.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { verifyingKeys } from './queries.js';

const checkExport = validator(SignedExport, 'body');
const checkEnvelope = validator(Envelope, 'body');
const checkPayload = validator(ExportPayload, 'body');
const checkBundle = validator(SignedBundle, 'body');

/** What may be told of where a bundle came from, in UTF-8 bytes of JSON. */
const historyBytes = 64 * 1024;
/** What a rule weighs, about. */
const ruleChars = 200;

/** A signed bundle whose signature, times and members are good; its rules are not checked yet. */
export interface Verified {
  readonly bundle: SignedBundle;
  readonly digest: string;
  readonly exportedAt: string;
  readonly expiresAt: string;
  readonly algorithm: Provenance['algorithm'];
  readonly keyId: string;
  readonly signature: string;
}

/** A document whose signature is good. */
interface Signed {
  readonly content: Omit<ExportPayload, 'format_version'>;
  readonly algorithm: Provenance['algorithm'];
  readonly keyId: string;
  readonly signature: string;
}

/**
 * Looks at an export or an envelope in this order: shape, signature, times, members of the bundle. Nothing of the bundle
 * is looked at before its signature is good.
 */
export async function verifySigned(
  services: Services,
  workspaceId: number,
  document: Readonly<Record<string, unknown>>,
): Promise<Verified | Refusal> {
  const signed = Object.hasOwn(document, 'payload')
    ? await verifyEnvelope(services, workspaceId, document)
    : verifyExport(services, document);
  if (signed instanceof Refusal) return signed;
  const { content, ...by } = signed;
  const late = lifetimeFault(content, services.clock.now());
  if (late !== null) return refuse('export_expired', late);
  const { bundle } = content;
  const faults = checkBundle(bundle, Array.isArray(bundle.rules) ? bundle.rules.length * ruleChars : 0);
  if (faults) return invalid(faults.map((fault) => ({ ...fault, path: `/bundle${fault.path}` })));
  const { provenance, evidence, exported_from: from, approval, metadata } = bundle;
  if (holdsNul([provenance, evidence, from, approval, metadata])) {
    return invalid([{ path: '/bundle', message: 'holds the character U+0000 outside its rules: remove it' }]);
  }
  if (Buffer.byteLength(JSON.stringify([provenance, from, approval])) > historyBytes) {
    return invalid([
      { path: '/bundle/provenance', message: `must weigh at most ${historyBytes} bytes with its approval` },
    ]);
  }
  const { digest, exported_at: exportedAt, expires_at: expiresAt } = content;
  return { bundle: bundle as SignedBundle, digest, exportedAt, expiresAt, ...by };
}

function verifyExport({ secrets }: Services, document: Readonly<Record<string, unknown>>): Signed | Refusal {
  const faults = checkExport(document, 0);
  if (faults) return invalid(faults);
  const signed = document as SignedExport;
  const key = secrets.exportKeys.find(({ id }) => id === signed.key_id);
  if (!key) {
    return refuse(
      'signing_key_unknown',
      `it is signed with the secret \`${signed.key_id}\`, which this server does not share; export it as an envelope, and trust the key that signs it`,
    );
  }
  const expected = key.sign(signedExportText(signed));
  if (!timingSafeEqual(expected, Buffer.from(signed.signature, 'hex'))) {
    return refuse('signature_invalid', 'the signature does not fit: something was altered since it was exported');
  }
  return { content: signed, algorithm: 'hmac-sha256', keyId: key.id, signature: signed.signature };
}

async function verifyEnvelope(
  { db, secrets }: Services,
  workspaceId: number,
  document: Readonly<Record<string, unknown>>,
): Promise<Signed | Refusal> {
  const faults = checkEnvelope(document, 0);
  if (faults) return invalid(faults);
  const keys = await verifyingKeys(db.pool, secrets, workspaceId);
  const opened = openEnvelope(document as Envelope, bundlePayloadType, keys, verifyEd25519);
  if ('fault' in opened) {
    const { fault, detail } = opened;
    if (fault === 'unknown_key') {
      return refuse('signing_key_unknown', `${detail}; an admin can name it with POST /policy/trusted-keys`);
    }
    return fault === 'bad_signature'
      ? refuse('signature_invalid', `${detail}: something was altered since it was signed`)
      : invalid([{ path: fault === 'wrong_type' ? '/payloadType' : '/payload', message: detail }]);
  }
  const parsed = parseJson(Buffer.from(opened.payload));
  if (!('value' in parsed)) return invalid([{ path: '/payload', message: `is signed, but ${parsed.message}` }]);
  const unfit = checkPayload(parsed.value, 0);
  if (unfit) return invalid(unfit.map((fault) => ({ ...fault, path: `/payload${fault.path}` })));
  const { key, signature } = opened;
  return { content: parsed.value as ExportPayload, algorithm: 'ed25519', keyId: key.key_id, signature };
}
