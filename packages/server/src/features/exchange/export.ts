import {
  type BundleExport,
  bundlePayloadType,
  type Envelope,
  type ExportedBundle,
  exportFormat,
  exportPayloadText,
  largeBodyBytes,
  preAuthEncoding,
  signedExportText,
} from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { type BundleRow, bundleById, bundleDocument, noBundle } from '../bundles/queries.js';
import { recordChange } from '../events/transaction.js';
import { approvalAtSource, evidenceOf } from './queries.js';

const hourMs = 3_600_000;

export interface Leaving {
  readonly id: number;
  readonly expiryHours: number;
}

/** A signed document as JSON: made once, as it was signed, for it may be large. */
export interface SignedDocument {
  readonly json: Buffer;
  readonly version: string;
}

/** A `BundleExport`: the bundle signed for servers that share the secret. That it left is recorded. */
export async function exportBundle(
  services: Services,
  caller: Caller,
  leaving: Leaving,
): Promise<SignedDocument | Refusal> {
  const [key] = services.secrets.exportKeys;
  return leave(services, caller, leaving, { algorithm: 'hmac-sha256', key_id: key.id }, (content) => {
    const text = signedExportText({ ...content, key_id: key.id });
    // What was signed is an object; the signature becomes its last member.
    return `${text.slice(0, -1)},"signature":"${key.sign(text).toString('hex')}"}`;
  });
}

/** An `Envelope`: the bundle signed so that the public key alone checks it. That it left is recorded. */
export async function exportEnvelope(
  services: Services,
  caller: Caller,
  leaving: Leaving,
): Promise<SignedDocument | Refusal> {
  const [key] = services.secrets.bundleKeys;
  return leave(services, caller, leaving, { algorithm: 'ed25519', key_id: key.id }, (content) => {
    const payload = Buffer.from(exportPayloadText(content));
    const sig = key.sign(preAuthEncoding(bundlePayloadType, payload));
    const envelope: Envelope = {
      payloadType: bundlePayloadType,
      payload: payload.toString('base64'),
      signatures: [{ keyid: key.id, sig }],
    };
    return JSON.stringify(envelope);
  });
}

type Content = Omit<BundleExport, 'signature' | 'key_id'>;

async function leave(
  services: Services,
  caller: Caller,
  { id, expiryHours }: Leaving,
  signer: { readonly algorithm: string; readonly key_id: string },
  sign: (content: Content) => string,
): Promise<SignedDocument | Refusal> {
  const { db, clock } = services;
  const { workspaceId, owner: actor } = caller;
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    const row = await bundleById(tx, workspaceId, id);
    if (!row) return noBundle(id);
    const expiresAt = new Date(now.getTime() + expiryHours * hourMs).toISOString();
    const evidence = (await evidenceOf(tx, workspaceId, row.digest, [])).map(({ envelope }) => envelope);
    const approval = await approvalAtSource(tx, workspaceId, row);
    const json = Buffer.from(
      sign({
        bundle: { ...exported(services, caller, row), approval, evidence },
        digest: row.digest,
        exported_at: now.toISOString(),
        expires_at: expiresAt,
        format_version: exportFormat,
      }),
    );
    if (json.length > largeBodyBytes) {
      return refuse(
        'too_large',
        `signed, bundle ${id} weighs ${json.length} bytes; no server takes more than ${largeBodyBytes}`,
      );
    }
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'bundle.exported',
      subject: `bundle/${id}`,
      data: { version: row.version, digest: row.digest, expires_at: expiresAt, ...signer },
    });
    return { json, version: row.version };
  });
}

function exported({ config }: Services, caller: Caller, row: BundleRow): Omit<ExportedBundle, 'approval' | 'evidence'> {
  const { lint: _, ...bundle } = bundleDocument({ bundle: row, current: true });
  const from = { server: config.publicUrl, workspace: caller.workspace };
  return { ...bundle, exported_from: from };
}
