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

/** The bundle signed for servers that share the secret. That it left is recorded. */
export async function exportBundle(
  services: Services,
  caller: Caller,
  leaving: Leaving,
): Promise<BundleExport | Refusal> {
  const [key] = services.secrets.exportKeys;
  return leave(services, caller, leaving, { algorithm: 'hmac-sha256', key_id: key.id }, (content) => {
    const unsigned = { ...content, key_id: key.id };
    return { ...unsigned, signature: key.sign(signedExportText(unsigned)).toString('hex') };
  });
}

/** The bundle signed so that the public key alone checks it. That it left is recorded. */
export async function exportEnvelope(
  services: Services,
  caller: Caller,
  leaving: Leaving,
): Promise<Envelope | Refusal> {
  const [key] = services.secrets.bundleKeys;
  return leave(services, caller, leaving, { algorithm: 'ed25519', key_id: key.id }, (content) => {
    const payload = Buffer.from(exportPayloadText(content));
    const sig = key.sign(preAuthEncoding(bundlePayloadType, payload));
    return {
      payloadType: bundlePayloadType,
      payload: payload.toString('base64'),
      signatures: [{ keyid: key.id, sig }],
    };
  });
}

type Content = Omit<BundleExport, 'signature' | 'key_id'>;

async function leave<T extends object>(
  services: Services,
  caller: Caller,
  { id, expiryHours }: Leaving,
  signer: { readonly algorithm: string; readonly key_id: string },
  sign: (content: Content) => T,
): Promise<T | Refusal> {
  const { db, clock } = services;
  const { workspaceId, owner: actor } = caller;
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    const row = await bundleById(tx, workspaceId, id);
    if (!row) return noBundle(id);
    const expiresAt = new Date(now.getTime() + expiryHours * hourMs).toISOString();
    const evidence = (await evidenceOf(tx, workspaceId, row.digest, [])).map(({ envelope }) => envelope);
    const approval = await approvalAtSource(tx, workspaceId, row);
    const signed = sign({
      bundle: { ...exported(services, caller, row), approval, evidence },
      digest: row.digest,
      exported_at: now.toISOString(),
      expires_at: expiresAt,
      format_version: exportFormat,
    });
    const bytes = Buffer.byteLength(JSON.stringify(signed));
    if (bytes > largeBodyBytes) {
      return refuse(
        'too_large',
        `signed, bundle ${id} weighs ${bytes} bytes; no server takes more than ${largeBodyBytes}`,
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
    return signed;
  });
}

function exported({ config }: Services, caller: Caller, row: BundleRow): Omit<ExportedBundle, 'approval' | 'evidence'> {
  const { lint: _, ...bundle } = bundleDocument({ bundle: row, current: true });
  const from = { server: config.publicUrl, workspace: caller.workspace };
  return { ...bundle, exported_from: from };
}
