import { setTimeout as sleep } from 'node:timers/promises';
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

/** The status of a key whose command is not done yet. */
const underWay = 102;

type Stored = { readonly digest: string; readonly status: number; readonly body: unknown };

/**
 * Runs `work`, or gives the answer that the same key was given first, on whichever server that was. A key with another command is refused with
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

/** How long a second server waits for the first to be done, and after what time that must have died. */
const patienceMs = 10_000;
const diedMs = 60_000;
const pollMs = 25;

/**
 * Who claims the key first does the work; whoever else has the same key, on whatever server, waits for its answer. Where
 * the first is refused the next may try.
 */
async function answered<T>(pool: Pool, keyed: KeyedCommand, work: () => Promise<T | Refusal>): Promise<T | Refusal> {
  const untilMs = performance.now() + patienceMs;
  while (!(await claimed(pool, keyed))) {
    const first = await kept<T>(pool, keyed);
    if (first !== null) return first.answer;
    if (performance.now() > untilMs) return busy(keyed.key ?? '');
    await sleep(pollMs);
  }
  let answer: T | Refusal | null = null;
  try {
    answer = await work();
  } finally {
    if (answer === null || answer instanceof Refusal) await release(pool, keyed);
  }
  if (answer instanceof Refusal) return answer;
  await pool.query(
    `update command_answer set status = 200, body = $4, at = $5
      where workspace_id = $1 and key_id = $2 and idempotency_key = $3`,
    [...placeOf(keyed), JSON.stringify(answer), keyed.now],
  );
  return answer;
}

/** Whether the key is this command's from now on: nobody had it, or whoever claimed it died over it. */
async function claimed(pool: Pool, keyed: KeyedCommand): Promise<boolean> {
  const { rowCount } = await pool.query(
    `insert into command_answer as c (workspace_id, key_id, idempotency_key, digest, status, body, at)
     values ($1, $2, $3, $4, ${underWay}, 'null', $5)
     on conflict (workspace_id, key_id, idempotency_key) do update set at = excluded.at
       where c.status = ${underWay} and c.digest = excluded.digest and c.at < $6`,
    [...placeOf(keyed), digestOf(keyed), keyed.now, new Date(keyed.now.getTime() - diedMs)],
  );
  return rowCount === 1;
}

async function release(pool: Pool, keyed: KeyedCommand): Promise<void> {
  await pool.query(
    `delete from command_answer
      where workspace_id = $1 and key_id = $2 and idempotency_key = $3 and status = ${underWay}`,
    [...placeOf(keyed)],
  );
}

/** What the key was answered, or that it was another command's; null: that is still under way, or nobody has it. */
async function kept<T>(pool: Pool, keyed: KeyedCommand): Promise<{ readonly answer: T | Refusal } | null> {
  const { rows } = await pool.query<Stored>(
    'select digest, status, body from command_answer where workspace_id = $1 and key_id = $2 and idempotency_key = $3',
    [...placeOf(keyed)],
  );
  const [row] = rows;
  if (!row) return null;
  if (row.digest !== digestOf(keyed)) return { answer: reused(keyed.key ?? '') };
  return row.status === underWay ? null : { answer: row.body as T };
}

function busy(key: string): Refusal {
  return refuse(
    'conflict',
    `the command with the Idempotency-Key \`${key}\` is still under way; ask again in a moment`,
  );
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
