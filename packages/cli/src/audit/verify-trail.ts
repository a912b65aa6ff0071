import { createHash, createPublicKey, verify } from 'node:crypto';
import { type AuditCheckpoint, type AuditEntry, auditEntryHash, checkpointText } from '@policy-studio/sdk';

/**
 * - `altered`: an entry does not fit the hash it carries
 * - `missing`: entries between two others, or before the first, are not there
 * - `truncated`: the trail ends before a checkpoint does
 * - `rewritten`: the entry of a checkpoint is another one now
 * - `bad_signature`: a checkpoint is not what its key signed
 * - `other_key`, `other_workspace`: a kept checkpoint is none of this trail
 */
export type TrailFault =
  | 'altered'
  | 'missing'
  | 'truncated'
  | 'rewritten'
  | 'bad_signature'
  | 'other_key'
  | 'other_workspace';

export interface TrailFinding {
  readonly fault: TrailFault;
  /** The entry, or the newest of those that are missing. */
  readonly seq: number;
  readonly message: string;
}

export interface TrailReport {
  /** Entries looked at. */
  readonly entries: number;
  /** Checkpoints held against the trail: the current one, the kept ones, and those in the trail itself. */
  readonly checkpoints: number;
  readonly findings: readonly TrailFinding[];
}

/** Findings that are told; what is wrong everywhere needs no list of everything. */
const mostFindings = 100;

/**
 * Looks whether a trail is whole and unaltered. `newestFirst` are its entries up to the one of `current`, which the
 * server signed just now; `kept` are checkpoints from elsewhere. Only the kept ones show a trail that was rewritten by
 * somebody who can write to the database and has the server sign anew.
 */
export async function verifyTrail(
  newestFirst: AsyncIterable<AuditEntry>,
  current: AuditCheckpoint,
  kept: readonly AuditCheckpoint[],
): Promise<TrailReport> {
  const findings: TrailFinding[] = [];
  const find = (fault: TrailFault, seq: number, message: string): void => {
    if (findings.length < mostFindings) findings.push({ fault, seq, message });
  };
  /** By the entry they are about; those in the trail are met before it. */
  const expected = new Map<number, AuditCheckpoint[]>();
  let checkpoints = 0;
  const expect = (checkpoint: AuditCheckpoint, where: string): void => {
    checkpoints += 1;
    const { seq, workspace, key_id } = checkpoint;
    if (!isSigned(checkpoint)) {
      find('bad_signature', seq, `the signature of ${where} does not fit`);
      return;
    }
    if (workspace !== current.workspace) {
      find('other_workspace', seq, `${where} is of the workspace \`${workspace}\``);
      return;
    }
    if (key_id !== current.key_id) {
      find('other_key', seq, `${where} was signed with the key ${key_id}; the server has ${current.key_id} now`);
    }
    if (seq > current.seq) {
      const what = `${where} ends with entry ${seq}, the trail with ${current.seq}`;
      find('truncated', seq, `${what}: its end was cut off`);
      return;
    }
    expected.set(seq, [...(expected.get(seq) ?? []), checkpoint]);
  };
  expect(current, 'the checkpoint of now');
  for (const checkpoint of kept) expect(checkpoint, `the checkpoint of ${checkpoint.at}`);

  let newer: AuditEntry | null = null;
  let entries = 0;
  for await (const entry of newestFirst) {
    entries += 1;
    if (newer === null ? entry.seq !== current.seq : entry.seq !== newer.seq - 1) {
      const last = newer === null ? current.seq : newer.seq - 1;
      find('missing', last, missing(entry.seq + 1, last));
    } else if (newer !== null && auditEntryHash(entry.hash, newer) !== newer.hash) {
      find('altered', newer.seq, `entry ${newer.seq}, or the hash of the one before, was altered`);
    }
    for (const { head, at } of expected.get(entry.seq) ?? []) {
      if (entry.hash !== head) {
        find('rewritten', entry.seq, `entry ${entry.seq} is another one than when the checkpoint of ${at} was made`);
      }
    }
    expected.delete(entry.seq);
    if (entry.kind === 'audit.checkpoint') {
      const checkpoint = entry.data as unknown as AuditCheckpoint;
      expect(checkpoint, `the checkpoint in entry ${entry.seq}`);
    }
    newer = entry;
  }
  const oldest = newer?.seq ?? current.seq + 1;
  if (newer === null || oldest !== 1) find('missing', oldest - 1, missing(1, oldest - 1));
  else if (auditEntryHash('', newer) !== newer.hash) find('altered', 1, 'entry 1 was altered');
  return { entries, checkpoints, findings };
}

function missing(from: number, to: number): string {
  return from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`;
}

/** Whether a checkpoint is what the key in it signed, and that key has the id it names. */
function isSigned(checkpoint: AuditCheckpoint): boolean {
  try {
    const raw = Buffer.from(checkpoint.public_key, 'base64');
    if (createHash('sha256').update(raw).digest('hex').slice(0, 16) !== checkpoint.key_id) return false;
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
    return verify(null, Buffer.from(checkpointText(checkpoint)), key, Buffer.from(checkpoint.signature, 'base64'));
  } catch {
    return false;
  }
}
