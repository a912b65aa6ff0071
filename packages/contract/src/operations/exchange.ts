import { defineOperation, largeBodyBytes, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import { Evidence, EvidenceList, MakeEvidence } from '../schemas/evidence.js';
import {
  AddTrustedKey,
  BundleExport,
  BundleVerdict,
  Envelope,
  ExportQuery,
  ImportBundle,
  ImportedBundle,
  TrustedKey,
  TrustedKeyList,
  VerifyBundle,
} from '../schemas/exchange.js';
import { IdParams } from '../schemas/vocabulary.js';

const tag = 'Exchange';
const exporters = ['operator', 'admin'] as const;

/** A bundle leaves, in one form or another. */
const leaving = {
  method: 'GET',
  tag,
  access: exporters,
  params: IdParams,
  query: ExportQuery,
  status: 200,
  problems: ['not_found', 'too_large'],
} as const;

export const exportBundle = defineOperation({
  ...leaving,
  id: 'exportBundle',
  path: '/policy/bundles/{id}/export',
  summary: 'A bundle, signed for servers that share the secret',
  description: 'No member can be altered, the expiry included. That it left is recorded.',
  response: BundleExport,
});

export const downloadBundle = defineOperation({
  ...leaving,
  id: 'downloadBundle',
  path: '/policy/bundles/{id}/export/download',
  summary: 'The same as a file, `policy-bundle-<version>.json`',
  response: BundleExport,
});

export const exportEnvelope = defineOperation({
  ...leaving,
  id: 'exportEnvelope',
  path: '/policy/bundles/{id}/export/envelope',
  summary: 'A bundle, signed with Ed25519 for whoever has the public key',
  description: 'A DSSE envelope. The public key is in `GET /policy/trusted-keys`. That it left is recorded.',
  response: Envelope,
});

export const importBundle = defineOperation({
  id: 'importBundle',
  method: 'POST',
  path: '/policy/bundles/import',
  tag,
  summary: 'Make a draft of a signed bundle',
  description:
    'Looked at in this order: shape, signature, expiry, rules and limits, version. Where one fails nothing is stored. Never more than a draft.',
  access: ['author', 'operator', 'admin'],
  body: ImportBundle,
  bodyLimit: largeBodyBytes,
  status: 201,
  response: ImportedBundle,
  problems: [
    'signature_invalid',
    'signing_key_unknown',
    'export_expired',
    'digest_mismatch',
    'bundle_rejected',
    'version_taken',
    'too_much_work',
    'overloaded',
  ],
});

export const verifyBundle = defineOperation({
  id: 'verifyBundle',
  method: 'POST',
  path: '/policy/bundles/verify',
  tag,
  summary: 'Whether a signed bundle could be imported',
  description: 'Stores nothing. Whatever is wrong is the reason of an answer, not an error.',
  access: readers,
  body: VerifyBundle,
  bodyLimit: largeBodyBytes,
  status: 200,
  response: BundleVerdict,
  problems: ['too_much_work', 'overloaded'],
});

export const listTrustedKeys = defineOperation({
  id: 'listTrustedKeys',
  method: 'GET',
  path: '/policy/trusted-keys',
  tag,
  summary: 'Public keys whose signed bundles are taken',
  access: readers,
  status: 200,
  response: TrustedKeyList,
  problems: [],
});

export const addTrustedKey = defineOperation({
  id: 'addTrustedKey',
  method: 'POST',
  path: '/policy/trusted-keys',
  tag,
  summary: 'Take bundles signed with a key',
  access: ['admin'],
  body: AddTrustedKey,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: TrustedKey,
  problems: ['name_taken', 'key_trusted', 'trusted_keys_full'],
});

export const removeTrustedKey = defineOperation({
  id: 'removeTrustedKey',
  method: 'DELETE',
  path: '/policy/trusted-keys/{id}',
  tag,
  summary: 'Take no more bundles signed with a key',
  description: 'What was imported stays; it was a draft.',
  access: ['admin'],
  params: IdParams,
  status: 204,
  problems: ['not_found'],
});

export const listEvidence = defineOperation({
  id: 'listEvidence',
  method: 'GET',
  path: '/policy/bundles/{id}/evidence',
  tag,
  summary: 'Signed statements about the rules of a bundle',
  description: 'Made here or come with an import, about exactly the rules as they are now.',
  access: readers,
  params: IdParams,
  status: 200,
  response: EvidenceList,
  problems: ['not_found'],
});

export const makeEvidence = defineOperation({
  id: 'makeEvidence',
  method: 'POST',
  path: '/policy/bundles/{id}/evidence',
  tag,
  summary: 'Find out about a bundle and sign it',
  description:
    'Lints it, runs the test cases that are given and the fixtures, compares it with the version in force, and signs an in-toto statement of what came out, good or bad. Exports carry it along.',
  access: ['author', 'operator', 'admin'],
  params: IdParams,
  body: MakeEvidence,
  bodyOptional: true,
  bodyLimit: largeBodyBytes,
  status: 201,
  response: Evidence,
  problems: ['not_found', 'conflict', 'bundle_invalid', 'too_much_work', 'overloaded', 'shutting_down'],
});
