import { type FileHandle, open, rm, writeFile } from 'node:fs/promises';
import { unusable } from '../exit-code.js';
import { fileFailure } from '../input.js';

export interface WriteOptions {
  /** Overwrite a file that is there. */
  readonly force?: boolean;
  /** Of a new file, less the umask (default 0644). */
  readonly mode?: number;
}

/**
 * Writes what `make` answers to a file that is not there yet. The file is opened first, so that nothing is made that
 * could not be kept; when making fails, a new file is removed.
 */
export async function writeMade<T>(
  path: string,
  { force = false, mode = 0o644 }: WriteOptions,
  make: () => Promise<{ text: string; made: T }>,
): Promise<T> {
  const file = await openNew(path, force, mode);
  try {
    const { text, made } = await make();
    await file.truncate(0);
    await file.writeFile(text);
    return made;
  } catch (error) {
    if (!force) await rm(path, { force: true });
    throw fileFailure(path, error, 'written');
  } finally {
    await file.close();
  }
}

async function openNew(path: string, force: boolean, mode: number): Promise<FileHandle> {
  try {
    // Without truncation: what is there is kept until the new content is.
    return force ? await open(path, 'r+').catch(() => open(path, 'wx', mode)) : await open(path, 'wx', mode);
  } catch (error) {
    if (Reflect.get(error as Error, 'code') === 'EEXIST') throw unusable(`${path}: is there already`);
    throw fileFailure(path, error, 'written');
  }
}

/** Writes a file that is there anew. */
export async function rewrite(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw fileFailure(path, error, 'written');
  }
}
