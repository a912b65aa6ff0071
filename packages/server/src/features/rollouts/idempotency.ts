import { canonicalJson, sha256Hex } from '@policy-studio/engine';
import type { Pool } from 'pg';
import type { Caller } from '../../caller.js';
import { Refusal, refuse } from '../../refusal.js';

/** One command that names an `Idempotency-Key`. */
export interface KeyedCommand {
  readonly caller: Caller;
  readonly key: string | undefined;
  /** What the command is and all that it was given. */
  readonly command: Readonly<Record<string, unknown>>;
  readonly now: Date;
}

/** The answers of the bootstrap token are kept under this key id. */
const bootstrapKeyId = 0;

type Stored = { readonly digest: string; readonly status: number; readonly body: unknown };

/**
 * Runs `work`, or gives the answer that the same key was given first. A key with another command is refused with
 * `idempotency_key_reused`. Refusals are not kept: asked again, the command is tried again. Where the server ends between
 * the change and the keeping of its answer, the second try finds the change made and is answered by the state.
 */
export async function answeredOnce<T>(
  pool: Pool,
  { caller, key, command, now }: KeyedCommand,
  work: () => Promise<T | Refusal>,
): Promise<T | Refusal> {
  if (key === undefined) return work();
  const place = [caller.workspaceId, caller.keyId ?? bootstrapKeyId, key];
  const digest = sha256Hex(canonicalJson({ ...command, by: caller.owner }));
  const known = await pool.query<Stored>(
    'select digest, status, body from command_answer where workspace_id = $1 and key_id = $2 and idempotency_key = $3',
    place,
  );
  const first = known.rows[0];
  if (first) return first.digest === digest ? (first.body as T) : reused(key);
  const answer = await work();
  if (answer instanceof Refusal) return answer;
  const kept = await pool.query(
    `insert into command_answer (workspace_id, key_id, idempotency_key, digest, status, body, at)
     values ($1, $2, $3, $4, 200, $5, $6) on conflict do nothing`,
    [...place, digest, JSON.stringify(answer), now],
  );
  return kept.rowCount === 1 ? answer : answeredOnce(pool, { caller, key, command, now }, work);
}

function reused(key: string): Refusal {
  return refuse(
    'idempotency_key_reused',
    `the Idempotency-Key \`${key}\` was used for another command; take a new one`,
  );
}

const keptMs = 24 * 3_600_000;

/** Forgets answers of more than a day ago; how many. */
export async function forgetAnswers(pool: Pool, now: Date): Promise<number> {
  const { rowCount } = await pool.query('delete from command_answer where at < $1', [new Date(now.getTime() - keptMs)]);
  return rowCount ?? 0;
}
