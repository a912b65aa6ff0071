import { appendFile, type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * A bounded log on disk for records that cannot go to the database now. Lines are `<crc32 as 8 hex digits> <text>`.
 *
 * Segments end in `.open` while their owner appends, and in `.ready` once they are to be drained. Whoever drains takes a
 * segment by renaming it, an open one too (its owner may have died). So after every fsync the owner looks whether the
 * segment still has its name; if not, somebody may have read it before the last lines came, and they are written once
 * more to a new one. Records have ids of their own, so reading some twice is harmless.
 */
export interface Spool {
  /** Resolves when all lines are on disk. `full` when they do not fit: then nothing was written. */
  append(lines: readonly string[]): Promise<'kept' | 'full'>;
  /** Hands every line on disk to `take`, oldest segment first, and removes a segment once `take` has resolved for all of it. */
  drain(take: (lines: readonly string[]) => Promise<void>): Promise<number>;
  /** Keeps a line that cannot be drained in `set-aside.log`, which is never drained. */
  setAside(line: string): Promise<void>;
  /** Lines kept and not drained. Found by `open` or appended since. */
  readonly count: number;
  readonly bytes: number;
  close(): Promise<void>;
}

export interface SpoolOptions {
  readonly folder: string;
  readonly maxBytes: number;
  /** Tells segments of different servers in one folder apart. */
  readonly owner: string;
  readonly warn: (message: string) => void;
}

interface Waiting {
  readonly text: string;
  readonly bytes: number;
  readonly count: number;
  readonly resolve: (kept: 'kept') => void;
  readonly reject: (error: unknown) => void;
}

interface Segment {
  readonly path: string;
  readonly handle: FileHandle;
  readonly inode: number;
  size: number;
}

const segmentName = /^spool-[\w-]+\.(open|ready)$/;
const drainLines = 500;

/** Opens the spool of a folder and counts what earlier servers left there. */
export async function openSpool({ folder, maxBytes, owner, warn }: SpoolOptions): Promise<Spool> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let segment: Segment | null = null;
  let sequence = 0;
  let bytes = 0;
  let count = 0;
  let queue: Waiting[] = [];
  let writing: Promise<void> | null = null;
  let draining: Promise<number> | null = null;

  const newSegment = async (): Promise<Segment> => {
    sequence += 1;
    const path = join(folder, `spool-${owner}-${String(sequence).padStart(6, '0')}.open`);
    const handle = await open(path, 'ax', 0o600);
    await syncFolder(folder);
    return { path, handle, inode: (await handle.stat()).ino, size: 0 };
  };

  const drop = async (old: Segment): Promise<void> => {
    if (segment === old) segment = null;
    await old.handle.close().catch(() => undefined);
  };

  /** Writes and syncs; true when the segment still had its name afterwards. */
  const writeTo = async (target: Segment, text: string): Promise<boolean> => {
    try {
      const { bytesWritten } = await target.handle.write(text);
      // The last bit of a disk is filled before it says that it is full.
      if (bytesWritten !== Buffer.byteLength(text)) {
        throw Object.assign(new Error('the disk took only a part of the spooled records'), { code: 'ENOSPC' });
      }
      await target.handle.datasync();
    } catch (error) {
      // What came half onto the disk must not be followed by a whole line.
      await target.handle.truncate(target.size).catch(() => undefined);
      await drop(target);
      throw error;
    }
    target.size += Buffer.byteLength(text);
    const now = await stat(target.path).catch(() => null);
    return now?.ino === target.inode;
  };

  const startWriting = (): void => {
    writing ??= writeAll().finally(() => {
      writing = null;
      // Handed in between the last look at the queue and now.
      if (queue.length > 0) startWriting();
    });
  };

  const writeAll = async (): Promise<void> => {
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      const text = group.map((waiting) => waiting.text).join('');
      try {
        for (;;) {
          segment ??= await newSegment();
          const target = segment;
          if (await writeTo(target, text)) break;
          await drop(target);
        }
        for (const waiting of group) waiting.resolve('kept');
      } catch (error) {
        for (const waiting of group) {
          bytes -= waiting.bytes;
          count -= waiting.count;
          waiting.reject(error);
        }
      }
    }
  };

  /** Lets go of the own segment between two writes; what comes next opens a new one. */
  const rotate = async (): Promise<void> => {
    while (writing !== null) await writing;
    if (segment) await drop(segment);
  };

  const drainOnce = async (take: (lines: readonly string[]) => Promise<void>): Promise<number> => {
    let drained = 0;
    await rotate();
    for (const name of (await segments(folder)).sort()) {
      const path = name.endsWith('.open') ? await claim(join(folder, name)) : join(folder, name);
      if (path === null) continue;
      const text = await readFile(path).catch(ignoreAbsence);
      if (!text) continue;
      const { lines, damaged } = readLines(text);
      for (let start = 0; start < lines.length; start += drainLines) await take(lines.slice(start, start + drainLines));
      if (damaged > 0) {
        warn(`${damaged} damaged lines of a spool segment were left out; the segment is kept as ${path}.damaged`);
        await rename(path, `${path}.damaged`).catch(ignoreAbsence);
      } else await rm(path, { force: true });
      drained += lines.length;
      bytes = Math.max(0, bytes - text.length);
      count = Math.max(0, count - lines.length);
    }
    // Lines that were written twice, or drained by another server, are still in the sums.
    if (!writing && !segment && (await segments(folder)).length === 0 && !writing) bytes = count = 0;
    return drained;
  };

  for (const name of await segments(folder)) {
    const text = await readFile(join(folder, name)).catch(ignoreAbsence);
    if (!text) continue;
    bytes += text.length;
    count += readLines(text).lines.length;
  }

  return {
    append(lines) {
      const text = lines.map(spoolLine).join('');
      const size = Buffer.byteLength(text);
      if (bytes + size > maxBytes) return Promise.resolve('full');
      bytes += size;
      count += lines.length;
      return new Promise((resolve, reject) => {
        queue.push({ text, bytes: size, count: lines.length, resolve, reject });
        startWriting();
      });
    },
    drain(take) {
      draining ??= drainOnce(take).finally(() => {
        draining = null;
      });
      return draining;
    },
    async setAside(line) {
      await appendFile(join(folder, 'set-aside.log'), spoolLine(line), { mode: 0o600, flush: true } as {
        mode: number;
      });
    },
    get count() {
      return count;
    },
    get bytes() {
      return bytes;
    },
    async close() {
      await writing;
      await draining?.catch(() => undefined);
      if (segment) await drop(segment);
    },
  };
}

async function segments(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => segmentName.test(name));
}

/** Takes an open segment for draining; null when another server was faster. */
async function claim(path: string): Promise<string | null> {
  const ready = path.replace(/\.open$/, '.ready');
  try {
    await rename(path, ready);
    return ready;
  } catch (error) {
    ignoreAbsence(error);
    return null;
  }
}

function spoolLine(text: string): string {
  return `${checksum(text)} ${text}\n`;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/**
 * The whole lines of a segment. What follows the last line end was being written when its writer died; nobody was told
 * that it was kept. Lines with a wrong checksum are counted.
 */
export function readLines(bytes: Buffer): { lines: string[]; damaged: number } {
  const texts = bytes.toString('utf8').split('\n').slice(0, -1);
  const lines = texts.filter((text) => checksum(text.slice(9)) === text.slice(0, 8)).map((text) => text.slice(9));
  return { lines, damaged: texts.length - lines.length };
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreAbsence(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return null;
}
