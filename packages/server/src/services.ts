import { randomBytes, randomFillSync } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from './clock.js';
import { type Compute, createCompute } from './compute/compute.js';
import type { Database } from './database/connection.js';
import { forEverybody } from './database/scope.js';
import type { IdentitySettings } from './features/access/claims.js';
import { adminTokenMark } from './features/access/credential.js';
import { createDenials, type Denials } from './features/access/denials.js';
import { createKeyring, type Keyring, type KeyringOptions } from './features/access/keyring.js';
import { Throttle } from './features/access/throttle.js';
import { type AwayClaims, createAwayClaims } from './features/decisions/away-claims.js';
import { createDecisionIds } from './features/decisions/decision-id.js';
import { openDecisionLog } from './features/decisions/decision-log.js';
import type { Recorder, RecorderOptions } from './features/decisions/recorder.js';
import { createPolicyArchive, type PolicyArchive } from './features/decisions/replay.js';
import { createEnforcement, type Enforcement } from './features/enforcement/snapshots.js';
import { generationChannel } from './features/events/transaction.js';
import { createDecisionMeter, type DecisionMeter } from './features/metrics/decision-meter.js';
import { createPresence, type Presence } from './features/system/replicas.js';
import { createStandings, type Standings } from './features/workspaces/standing.js';
import { createRateLimits, type RateLimits } from './http/rate-limits.js';
import { createListener, type Listener } from './listener.js';
import type { Logger } from './logging.js';
import { type ServerSecrets, serverSecrets } from './server-secrets.js';

/** What of the environment the slices may know. */
export interface Config {
  readonly version: string;
  readonly dataDir: string;
  readonly decisionLog: 'durable' | 'async';
  /** `four_eyes` of a workspace that never set it. */
  readonly fourEyesDefault: boolean;
  /** Begins links in messages; no slash at the end. */
  readonly publicUrl: string | null;
  /** Whether messages may go to private addresses, and unencrypted. */
  readonly allowPrivateWebhooks: boolean;
  /** What a scraper off this machine shows to read `/metrics`; null: an API key. */
  readonly metricsToken: string | null;
  readonly identity: IdentitySettings;
  /** What a key may ask of this server besides decisions; null: as much as it likes. */
  readonly requestsPerMinute: number | null;
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
  /** What known callers tried and may not. */
  readonly denials: Denials;
  readonly rateLimits: RateLimits;
  /** Which workspaces are archived, and what their quotas are. */
  readonly standings: Standings;
  /** What is in force on this server. */
  readonly enforcement: Enforcement;
  /** What tells the other servers that this one is there. */
  readonly presence: Presence;
  readonly recorder: Recorder;
  /** Counts the decisions this server makes. */
  readonly meter: DecisionMeter;
  readonly awayClaims: AwayClaims;
  /** The next decision id for a time in milliseconds. */
  readonly decisionId: (nowMs: number) => string;
  /** Compiled policies of recorded decisions. */
  readonly policyArchive: PolicyArchive;
  /** Lint, diff and simulation, in threads of their own. */
  readonly compute: Compute;
  /** Wrong guesses of one-time links of approvals, by address. */
  readonly linkGuesses: Throttle;
  /** What HMAC_SECRET is good for: the same on every server of the database. */
  readonly secrets: ServerSecrets;
  /** Aborted when the server begins to stop: long polls answer at once. */
  readonly stopping: AbortSignal;
}

export interface ServicesOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Config;
  readonly adminToken: string;
  readonly hmacSecret: string;
  /** What it was before; null or absent: it never changed. */
  readonly previousHmacSecret?: string | null;
  readonly accessLimits?: KeyringOptions['limits'];
  readonly recorderLimits?: RecorderOptions['limits'];
  readonly spoolBytes?: number;
}

export interface OpenServices {
  readonly services: Services;
  /** From now on requests are refused and long polls end; what is in flight goes on. */
  beginStop(): void;
  /** After the last request: writes what is waiting, then lets go. Leaves the database open. */
  close(): Promise<void>;
}

/** Wrong guesses of one-time links that an address has in a minute before it waits. */
const linkGuessesPerMinute = 10;

/** Makes and starts the services over an open, migrated database; the same for the server and for tests. */
export async function openServices(options: ServicesOptions): Promise<OpenServices> {
  const { db, clock, log, config, adminToken } = options;
  const stop = new AbortController();
  const listener = createListener(db, log);
  const everybody = forEverybody(db.pool);
  const system = { ...db, pool: everybody };
  const denials = createDenials({ db, clock, log });
  const keys = createKeyring({
    db: system,
    clock,
    log,
    listener,
    denials,
    adminToken,
    adminTokenMark: adminTokenMark(options.hmacSecret, adminToken),
    site: config,
    limits: options.accessLimits ?? {},
  });
  const standings = createStandings({ pool: everybody, clock, log, listener });
  const enforcement = createEnforcement({
    pool: db.pool,
    clock,
    log,
    config,
    folder: join(config.dataDir, 'in-force'),
  });
  listener.listen(generationChannel, enforcement.hear);
  // What was said while nobody listened is lost.
  listener.onConnected(
    () => void enforcement.poll().catch((error) => log.warn({ err: error }, 'the poll of generations failed')),
  );
  const name = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const presence = createPresence({
    pool: everybody,
    enforcement,
    log,
    id: `${hostname().slice(0, 64)}-${name}`,
    host: hostname(),
    version: config.version,
  });
  const awayClaims = createAwayClaims();
  const recorder = await openDecisionLog({
    db,
    log,
    dataDir: config.dataDir,
    mode: config.decisionLog,
    owner: name,
    onBack: enforcement.poll,
    onDrained: awayClaims.clear,
    ...(options.recorderLimits ? { limits: options.recorderLimits } : {}),
    ...(options.spoolBytes === undefined ? {} : { spoolBytes: options.spoolBytes }),
  });
  const decisionId = createDecisionIds(randomFillSync);
  const policyArchive = createPolicyArchive(db.pool);
  const compute = createCompute();
  await listener.start();
  // Before the first request: who is archived must not get in meanwhile. Without the database nobody is known anyway.
  await standings.refresh().catch(() => undefined);
  return {
    services: {
      db,
      clock,
      log,
      config,
      listener,
      keys,
      denials,
      rateLimits: createRateLimits(clock, config.requestsPerMinute),
      standings,
      enforcement,
      presence,
      recorder,
      meter: createDecisionMeter(),
      awayClaims,
      decisionId,
      policyArchive,
      compute,
      linkGuesses: new Throttle(linkGuessesPerMinute, 60_000),
      secrets: serverSecrets(options.hmacSecret, options.previousHmacSecret),
      stopping: stop.signal,
    },
    beginStop: () => stop.abort(),
    async close() {
      stop.abort();
      await compute.close();
      await recorder.stop();
      await presence.leave();
      await enforcement.stop();
      await keys.stop();
      await denials.stop();
      await listener.stop();
    },
  };
}
