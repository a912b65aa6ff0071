import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended, type Server, startServer } from '../server.js';

/** Built servers, each a process, on one PostgreSQL (that of the data folder, which the first of them starts). */
export interface Servers {
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

export async function startServers(count: number): Promise<Servers> {
  const dataDir = await mkdtemp(join(tmpdir(), 'policy-studio-bench-'));
  const servers: Server[] = [];
  const stop = async (): Promise<void> => {
    for (const { child } of servers) await ended(child);
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    for (let index = 0; index < count; index += 1) servers.push(await startServer(dataDir));
  } catch (error) {
    await stop();
    throw error;
  }
  return { urls: servers.map(({ url }) => url), stop };
}
