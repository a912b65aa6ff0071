import { open } from 'node:fs/promises';
import { DatabaseStartError } from '../start-error.js';
import type { Layout } from './layout.js';
import { socketPort } from './postmaster.js';

/** `sun_path` takes 107 bytes and a final zero on Linux, 103 on macOS. */
const socketPathBytes = 103;

/** A name of the folder with the socket, for as long as it is held. */
export interface SocketFolder {
  readonly path: string;
  release(): Promise<void>;
}

/**
 * The folder through which this process reaches the socket: the cluster by its path or, where that is too long for a
 * socket address, by way of an open handle. The server side is never affected, because it binds the socket relative to
 * its working folder.
 *
 * @throws DatabaseStartError `data_dir_unusable` for a long path on a system without /proc
 */
export async function holdSocketFolder(layout: Layout): Promise<SocketFolder> {
  const bytes = Buffer.byteLength(`${layout.cluster}/.s.PGSQL.${socketPort}`);
  if (bytes <= socketPathBytes) return { path: layout.cluster, release: async () => undefined };
  if (process.platform !== 'linux') {
    throw new DatabaseStartError(
      'data_dir_unusable',
      `the path \`${layout.dataDir}\` is too long for the socket of a database; set DATA_DIR to one at least ${bytes - socketPathBytes} bytes shorter`,
    );
  }
  const handle = await open(layout.cluster, 'r');
  return { path: `/proc/${process.pid}/fd/${handle.fd}`, release: () => handle.close() };
}
