import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../caller.js';
import type { Clock } from '../../clock.js';
import type { Database } from '../../database/connection.js';
import { databaseFailure } from '../../database-failure.js';
import { within } from '../../deadline.js';
import type { Listener } from '../../listener.js';
import type { Logger } from '../../logging.js';
import { type Refusal, refuse } from '../../refusal.js';
import { bearerOf, hashOf, prefixOf, sameHash } from './credential.js';
import { defaultWorkspace, keysByPrefix, type StoredKey, workspaceIdByName } from './queries.js';
import { Throttle } from './throttle.js';

/** Channel on which replicas hear of a revoked key: payload its id. */
export const revocationChannel = 'policy_key_revoked';

const accessLimits = {
  /** Failed authentications an address may have in a minute before even a valid credential not seen before waits. */
  failuresPerMinute: 30,
  /** Requests a key may make in a minute: a runaway loop, not a busy agent. */
  requestsPerMinute: 1_500_000,
  cachedCredentials: 10_000,
  /** How long an unknown credential stays unknown without asking the database. */
  unknownMs: 5_000,
  /** How old what is known of a key may be while revocations are heard, and while they are not. */
  recheckMs: 60_000,
  recheckUnheardMs: 500,
  /** While the database is away, how long a key seen before is trusted. */
  trustMs: 5 * 60_000,
  /** How long a request waits for the database to confirm a key that is known. */
  confirmMs: 400,
  lastUsedMs: 60_000,
} as const;

interface Known {
  readonly key: StoredKey;
  checkedMs: number;
  touchedMs: number;
}

export interface Keyring {
  /** The caller of a request, or why it is refused: `unauthenticated`, `rate_limited`, `not_found` (workspace), `forbidden`. */
  authenticate(request: FastifyRequest): Promise<Caller | Refusal>;
  /** The id of a workspace, null when there is none. Remembered like keys, and for as long while the database is away. */
  workspaceId(name: string): Promise<number | null>;
  /** Forgets a key at once, on this server. */
  forget(keyId: number): void;
  /** Waits for what is still being noted (times of last use). */
  stop(): Promise<void>;
}

export interface KeyringOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly listener: Listener;
  readonly adminToken: string;
  readonly limits?: Partial<Record<keyof typeof accessLimits, number>>;
}

