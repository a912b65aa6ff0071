import { canonicalJson, sha256Hex } from '@policy-studio/engine';
import type { AuditCheckpoint, AuditEntry } from './schemas/audit.js';

/** The hash of an entry of the audit trail: SHA-256 over the hash of the one before (empty for the first) and its RFC 8785 form. */
export function auditEntryHash(previous: string, entry: Omit<AuditEntry, 'hash'>): string {
  const { seq, at, actor, kind, subject, data } = entry;
  return sha256Hex(`${previous}\n${canonicalJson({ seq, at, actor, kind, subject, data })}`);
}

/** What the signature of a checkpoint is over: everything but the signature, in its RFC 8785 form. */
export function checkpointText({ signature: _, ...signed }: AuditCheckpoint): string {
  return canonicalJson(signed);
}
