import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { birthOf, isAlive, processSpace } from './processes.js';
import { acquireStartLock } from './start-lock.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policy-studio-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the start lock', () => {
  it('has one holder at a time and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const visit = async (): Promise<void> => {
      const lock = await acquireStartLock(folder);
      inside += 1;
      most = Math.max(most, inside);
      await sleep(1);
      inside -= 1;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 20 }, visit));
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('has one holder at a time among processes of which some are killed anywhere', { timeout: 240_000 }, async () => {
    const script = fileURLToPath(new URL('./start-lock.child.testkit.ts', import.meta.url));
    const contenders: { child: ChildProcess; held: number }[] = [];
    const complaints: string[] = [];
    const start = (): void => {
      const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', script, folder]);
      const contender = { child, held: 0 };
      contenders.push(contender);
      const hear = (line: string): void => {
        if (line === 'held') contender.held += 1;
        else complaints.push(line);
      };
      createInterface(child.stdout).on('line', hear);
      createInterface(child.stderr).on('line', hear);
    };
    for (let n = 0; n < 3; n += 1) start();
    for (let kills = process.env.FULL === '1' ? 60 : 6; kills > 0; kills -= 1) {
      // The longest-lived one, once it and the next have both held the lock, at some point of its next visits.
      await expect
        .poll(() => contenders.slice(-3).filter(({ held }) => held > 3).length, { timeout: 20_000, interval: 3 })
        .toBeGreaterThan(1);
      await sleep((kills * 7) % 23);
      contenders.at(-3)?.child.kill('SIGKILL');
      start();
    }
    await Promise.all(
      contenders.map(async ({ child }) => {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }),
    );
    expect(complaints).toEqual([]);
    // And none of the dead stands in the way.
    const lock = await acquireStartLock(folder, 1_000);
    await lock.release();
  });

  it('is not held by a process whose pid was given to another one', async () => {
    await writeFile(join(folder, `ticket-1-${processSpace()}-${process.pid}-1-00000000`), '');
    const lock = await acquireStartLock(folder, 500);
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is waited for in vain no longer than asked, and names the holder', async () => {
    const holder = await acquireStartLock(folder);
    await expect(acquireStartLock(folder, 50)).rejects.toMatchObject({
      code: 'start_timeout',
      message: expect.stringContaining(`process ${process.pid} `),
    });
    await holder.release();
    const next = await acquireStartLock(folder, 50);
    await next.release();
  });
});

describe('a process', () => {
  it('is alive until it ends', async () => {
    const child = spawn('sleep', ['30']);
    const pid = child.pid ?? 0;
    expect(isAlive(pid)).toBe(true);
    expect(await birthOf(pid)).toBe(await birthOf(pid));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(pid)).toBe(false);
    expect(await birthOf(pid)).toBeNull();
  });

  it.skipIf(process.platform !== 'linux')('that is a zombie counts as gone', async () => {
    // The shell turns into a program that never collects its child.
    const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 30']);
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(text.toString());
    await sleep(300);
    expect(() => process.kill(pid, 0)).not.toThrow();
    expect(isAlive(pid)).toBe(false);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  });
});
