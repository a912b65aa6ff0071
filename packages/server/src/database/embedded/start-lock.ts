import { randomBytes } from 'node:crypto';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseStartError } from '../start-error.js';
import { birthOf, processSpace } from './processes.js';

/**
 * Mutual exclusion between processes that share a folder, without anything to clean up after a crash.
 *
 * Lamport's bakery, with files for registers. A lock *file* that a survivor must break is never safe: two survivors
 * can break it, the second one breaking the first one's fresh lock. Here every contender writes only names of its own,
 * holding (number, process identity), the lowest number of a living process is the holder, and whoever finds a name
 * whose process is dead may delete it, because the dead do not come back under the same identity.
 *
 *   choose-<who>            announced while its owner looks for a number
 *   ticket-<number>-<who>   the place in the queue
 */
export interface StartLock {
  release(): Promise<void>;
}

interface Entry {
  readonly file: string;
  readonly number: number;
  readonly who: string;
}

const pollMs = 8;
/** A process in another container cannot be looked up; its entry counts until this age. Holders work for seconds. */
const foreignEntryMs = 180_000;

/**
 * Waits for the lock of `folder`.
 *
 * @throws DatabaseStartError `start_timeout` when others hold it for longer than `timeoutMs`
 */
export async function acquireStartLock(folder: string, timeoutMs = 180_000): Promise<StartLock> {
  const who = `${processSpace()}-${process.pid}-${await birthOf(process.pid)}-${randomBytes(4).toString('hex')}`;
  const choosing = join(folder, `choose-${who}`);
  let own: Entry;
  try {
    await writeFile(choosing, '', { mode: 0o600, flag: 'wx' });
    const number = Math.max(0, ...(await entries(folder, 'ticket')).map((entry) => entry.number)) + 1;
    own = { file: `ticket-${number}-${who}`, number, who };
    await writeFile(join(folder, own.file), '', { mode: 0o600, flag: 'wx' });
  } finally {
    await rm(choosing, { force: true });
  }
  const ticket = join(folder, own.file);

  const deadline = Date.now() + timeoutMs;
  const isAhead = (entry: Entry): boolean =>
    entry.who !== who && (entry.number < own.number || (entry.number === own.number && entry.who < who));
  try {
    // First nobody is choosing, then, in a later look, nobody is ahead: in this order no ticket can be missed.
    await waitUntilNone(folder, 'choose', (entry) => entry.who !== who, deadline);
    await waitUntilNone(folder, 'ticket', isAhead, deadline);
  } catch (error) {
    await rm(ticket, { force: true });
    throw error;
  }
  return { release: () => rm(ticket, { force: true }) };
}

async function waitUntilNone(
  folder: string,
  kind: 'choose' | 'ticket',
  blocks: (entry: Entry) => boolean,
  deadline: number,
): Promise<void> {
  for (;;) {
    const blocking: Entry[] = [];
    for (const entry of (await entries(folder, kind)).filter(blocks)) {
      if (await isLive(folder, entry)) blocking.push(entry);
      else await rm(join(folder, entry.file), { force: true });
    }
    const [first] = blocking;
    if (first === undefined) return;
    if (Date.now() > deadline) {
      throw new DatabaseStartError(
        'start_timeout',
        `process ${first.who.split('-')[1]} has been starting or stopping the database in \`${folder}\` for too long; stop that process and start again`,
      );
    }
    await sleep(pollMs);
  }
}

async function entries(folder: string, kind: 'choose' | 'ticket'): Promise<Entry[]> {
  const names = await readdir(folder);
  return names.flatMap((file) => {
    const match = /^(choose|ticket-(\d+))-(.+)$/.exec(file);
    if (match === null || !file.startsWith(kind)) return [];
    return [{ file, number: Number(match[2] ?? 0), who: match[3] ?? '' }];
  });
}

async function isLive(folder: string, entry: Entry): Promise<boolean> {
  const [space, pid, birth] = entry.who.split('-');
  if (space === processSpace()) return (await birthOf(Number(pid))) === birth;
  const seen = await stat(join(folder, entry.file)).catch(() => null);
  return seen !== null && Date.now() - seen.mtimeMs < foreignEntryMs;
}
