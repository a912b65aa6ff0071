import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, databaseOver } from './connection.js';

export interface SeverableDatabase {
  readonly db: Database;
  /** Ends every connection and takes no new one. */
  sever(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
}

const quiet = { info: () => undefined, warn: () => undefined };

/** The same real database behind a relay that can be cut: what a server sees when the database goes away and comes back. */
export async function severable(original: Database): Promise<SeverableDatabase> {
  const { host = 'localhost', port = 5432 } = original.connectionConfig;
  const target = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  const folder = await mkdtemp(join(tmpdir(), 'ps-relay-'));
  const sockets = new Set<Socket>();
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const relay = createServer((incoming) => {
    const outgoing = createConnection(target);
    for (const socket of [incoming, outgoing]) track(socket);
    incoming.pipe(outgoing).pipe(incoming);
    incoming.on('close', () => outgoing.destroy());
    outgoing.on('close', () => incoming.destroy());
  });
  const restore = () => new Promise<void>((resolve) => relay.listen(`${folder}/.s.PGSQL.${port}`, resolve));
  const sever = () =>
    new Promise<void>((resolve) => {
      relay.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  await restore();
  const db = databaseOver({ ...original.connectionConfig, host: folder, port }, 'external', quiet, { unsaid: '*' });
  return {
    db,
    sever,
    restore,
    async close() {
      await db.close();
      if (relay.listening) await sever();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
