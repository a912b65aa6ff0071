import type { Clock } from './clock.js';
import type { Database } from './database/connection.js';
import { createKeyring, type Keyring, type KeyringOptions } from './features/access/keyring.js';
import { createListener, type Listener } from './listener.js';
import type { Logger } from './logging.js';

/** What of the environment the slices may know. */
export interface Config {
  readonly version: string;
  readonly dataDir: string;
  readonly decisionLog: 'durable' | 'async';
  /** `four_eyes` of a workspace that never set it. */
  readonly fourEyesDefault: boolean;
}

/** What is in force on this server (slice `enforcement`). */
export interface Enforcement {
  /** Returns when this server decides by `generation` of the workspace or a later one. */
  reach(workspaceId: number, generation: number): Promise<void>;
}

/**
 * Everything a slice can be given. What runs in the background is made in `openServices`, which also gives it its turn
 * to stop.
 */
export interface Services {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Config;
  /** The one connection that hears NOTIFY; add channels before `start`, or any time later. */
  readonly listener: Listener;
  readonly keys: Keyring;
  readonly enforcement: Enforcement;
  /** Aborted when the server begins to stop: long polls answer at once. */
  readonly stopping: AbortSignal;
}

export interface ServicesOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Config;
  readonly adminToken: string;
  readonly accessLimits?: KeyringOptions['limits'];
}

export interface OpenServices {
  readonly services: Services;
  /** From now on requests are refused and long polls end; what is in flight goes on. */
  beginStop(): void;
  /** After the last request: writes what is waiting, then lets go. Leaves the database open. */
  close(): Promise<void>;
}

/** Makes and starts the services over an open, migrated database; the same for the server and for tests. */
export async function openServices(options: ServicesOptions): Promise<OpenServices> {
  const { db, clock, log, config, adminToken } = options;
  const stop = new AbortController();
  const listener = createListener(db, log);
  const keys = createKeyring({ db, clock, log, listener, adminToken, limits: options.accessLimits ?? {} });
  const enforcement: Enforcement = { reach: async () => undefined };
  await listener.start();
  return {
    services: { db, clock, log, config, listener, keys, enforcement, stopping: stop.signal },
    beginStop: () => stop.abort(),
    async close() {
      stop.abort();
      await keys.stop();
      await listener.stop();
    },
  };
}
