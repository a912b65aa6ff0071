import { randomBytes } from 'node:crypto';
import { chmod, link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseStartError, errorCode, storageError } from './database/start-error.js';

export interface KeptSecret {
  readonly value: string;
  readonly path: string;
  /** True when this call made it. */
  readonly isNew: boolean;
}

/**
 * The secret kept in `folder` under `name`, made of 256 random bits when there is none; only its owner can read the file.
 * Servers that start at once on one folder agree on one.
 *
 * @throws DatabaseStartError `data_dir_unusable`, `disk_full`
 */
export async function keptSecret(folder: string, name: string): Promise<KeptSecret> {
  const path = join(folder, name);
  try {
    const kept = await readKept(path);
    if (kept !== null) return { value: kept, path, isNew: false };
    const value = randomBytes(32).toString('base64url');
    const draft = `${path}.${randomBytes(4).toString('hex')}`;
    try {
      await writeFile(draft, `${value}\n`, { mode: 0o600, flag: 'wx' });
      // A link either makes the whole file or fails because another server was first.
      await link(draft, path);
      return { value, path, isNew: true };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      const other = await readKept(path);
      if (other === null) throw error;
      return { value: other, path, isNew: false };
    } finally {
      await rm(draft, { force: true });
    }
  } catch (error) {
    throw storageError(error, path);
  }
}

async function readKept(path: string): Promise<string | null> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    if (errorCode(error) !== 'EISDIR') throw error;
    text = '';
  }
  if (!/^[\x21-\x7e]{16,512}$/.test(text)) {
    throw new DatabaseStartError(
      'data_dir_unusable',
      `\`${path}\` does not hold a secret of 16 or more characters; delete it, and a new one is made`,
    );
  }
  // Restored from a backup, perhaps, with everybody's rights.
  if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  return text;
}
