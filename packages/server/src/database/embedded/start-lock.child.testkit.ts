/** Takes the lock of a folder again and again; says `held` each time, and complains when it is not alone. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { birthOf } from './processes.js';
import { acquireStartLock } from './start-lock.js';

const folder = process.argv[2] ?? '';
const inside = join(folder, 'inside');

async function visit(): Promise<void> {
  const lock = await acquireStartLock(folder);
  // A holder that was killed leaves its mark; only the mark of a living one is a violation.
  const file = await open(inside, 'a+');
  const [pid, birth] = (await file.readFile('utf8')).split(' ');
  if (pid && birth && (await birthOf(Number(pid))) === birth) console.log(`process ${pid} holds it as well`);
  await file.truncate();
  await file.write(`${process.pid} ${await birthOf(process.pid)}`);
  await file.close();
  await sleep(2);
  await rm(inside);
  console.log('held');
  await lock.release();
}

async function main(): Promise<void> {
  for (;;) await visit();
}

void main();
