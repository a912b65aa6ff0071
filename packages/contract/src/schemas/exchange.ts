import { limits } from '@policy-studio/engine';
import Type, { type Static } from 'typebox';
import { expiryHours, exportFormat } from '../bundle-export.js';
import { Bundle, BundleStatus, Rules, Version } from './bundle.js';
import { ExportedFrom, Provenance, SourceApproval } from './provenance.js';
import { Actor, Label, Nullable, Prose, Timestamp } from './vocabulary.js';

const Hex = (digits: number) =>
  Type.String({ pattern: `^[0-9a-f]{${digits}}$`, description: `${digits} lower-case hex digits` });
const KeyId = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'printable ASCII',
});

/** What is read of an envelope before its signature: bounded, and nothing beside it. */
export const Envelope = Type.Object(
  {
    payloadType: Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$', description: 'a media type' }),
    payload: Type.String({ minLength: 4, description: 'Base64.' }),
    signatures: Type.Array(
      Type.Object(
        { keyid: KeyId, sig: Type.String({ minLength: 4, maxLength: 128 }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 16 },
    ),
  },
  { $id: 'Envelope', additionalProperties: false, description: 'DSSE, https://github.com/secure-systems-lab/dsse' },
);
export type Envelope = Static<typeof Envelope>;

const Approval = Nullable(SourceApproval, {
  description: 'Of exactly these rules; null: the source never approved them.',
});
const Evidence = Type.Array(Envelope, {
  maxItems: 20,
  description: 'Signed statements over the digest: what was found out about the bundle (in-toto).',
});

const { lint: _, ...bundleMembers } = Bundle.properties;
/** A bundle as it leaves its server: without findings, with what vouches for it. */
export const ExportedBundle = Type.Object(
  { ...bundleMembers, approval: Approval, exported_from: ExportedFrom, evidence: Evidence },
  { $id: 'ExportedBundle' },
);
export type ExportedBundle = Static<typeof ExportedBundle>;

/** What an import reads of a signed bundle; what else stands there is signed too, and passed over. */
export const SignedBundle = Type.Object({
  version: Version,
  rules: Rules,
  notes: Type.Optional(Prose(limits.notesChars)),
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  status: Type.Optional(BundleStatus),
  approval: Type.Optional(Approval),
  exported_from: Type.Optional(ExportedFrom),
  provenance: Type.Optional(Type.Array(Provenance, { maxItems: 50 })),
  evidence: Type.Optional(Evidence),
});
export type SignedBundle = Static<typeof SignedBundle>;

const times = { exported_at: Timestamp, expires_at: Timestamp };
const content = { digest: Hex(64), ...times, format_version: Type.Literal(exportFormat) };

/** What both forms of signed bundle are about. */
export interface ExportContent {
  readonly bundle: object;
  readonly digest: string;
  readonly exported_at: string;
  readonly expires_at: string;
  readonly format_version: string;
}

export const BundleExport = Type.Object(
  {
    bundle: ExportedBundle,
    ...content,
    signature: Hex(64),
    key_id: Type.String({ description: 'Which secret the signature is made with.' }),
  },
  { $id: 'BundleExport' },
);
export type BundleExport = Static<typeof BundleExport>;

/** What is read of an export before its signature. */
export const SignedExport = Type.Object(
  {
    // Its members are looked at when the signature has shown that they are as they were made.
    bundle: Type.Record(Type.String(), Type.Unknown()),
    ...content,
    signature: Hex(64),
    key_id: KeyId,
  },
  { additionalProperties: false },
);
export type SignedExport = Static<typeof SignedExport>;

/** The payload of an envelope. */
export const ExportPayload = Type.Object(
  { bundle: Type.Record(Type.String(), Type.Unknown()), ...content },
  { additionalProperties: false },
);
export type ExportPayload = Static<typeof ExportPayload>;

export const ExportQuery = Type.Object({
  expiry_hours: Type.Integer({
    minimum: expiryHours.least,
    maximum: expiryHours.most,
    default: expiryHours.default,
    description: 'How long it can be imported.',
  }),
});

const importAs = { import_as_version: Type.Optional(Version) };
type ImportMembers = { readonly import_as_version?: string };
/** An export or an envelope, told apart by `payload`. */
export const ImportBundle = Type.Unsafe<(SignedExport | Envelope) & ImportMembers>({
  type: 'object',
  description: 'An export or an envelope, as it was made, and the version to import it as, if another.',
  if: { required: ['payload'] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema; nobody awaits a schema
  then: Type.Object({ ...Envelope.properties, ...importAs }, { additionalProperties: false }),
  else: Type.Object({ ...SignedExport.properties, ...importAs }, { additionalProperties: false }),
});

export const ImportedBundle = Type.Object({
  id: Type.Integer(),
  version: Version,
  imported_from: Type.String({ description: 'The version it was exported as.' }),
  verified: Type.Boolean({ description: 'Always true: what cannot be verified is not imported.' }),
  message: Type.String(),
  digest: Type.String(),
  status: BundleStatus,
  approved_at_source: Type.Boolean(),
  key_id: Type.String(),
});
export type ImportedBundle = Static<typeof ImportedBundle>;

export const VerifyBundle = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  description: 'An export or an envelope; anything else is not valid.',
});

export const BundleVerdict = Type.Object({
  valid: Type.Boolean({
    description: 'Whether it could be imported here now, but for what this workspace has already.',
  }),
  reason: Type.Optional(Type.String({ description: 'Why not.' })),
  code: Type.Optional(Type.String({ description: 'The code of the problem that an import would answer.' })),
  version: Type.Optional(Version),
  digest: Type.Optional(Type.String()),
  key_id: Type.Optional(Type.String()),
  expires_at: Type.Optional(Timestamp),
  approved_at_source: Type.Optional(Type.Boolean()),
});
export type BundleVerdict = Static<typeof BundleVerdict>;

const PublicKey = Type.String({ description: 'The 32 bytes of the Ed25519 public key, base64.' });
export const TrustedKey = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    key_id: Type.String(),
    public_key: PublicKey,
    created_by: Actor,
    created_at: Timestamp,
  },
  { $id: 'TrustedKey' },
);
export type TrustedKey = Static<typeof TrustedKey>;

export const TrustedKeyList = Type.Object({
  trusted_keys: Type.Array(TrustedKey),
  own: Type.Array(Type.Object({ key_id: Type.String(), public_key: PublicKey, signs: Type.Boolean() }), {
    description: 'What this server signs with, and did before its secret changed: trusted without being named.',
  }),
});

export const AddTrustedKey = Type.Object(
  {
    name: Label(128),
    public_key: Type.String({
      minLength: 44,
      maxLength: 1024,
      description: 'PEM, as `policy-studio keys generate` and OpenSSL write it, or the 32 bytes in base64.',
    }),
  },
  { additionalProperties: false },
);
