import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { idBound, timeOfId } from './decision-id.js';

const dayMs = 24 * 3_600_000;
/** Lets one session at a time change the list of partitions. Arbitrary, but fixed for ever. */
const partitionLock = 7_082_011_847;

/** A day's part of the log, by its first millisecond (UTC). */
export interface Partition {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

function partitionAt(ms: number): Partition {
  const startMs = Math.floor(ms / dayMs) * dayMs;
  const day = new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '');
  return { name: `decision_${day}`, startMs, endMs: startMs + dayMs };
}

/** Makes the partitions for `days` days from today, so that no decision waits for one. */
export function ensurePartitionsAhead(pool: Pool, nowMs: number, days: number): Promise<void> {
  return ensure(
    pool,
    Array.from({ length: days }, (_, ahead) => nowMs + ahead * dayMs),
  );
}

/** Makes the partitions that ids belong to, where they are missing. */
export function ensurePartitions(pool: Pool, ids: readonly string[]): Promise<void> {
  return ensure(pool, ids.map(timeOfId));
}

async function ensure(pool: Pool, times: readonly number[]): Promise<void> {
  const wanted = new Map(times.map((ms) => [Math.floor(ms / dayMs), partitionAt(ms)]));
  const missing = await withoutThose([...wanted.values()], pool);
  if (missing.length === 0) return;
  await withTransaction(pool, async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [partitionLock]);
    for (const partition of await withoutThose(missing, tx)) await attach(tx, partition);
  });
}

async function withoutThose(partitions: readonly Partition[], queryable: Pool | PoolClient): Promise<Partition[]> {
  const there = new Set((await listPartitions(queryable)).map(({ name }) => name));
  return partitions.filter(({ name }) => !there.has(name));
}

/** Made apart and then attached: that waits for nobody who writes, as creating it in place would. */
async function attach(tx: PoolClient, { name, startMs, endMs }: Partition): Promise<void> {
  await tx.query(`create table ${name} (like decision including defaults including constraints including indexes)`);
  await tx.query('call wall_off_part($1)', [name]);
  await tx.query(
    `alter table decision attach partition ${name} for values from ('${idBound(startMs)}') to ('${idBound(endMs)}')`,
  );
}

/** The partitions there are, oldest first. */
export async function listPartitions(queryable: Pool | PoolClient): Promise<Partition[]> {
  const { rows } = await queryable.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'decision'::regclass order by c.relname`,
  );
  return rows.flatMap(({ name }) => {
    const [, year, month, day] = /^decision_(\d{4})(\d{2})(\d{2})$/.exec(name) ?? [];
    return year === undefined ? [] : [partitionAt(Date.parse(`${year}-${month}-${day}T00:00:00Z`))];
  });
}

/**
 * Drops the partitions that end before a time and returns their names. Gives way to whoever uses the log: a partition
 * that cannot be locked at once is left for the next time.
 */
export async function dropPartitionsBefore(pool: Pool, beforeMs: number): Promise<string[]> {
  const dropped: string[] = [];
  for (const { name } of (await listPartitions(pool)).filter(({ endMs }) => endMs <= beforeMs)) {
    await withTransaction(pool, async (tx) => {
      await tx.query("set local lock_timeout = '1s'");
      await tx.query(`drop table if exists ${name}`);
    });
    dropped.push(name);
  }
  return dropped;
}
