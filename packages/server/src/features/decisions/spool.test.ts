import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databaseFailure } from '../../database-failure.js';
import { openSpool, readLines, type Spool } from './spool.js';

let folder: string;
let warnings: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ps-spool-'));
  warnings = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (owner: string, maxBytes = 100_000): Promise<Spool> =>
  openSpool({ folder, maxBytes, owner, warn: (message) => warnings.push(message) });
const drained = async (spool: Spool): Promise<string[]> => {
  const lines: string[] = [];
  await spool.drain(async (some) => void lines.push(...some));
  return lines;
};
const only = async (): Promise<string> => join(folder, (await readdir(folder))[0] as string);

describe('the spool', () => {
  it('gives back every line once, in order, also to the next server', async () => {
    const one = await open('one');
    await Promise.all([one.append(['a', 'b']), one.append(['é\\n"']), one.append(['d'])]);
    expect([one.count, (await stat(await only())).mode & 0o777]).toEqual([4, 0o600]);
    await one.close();
    const two = await open('two');
    expect([two.count, two.bytes]).toEqual([4, one.bytes]);
    expect(await drained(two)).toEqual(['a', 'b', 'é\\n"', 'd']);
    expect([await drained(two), two.count, two.bytes, await readdir(folder)]).toEqual([[], 0, 0, []]);
    await two.append(['later']);
    expect(await drained(two)).toEqual(['later']);
    await two.close();
  });

  it('leaves out a last line that was cut off, and any byte of it may be the end', async () => {
    const one = await open('one');
    await one.append(['first', 'second']);
    await one.close();
    const bytes = await readFile(await only());
    for (let end = bytes.length - 1; end > bytes.length - 16; end -= 1) {
      expect(readLines(bytes.subarray(0, end))).toEqual({ lines: ['first'], damaged: 0 });
    }
    await writeFile(await only(), bytes.subarray(0, -3));
    const two = await open('two');
    expect(await drained(two)).toEqual(['first']);
    expect(warnings).toEqual([]);
    await two.close();
  });

  it('leaves out a damaged line, keeps the segment and says so', async () => {
    const one = await open('one');
    await one.append(['first', 'second', 'third']);
    await one.close();
    const text = await readFile(await only(), 'utf8');
    await writeFile(await only(), text.replace('second', 'sEcond'));
    const two = await open('two');
    expect(await drained(two)).toEqual(['first', 'third']);
    expect(warnings).toHaveLength(1);
    expect((await readdir(folder))[0]).toMatch(/\.damaged$/);
    expect(await drained(two)).toEqual([]);
    await two.close();
  });

  it('takes nothing beyond its bound, and something again after a drain', async () => {
    const spool = await open('one', 100);
    expect(await spool.append(['x'.repeat(60)])).toBe('kept');
    expect(await spool.append(['y'.repeat(60)])).toBe('full');
    await drained(spool);
    expect(await spool.append(['y'.repeat(60)])).toBe('kept');
    await spool.close();
  });

  const canMount =
    process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
  it.skipIf(!canMount)('calls a disk full that takes only a part of a line, and keeps whole lines only', async () => {
    const small = join(folder, 'small');
    await mkdir(small);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', small]).status).toBe(0);
    try {
      const spool = await openSpool({ folder: small, maxBytes: 1e6, owner: 'one', warn: () => undefined });
      expect(await spool.append(['x'.repeat(40_000)])).toBe('kept');
      const refused = await spool.append(['y'.repeat(40_000)]).catch((error: unknown) => error);
      expect(databaseFailure(refused)).toBe('full');
      expect(await drained(spool)).toEqual(['x'.repeat(40_000)]);
      expect(await spool.append(['z'.repeat(40_000)])).toBe('kept');
      await spool.close();
    } finally {
      spawnSync('umount', ['-l', small]);
    }
  });

  it('keeps a segment when its lines could not be taken', async () => {
    const spool = await open('one');
    await spool.append(['a', 'b']);
    await expect(spool.drain(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
    await spool.append(['c']);
    expect(spool.count).toBe(3);
    expect((await drained(spool)).sort()).toEqual(['a', 'b', 'c']);
    await spool.close();
  });

  it('loses nothing when another server drains the segment it appends to', async () => {
    const [writer, thief] = [await open('writer'), await open('thief')];
    const taken = new Set<string>();
    const take = async (lines: readonly string[]): Promise<void> => {
      for (const line of lines) taken.add(line);
    };
    const wanted: string[] = [];
    let writing = true;
    const stealing = (async () => {
      while (writing) {
        await thief.drain(take);
        await sleep(15);
      }
    })();
    for (let turn = 0; turn < 100; turn += 1) {
      const line = `line ${turn}`;
      wanted.push(line);
      await writer.append([line]);
    }
    writing = false;
    await stealing;
    await thief.drain(take);
    expect([...taken].sort()).toEqual(wanted.sort());
    await Promise.all([writer.close(), thief.close()]);
  });

  it('does not take other files for segments', async () => {
    await appendFile(join(folder, 'set-aside.log'), 'x\n');
    const spool = await open('one');
    expect([spool.count, await drained(spool)]).toEqual([0, []]);
    await spool.close();
  });
});
