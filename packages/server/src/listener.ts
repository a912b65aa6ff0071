import pg from 'pg';
import type { Database } from './database/connection.js';
import { within } from './deadline.js';
import type { Logger } from './logging.js';

const reconnectMs = 500;
const heartbeatMs = 2_000;
const answerMs = 2_000;

export interface Listener {
  /** Hears `channel` from now on. `onMessage` gets the payload; what it throws is logged, never passed on. */
  listen(channel: string, onMessage: (payload: string) => void): void;
  /** Called each time the connection is there (again): messages may have been missed, so look at the tables. */
  onConnected(handler: () => void): void;
  /** False while messages may be missed; then poll. */
  readonly connected: boolean;
  /** Returns when the first attempt to connect is over, whichever way it went. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The one connection of this server that hears LISTEN/NOTIFY. It reconnects by itself for ever, and asks the database a
 * question every 2 s, because a network that drops packets closes nothing.
 */
export function createListener(db: Database, log: Logger): Listener {
  const handlers = new Map<string, ((payload: string) => void)[]>();
  const onConnected: (() => void)[] = [];
  let client: pg.Client | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const guarded = (what: string, call: () => void): void => {
    try {
      call();
    } catch (error) {
      log.error({ err: error }, `a handler of ${what} failed`);
    }
  };

  const lost = (which: pg.Client, why: string): void => {
    if (client !== which) return;
    client = null;
    clearTimeout(timer);
    if (stopped) return;
    log.warn(`the listening database connection was lost (${why}); polling until it is back`);
    which.end().catch(() => undefined);
    schedule(connect, reconnectMs);
  };

  const schedule = (work: () => Promise<void>, ms: number): void => {
    timer = setTimeout(() => void work(), ms);
    timer.unref();
  };

  const beat = async (): Promise<void> => {
    const current = client;
    if (!current) return;
    try {
      const answer = await within(current.query('select 1'), answerMs, null);
      if (answer === null) throw new Error(`no answer within ${answerMs} ms`);
      if (client === current) schedule(beat, heartbeatMs);
    } catch (error) {
      lost(current, error instanceof Error ? error.message : String(error));
    }
  };

  const connect = async (): Promise<void> => {
    const next = new pg.Client({ ...db.connectionConfig, connectionTimeoutMillis: answerMs });
    next.on('error', (error) => lost(next, error.message));
    next.on('end', () => lost(next, 'closed by the database'));
    next.on('notification', ({ channel, payload }) => {
      for (const handler of handlers.get(channel) ?? []) guarded(channel, () => handler(payload ?? ''));
    });
    try {
      await next.connect();
      for (const channel of handlers.keys()) await next.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch {
      next.end().catch(() => undefined);
      if (!stopped) schedule(connect, reconnectMs);
      return;
    }
    if (stopped) {
      await next.end().catch(() => undefined);
      return;
    }
    client = next;
    for (const handler of onConnected) guarded('a new connection', handler);
    schedule(beat, heartbeatMs);
  };

  return {
    listen(channel, onMessage) {
      const known = handlers.get(channel);
      if (known) known.push(onMessage);
      else {
        handlers.set(channel, [onMessage]);
        const current = client;
        current
          ?.query(`listen ${pg.escapeIdentifier(channel)}`)
          .catch((error: Error) => lost(current, `listening to ${channel} failed: ${error.message}`));
      }
    },
    onConnected(handler) {
      onConnected.push(handler);
    },
    get connected() {
      return client !== null;
    },
    start: connect,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      const current = client;
      client = null;
      await current?.end().catch(() => undefined);
    },
  };
}
