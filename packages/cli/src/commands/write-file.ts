import { writeFile } from 'node:fs/promises';
import { unusable } from '../exit-code.js';
import { fileFailure } from '../input.js';

/** Writes a file that is not there yet, or any with `force`. `mode` is for a new file (default 0644, less the umask). */
export async function writeNew(
  path: string,
  text: string,
  { force = false, mode = 0o644 }: { force?: boolean; mode?: number },
): Promise<void> {
  try {
    await writeFile(path, text, { flag: force ? 'w' : 'wx', mode });
  } catch (error) {
    if (Reflect.get(error as Error, 'code') === 'EEXIST') throw unusable(`${path}: is there already`);
    throw fileFailure(path, error, 'written');
  }
}
