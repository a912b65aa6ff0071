/**
 * A server reduced to its database, for tests that kill it. Speaks in lines.
 *
 * in:  `write` (insert rows without end, one after the other), `count`, `close`
 * out: `ready <ms>`, `refused <code> <message>`, `log <message>`, `ack <id>` (after the commit), `has <rows>`, `closed <ms>`
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, openDatabase, withTransaction } from '../../packages/server/src/database/connection.js';
import { DatabaseStartError } from '../../packages/server/src/database/start-error.js';

const { dataDir, uid } = JSON.parse(process.argv[2] ?? '{}') as { dataDir: string; uid?: number };
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const log = { info: (text: string) => void say(`log ${text}`), warn: (text: string) => void say(`log ${text}`) };

if (uid !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
}

async function write(db: Database): Promise<never> {
  for (let n = 0; ; n += 1) {
    const id = `${process.pid}-${n}`;
    const stored = await db.pool.query('insert into ack values ($1)', [id]).catch(() => null);
    if (stored === null) await sleep(10);
    else say(`ack ${id}`);
  }
}

async function main(): Promise<void> {
  const started = performance.now();
  const db = await openDatabase({ dataDir, log });
  const readyMs = performance.now() - started;
  await withTransaction(db.pool, async (tx) => {
    await tx.query('select pg_advisory_xact_lock(7)');
    await tx.query('create table if not exists ack (id text primary key)');
  });
  say(`ready ${readyMs.toFixed(0)}`);
  for await (const line of createInterface(process.stdin)) {
    if (line === 'write') void write(db);
    if (line === 'count') {
      const { rows } = await db.pool.query<{ count: number }>('select count(*) from ack');
      say(`has ${rows[0]?.count}`);
    }
    if (line === 'close') {
      const closing = performance.now();
      await db.close();
      say(`closed ${(performance.now() - closing).toFixed(0)}`);
      process.exit(0);
    }
  }
}

main().catch((error: unknown) => {
  if (error instanceof DatabaseStartError) say(`refused ${error.code} ${error.message}`);
  else console.error(error);
  process.exit(1);
});