/** Knows the credentials of this server: those of the database, remembered for a while, and the bootstrap token. */
export function createKeyring(options: KeyringOptions): Keyring {
  const { db, clock, log, listener } = options;
  const limits = { ...accessLimits, ...options.limits };
  const adminHash = hashOf(options.adminToken);
  const known = new Map<string, Known>();
  const unknown = new Map<string, number>();
  const workspaces = new Map<string, { id: number; checkedMs: number }>();
  const failures = new Throttle(limits.failuresPerMinute, 60_000);
  const requests = new Throttle(limits.requestsPerMinute, 60_000);
  const writes = new Set<Promise<unknown>>();
  const confirming = new Map<string, Promise<boolean>>();
  // Ids are never given twice. A lookup that was under way when its key was revoked must not bring it back.
  const revoked = new Map<number, true>();
  let connections = 0;
  let adminSeen = false;
  let awaySeenMs = 0;

  const forget = (keyId: number): void => {
    remember(revoked, keyId, true, limits.cachedCredentials);
    for (const [hash, entry] of known) if (entry.key.id === keyId) known.delete(hash);
  };
  listener.listen(revocationChannel, (payload) => forget(Number(payload)));
  // What was said while nobody listened is lost: look at every key again.
  listener.onConnected(() => {
    connections += 1;
    for (const entry of known.values()) entry.checkedMs = 0;
  });

  /** The stored key of a credential, straight from the database, and since when that is known. */
  const find = async (prefix: string, hash: Buffer): Promise<{ key: StoredKey; checkedMs: number } | null> => {
    const before = connections;
    const checkedMs = clock.now().getTime();
    const key = (await keysByPrefix(db.pool, prefix)).find((candidate) => sameHash(candidate.hash, hash));
    if (!key || revoked.has(key.id)) return null;
    return { key, checkedMs: before === connections ? checkedMs : 0 };
  };

  /** Looks again at a known key. False: it is gone. Throws when the database is away. */
  const confirm = (id: string, entry: Known, prefix: string): Promise<boolean> => {
    const running = confirming.get(id);
    if (running !== undefined) return running;
    const work = (async () => {
      const found = await find(prefix, entry.key.hash);
      if (found) known.set(id, { ...found, touchedMs: entry.touchedMs });
      else known.delete(id);
      return found !== null;
    })().finally(() => confirming.delete(id));
    work.catch(() => undefined);
    confirming.set(id, work);
    return work;
  };

  const keyOf = async (hash: Buffer, id: string, prefix: string, nowMs: number): Promise<Known | null> => {
    const entry = known.get(id);
    if (!entry) {
      if (isRecent(unknown.get(id) ?? 0, nowMs, limits.unknownMs)) return null;
      const found = await find(prefix, hash);
      if (!found) {
        remember(unknown, id, nowMs, limits.cachedCredentials);
        return null;
      }
      const fresh = { ...found, touchedMs: 0 };
      remember(known, id, fresh, limits.cachedCredentials);
      return fresh;
    }
    const recheckMs = listener.connected ? limits.recheckMs : limits.recheckUnheardMs;
    if (isRecent(entry.checkedMs, nowMs, recheckMs)) return entry;
    const trusted = isRecent(entry.checkedMs, nowMs, limits.trustMs);
    if (trusted && isRecent(awaySeenMs, nowMs, 1_000)) return entry;
    try {
      const there = await within(confirm(id, entry, prefix), limits.confirmMs, tooSlow);
      if (there === tooSlow) throw tooSlow;
      return there ? (known.get(id) ?? null) : null;
    } catch (error) {
      if (error !== tooSlow && databaseFailure(error) === null) throw error;
      awaySeenMs = nowMs;
      if (trusted) return entry;
      throw error === tooSlow
        ? refuse('database_unavailable', 'the key cannot be checked now, try again shortly')
        : error;
    }
  };

  const touch = (entry: Known, nowMs: number): void => {
    if (nowMs - entry.touchedMs < limits.lastUsedMs) return;
    entry.touchedMs = nowMs;
    const write = db.pool
      .query('update api_key set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)', [
        entry.key.id,
        new Date(nowMs),
      ])
      .catch((error: Error) => log.debug({ err: error }, 'the time of last use of a key was not noted'))
      .finally(() => writes.delete(write));
    writes.add(write);
  };

  /** Trusted for as long as a key when the database is away. */
  const workspaceId = async (name: string, nowMs: number): Promise<number | null> => {
    const entry = workspaces.get(name);
    if (entry && isRecent(entry.checkedMs, nowMs, limits.recheckMs)) return entry.id;
    try {
      const id = await workspaceIdByName(db.pool, name);
      if (id === null) workspaces.delete(name);
      else remember(workspaces, name, { id, checkedMs: nowMs }, limits.cachedCredentials);
      return id;
    } catch (error) {
      const trusted = entry && isRecent(entry.checkedMs, nowMs, limits.trustMs);
      if (trusted && databaseFailure(error) !== null) return entry.id;
      throw error;
    }
  };

  const admin = async (request: FastifyRequest, nowMs: number): Promise<Caller | Refusal> => {
    const workspace = workspaceHeader(request) ?? defaultWorkspace;
    const id = await workspaceId(workspace, nowMs);
    if (id === null) return refuse('not_found', `there is no workspace \`${workspace.slice(0, 64)}\``);
    return { workspaceId: id, workspace, owner: 'admin', role: 'admin', keyId: null, agents: ['*'] };
  };

  const byKey = (entry: Known, request: FastifyRequest, nowMs: number): Caller | Refusal => {
    const { id: keyId, workspaceId: id, workspace, owner, role, agents, ignoresSession } = entry.key;
    const wait = requests.retryAfter(keyId, nowMs);
    if (wait > 0) return refuse('rate_limited', 'this key makes too many requests', [], { retry_after: wait });
    requests.count(keyId, nowMs);
    const selected = workspaceHeader(request);
    if (selected !== null && selected !== workspace) {
      return refuse('forbidden', `this key belongs to the workspace \`${workspace}\`, leave X-Workspace out`);
    }
    touch(entry, nowMs);
    return { workspaceId: id, workspace, owner, role, keyId, agents, ignoresSession };
  };

  const authenticate = async (request: FastifyRequest): Promise<Caller | Refusal> => {
    const nowMs = clock.now().getTime();
    const credential = bearerOf(request.headers.authorization);
    if (credential === null) {
      return refuse('unauthenticated', 'send `Authorization: Bearer <API key or admin token>`');
    }
    const hash = hashOf(credential);
    const id = hash.toString('base64');
    const prefix = prefixOf(credential);
    const seen = known.has(id) || (adminSeen && sameHash(hash, adminHash));
    const wait = failures.retryAfter(request.ip, nowMs);
    // A credential that has worked before still works; guesses are not even looked at.
    if (wait > 0 && !seen) {
      return refuse('rate_limited', 'too many failed attempts from this address', [], { retry_after: wait });
    }
    if (sameHash(hash, adminHash)) {
      adminSeen = true;
      return admin(request, nowMs);
    }
    const entry = prefix === null ? null : await keyOf(hash, id, prefix, nowMs);
    if (entry && (entry.key.expiresAt === null || entry.key.expiresAt.getTime() > nowMs)) {
      return byKey(entry, request, nowMs);
    }
    failures.count(request.ip, nowMs);
    return refuse(
      'unauthenticated',
      entry ? 'this key has expired, ask an admin for a new one' : 'this key is not known here, or it was revoked',
    );
  };

  return {
    authenticate,
    workspaceId: (name) => workspaceId(name, clock.now().getTime()),
    forget,
    async stop() {
      await Promise.allSettled(writes);
    },
  };
}

function workspaceHeader(request: FastifyRequest): string | null {
  const header = request.headers['x-workspace'];
  return typeof header === 'string' && header !== '' ? header : null;
}

/** Whether `atMs` is at most `limitMs` away: a clock that was set back must not keep anything fresh until it catches up. */
function isRecent(atMs: number, nowMs: number, limitMs: number): boolean {
  return Math.abs(nowMs - atMs) <= limitMs;
}

/** Sets, and forgets the oldest entry beyond `max`. */
function remember<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}

const tooSlow = new Error('the database did not answer in time');
