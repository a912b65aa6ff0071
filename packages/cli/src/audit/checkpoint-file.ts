import type { AuditCheckpoint } from '@policy-studio/sdk';
import { unusable } from '../exit-code.js';
import { displayName, readWhole, wholeText } from '../input.js';
import type { Terminal } from '../output.js';

/**
 * The checkpoints of a file, or of standard input for `-`: one as the server answers it, as `--save` writes it, as a
 * webhook received it or as the log has it; or many, one a line, among other lines of a log.
 */
export async function readCheckpoints(path: string, terminal: Terminal): Promise<AuditCheckpoint[]> {
  const name = displayName(path);
  const text = wholeText(await readWhole(path, terminal), name);
  const whole = parsed(text);
  const found = (whole === undefined ? text.split('\n').map(parsed) : [whole])
    .map(checkpointIn)
    .filter((each) => each !== null);
  if (found.length === 0) throw unusable(`${name}: holds no checkpoint of an audit trail`);
  return found;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A checkpoint itself, or wrapped: `checkpoint` of a log line, `data.data` of a webhook, `data` of an event. */
function checkpointIn(value: unknown): AuditCheckpoint | null {
  for (let inner = value, depth = 0; depth < 3; depth += 1) {
    if (typeof inner !== 'object' || inner === null) return null;
    if (isCheckpoint(inner)) return inner;
    const { checkpoint, data } = inner as { checkpoint?: unknown; data?: unknown };
    inner = checkpoint ?? data;
  }
  return null;
}

function isCheckpoint(value: object): value is AuditCheckpoint {
  const { format, workspace, seq, head, count, at, key_id, public_key, signature } = value as Record<string, unknown>;
  return (
    format === 'policy-studio-audit-checkpoint-1' &&
    Number.isSafeInteger(seq) &&
    Number.isSafeInteger(count) &&
    [workspace, head, at, key_id, public_key, signature].every((each) => typeof each === 'string')
  );
}
