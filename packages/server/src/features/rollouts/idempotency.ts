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

type Stored = { readonly digest: string; readonly body: unknown };

/**
 * Runs `work`, or gives the answer that the same key was given first. On one server commands of one key run one after the
 * other; on two, the second finds the first made, or its answer. A key with another command is refused with
 * `idempotency_key_reused`. Refusals are not kept: asked again, the command is tried again.
 */
export type AnswerOnce = <T>(keyed: KeyedCommand, work: () => Promise<T | Refusal>) => Promise<T | Refusal>;

export function createAnswerOnce(pool: Pool): AnswerOnce {
  const running = new Map<string, Promise<unknown>>();
  return async (keyed, work) => {
    if (keyed.key === undefined) return work();
    const place = JSON.stringify(placeOf(keyed));
    const turn = (running.get(place) ?? Promise.resolve()).then(() => answered(pool, keyed, work));
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    running.set(place, settled);
    try {
      return await turn;
    } finally {
      if (running.get(place) === settled) running.delete(place);
    }
  };
}

function placeOf({ caller, key }: KeyedCommand): readonly [number, number, string | undefined] {
  return [caller.workspaceId, caller.keyId ?? bootstrapKeyId, key];
}

async function answered<T>(pool: Pool, keyed: KeyedCommand, work: () => Promise<T | Refusal>): Promise<T | Refusal> {
  const first = await kept<T>(pool, keyed);
  if (first !== null) return first;
  const answer = await work();
  // Where another server was faster, its answer is the first.
  if (answer instanceof Refusal) return (await kept<T>(pool, keyed)) ?? answer;
  await pool.query(
    `insert into command_answer (workspace_id, key_id, idempotency_key, digest, status, body, at)
     values ($1, $2, $3, $4, 200, $5, $6) on conflict do nothing`,
    [...placeOf(keyed), digestOf(keyed), JSON.stringify(answer), keyed.now],
  );
  return (await kept<T>(pool, keyed)) ?? answer;
}

async function kept<T>(pool: Pool, keyed: KeyedCommand): Promise<T | Refusal | null> {
  const { rows } = await pool.query<Stored>(
    'select digest, body from command_answer where workspace_id = $1 and key_id = $2 and idempotency_key = $3',
    [...placeOf(keyed)],
  );
  const [row] = rows;
  if (!row) return null;
  return row.digest === digestOf(keyed) ? (row.body as T) : reused(keyed.key ?? '');
}

function digestOf({ caller, command }: KeyedCommand): string {
  return sha256Hex(canonicalJson({ ...command, by: caller.owner }));
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
