import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readlink, rename, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode } from '../start-error.js';
import type { Layout } from './layout.js';
import { SOCKET_PORT } from './postmaster.js';

/** `sun_path` takes 107 bytes and a final zero on Linux, 103 on macOS. */
const SOCKET_PATH_BYTES = 103;

/**
 * The folder through which clients reach the socket: the cluster itself, or, where its path is too long for a socket
 * address, a link to it in a private folder below the temp directory. The server side is never affected, because it
 * binds the socket relative to its working folder.
 */
export async function socketFolder(layout: Layout): Promise<string> {
  if (fits(layout.cluster)) return layout.cluster;
  const uid = process.getuid?.() ?? 0;
  let folder = join(tmpdir(), `policy-studio-${uid}`);
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  const entry = await lstat(folder);
  // Somebody else's folder under our name could lead us to somebody else's database.
  if (!entry.isDirectory() || entry.uid !== uid || (entry.mode & 0o077) !== 0) {
    folder = await mkdtemp(join(tmpdir(), 'ps-'));
  }
  const link = join(folder, createHash('sha256').update(layout.cluster).digest('hex').slice(0, 16));
  if ((await readlink(link).catch(() => '')) !== layout.cluster) {
    const fresh = `${link}.${process.pid}`;
    await symlink(layout.cluster, fresh);
    await rename(fresh, link);
  }
  return link;
}

function fits(folder: string): boolean {
  return Buffer.byteLength(`${folder}/.s.PGSQL.${SOCKET_PORT}`) <= SOCKET_PATH_BYTES;
}
