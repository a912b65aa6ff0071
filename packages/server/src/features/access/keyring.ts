import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../caller.js';
import type { Clock } from '../../clock.js';
import type { Database } from '../../database/connection.js';
import { databaseFailure } from '../../database-failure.js';
import type { Listener } from '../../listener.js';
import type { Logger } from '../../logging.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { IdentitySettings } from './claims.js';
import { cookieOf, forgery, type Site } from './cookie.js';
import { bearerOf, hashOf, prefixOf, sameHash } from './credential.js';
import type { Denials } from './denials.js';
import {
  bootstrapPerson,
  defaultWorkspace,
  keysByPrefix,
  type StoredKey,
  type StoredSession,
  sessionByHash,
  workspaceIdByName,
} from './queries.js';
import { createRemembered, type Entry, isRecent, remember, rememberingLimits } from './remembered.js';
import { createServiceTokens, isServiceToken } from './service-tokens.js';
import { Throttle } from './throttle.js';
import { accessChannel, nameOfWorkspace } from './transaction.js';

const accessLimits = {
  ...rememberingLimits,
  /** Failed authentications an address may have in a minute before even a valid credential not seen before waits. */
  failuresPerMinute: 30,
  /** The same for JWTs and cookies, nobody's guesses but work all the same: services share addresses, tabs ask on and on. */
  longFailuresPerMinute: 600,
  /** Requests a key may make in a minute: a runaway loop, not a busy agent. */
  requestsPerMinute: 1_500_000,
  /** Sign-ins of one person in a minute. */
  signInsPerMinute: 120,
  lastUsedMs: 60_000,
} as const;

export interface Keyring {
  /** The caller of a request, or why it is refused: `unauthenticated`, `rate_limited`, `not_found` (workspace), `forbidden`, `csrf`. */
  authenticate(request: FastifyRequest): Promise<Caller | Refusal>;
  /** Whether the caller of a request that goes on and on would still be let in. Is no use of what it shows. */
  isWelcome(request: FastifyRequest): Promise<boolean>;
  /** Calls `onEnd` when the key, the session or the member that the caller is known by ends; until the answer is called. */
  watch(caller: Caller, onEnd: () => void): () => void;
  /** Who shows `credential`, a key or the admin token, with this request. */
  callerOf(credential: string, request: FastifyRequest): Promise<Caller | Refusal>;
  /** The id of a workspace, null when there is none. Remembered like keys, and for as long while the database is away. */
  workspaceId(name: string): Promise<number | null>;
  /** Forgets what goes by `name` (`key/5`, `session/3`, `member/7`, `workspace/2`) at once, on this server. */
  forget(name: string): void;
  /** How often an address has failed, and people have signed in, lately. */
  readonly attempts: Attempts;
  /** Tells the admin token of this server from others. */
  readonly adminTokenMark: string;
  /** Waits for what is still being noted (times of last use). */
  stop(): Promise<void>;
}

export interface Attempts {
  /** Counts a wrong guess. */
  failed(address: string): void;
  /** `rate_limited` for an address with too many wrong guesses. */
  refusal(address: string): Refusal | null;
  /** Counts a sign-in; `rate_limited` when this person had too many. */
  signIn(person: string): Refusal | null;
}

export interface KeyringOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly listener: Listener;
  readonly adminToken: string;
  readonly adminTokenMark: string;
  readonly denials: Denials;
  readonly site: Site & { readonly identity: IdentitySettings };
  readonly limits?: Partial<Record<keyof typeof accessLimits, number>>;
}

/** Knows the credentials of this server: those of the database, remembered for a while, and the bootstrap token. */
export function createKeyring(options: KeyringOptions): Keyring {
  const { db, clock, log, listener, denials, site, adminTokenMark } = options;
  const limits = { ...accessLimits, ...options.limits };
  const adminHash = hashOf(options.adminToken);
  const common = { clock, listener, limits };
  const keys = createRemembered<StoredKey>({
    ...common,
    namesOf: ({ id, workspaceId }) => [`key/${id}`, nameOfWorkspace(workspaceId)],
  });
  const sessions = createRemembered<StoredSession>({ ...common, namesOf: namesOfSession });
  const serviceTokens = createServiceTokens({ ...common, db, denials, settings: site.identity.jwt });
  const workspaces = new Map<string, { id: number; checkedMs: number }>();
  const failures = new Throttle(limits.failuresPerMinute, 60_000);
  const longFailures = new Throttle(limits.longFailuresPerMinute, 60_000);
  const signIns = new Throttle(limits.signInsPerMinute, 60_000);
  const requests = new Throttle(limits.requestsPerMinute, 60_000);
  const writes = new Set<Promise<unknown>>();
  const watchers = new Map<string, Set<() => void>>();
  let adminSeen = false;

  const tellWatchers = (name: string): void => {
    for (const onEnd of [...(watchers.get(name) ?? [])]) onEnd();
  };
  /** What the credentials of a kind do not know themselves. */
  const ended = (name: string): void => {
    for (const [workspace, { id }] of workspaces) if (name === nameOfWorkspace(id)) workspaces.delete(workspace);
    tellWatchers(name);
  };
  listener.listen(accessChannel, ended);

  const touch = (entry: { touchedMs: number }, nowMs: number, sql: string, id: number): void => {
    if (Math.abs(nowMs - entry.touchedMs) < limits.lastUsedMs) return;
    entry.touchedMs = nowMs;
    const write = db.pool
      .query(sql, [id, new Date(nowMs)])
      .catch((error: Error) => log.debug({ err: error }, 'a time of last use was not noted'))
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

  /** Whoever holds the admin token, in the workspace they select. */
  const admin = async (
    request: FastifyRequest,
    nowMs: number,
    otherwise = defaultWorkspace,
  ): Promise<Caller | Refusal> => {
    const workspace = workspaceHeader(request) ?? otherwise;
    const id = await workspaceId(workspace, nowMs);
    if (id === null) return refuse('not_found', `there is no workspace \`${workspace.slice(0, 64)}\``);
    return { workspaceId: id, workspace, owner: bootstrapPerson, role: 'admin', keyId: null, agents: ['*'] };
  };

  /** What holds for everybody who is bound to one workspace. */
  const admitted = (caller: Caller, request: FastifyRequest, nowMs: number): Caller | Refusal => {
    const id = caller.keyId ?? 0;
    const wait = requests.retryAfter(id, nowMs);
    if (wait > 0) return refuse('rate_limited', 'this key makes too many requests', [], { retry_after: wait });
    requests.count(id, nowMs);
    const selected = workspaceHeader(request);
    if (selected === null || selected === caller.workspace) return caller;
    denials.note({ caller, what: 'select another workspace', code: 'forbidden', address: request.ip });
    return refuse('forbidden', `this key belongs to the workspace \`${caller.workspace}\`, leave X-Workspace out`);
  };

  const byKey = async (credential: string, prefix: string, request: FastifyRequest, { nowMs, isUse }: Moment) => {
    const hash = hashOf(credential);
    const entry = await keys.get(cacheId(hash), nowMs, async () => {
      const candidates = await keysByPrefix(db.pool, prefix);
      return candidates.find((candidate) => sameHash(candidate.hash, hash)) ?? null;
    });
    if (entry === null) return refuse('unauthenticated', 'this key is not known here, or it was revoked');
    const { id: keyId, workspaceId: id, workspace, owner, role, agents, ignoresSession } = entry.value;
    const caller = { workspaceId: id, workspace, owner, role, keyId, agents, ignoresSession };
    const { revokedAt, expiresAt } = entry.value;
    const code = revokedAt !== null ? 'key_revoked' : isOver(expiresAt, nowMs) ? 'key_expired' : null;
    if (code !== null) {
      denials.note({ caller, what: 'use a key that has ended', code, address: request.ip });
      return refuse(
        'unauthenticated',
        code === 'key_expired'
          ? 'this key has expired, ask an admin for a new one'
          : 'this key is not known here, or it was revoked',
      );
    }
    if (isUse) touch(entry, nowMs, keyUsed, keyId);
    return admitted(caller, request, nowMs);
  };

  const callerOf = async (credential: string, request: FastifyRequest, isUse: boolean): Promise<Caller | Refusal> => {
    const nowMs = clock.now().getTime();
    const hash = hashOf(credential);
    const isAdmin = sameHash(hash, adminHash);
    if (!isAdmin && isServiceToken(credential)) {
      const wait = serviceTokens.has(credential) ? 0 : longFailures.retryAfter(request.ip, nowMs);
      if (wait > 0) return tooManyFailures(wait);
      const service = await serviceTokens.callerOf(credential, workspaceHeader(request), request.ip);
      if ('agents' in service) return admitted(service, request, nowMs);
      if (service.code === 'unauthenticated') longFailures.count(request.ip, nowMs);
      return service;
    }
    const seen = keys.has(cacheId(hash)) || (adminSeen && isAdmin);
    const wait = failures.retryAfter(request.ip, nowMs);
    // A credential that has worked before still works; guesses are not even looked at.
    if (wait > 0 && !seen) return tooManyFailures(wait);
    if (isAdmin) {
      adminSeen = true;
      return admin(request, nowMs);
    }
    const prefix = prefixOf(credential);
    const caller =
      prefix === null
        ? refuse('unauthenticated', 'this key is not known here, or it was revoked')
        : await byKey(credential, prefix, request, { nowMs, isUse });
    if (!('agents' in caller) && caller.code === 'unauthenticated') failures.count(request.ip, nowMs);
    return caller;
  };

  /** Whose session it is, unless it has ended: by itself, with its key or member, or for want of requests. */
  const bySession = async (secret: string, request: FastifyRequest, isUse: boolean): Promise<Caller | Refusal> => {
    const nowMs = clock.now().getTime();
    const hash = hashOf(secret);
    const seen = sessions.has(cacheId(hash));
    const wait = seen ? 0 : longFailures.retryAfter(request.ip, nowMs);
    if (wait > 0) return tooManyFailures(wait);
    const entry = await sessions.get(cacheId(hash), nowMs, () => sessionByHash(db.pool, hash));
    if (entry === null || hasEnded(entry, nowMs)) {
      if (entry === null) longFailures.count(request.ip, nowMs);
      return refuse('unauthenticated', 'this browser is not signed in any more; sign in at /sign-in');
    }
    const session = entry.value;
    const forged = forgery(request, site, secret);
    if (forged !== null) return refuse('csrf', forged);
    if (isUse) touch(entry, nowMs, sessionSeen, session.id);
    const browser = { session, secret, seenMs: seenMs(entry) };
    if (session.adminToken !== null) {
      const caller = await admin(request, nowMs, session.workspace);
      return 'agents' in caller ? { ...caller, browser } : caller;
    }
    const { workspace, person: owner, role, agents, ignoresSession, keyId, memberId } = session;
    const who = memberId === null ? { keyId } : { keyId: memberId, isMember: true };
    return admitted(
      { workspaceId: session.workspaceId, workspace, owner, role, agents, ignoresSession, ...who, browser },
      request,
      nowMs,
    );
  };

  const hasEnded = (entry: Entry<StoredSession>, nowMs: number): boolean => {
    const { endedAt, expiresAt, adminToken } = entry.value;
    if (endedAt !== null || isOver(expiresAt, nowMs)) return true;
    if (adminToken !== null && adminToken !== adminTokenMark) return true;
    return nowMs - seenMs(entry) > site.identity.sessionIdleMs;
  };

  const authenticate = async (request: FastifyRequest, isUse: boolean): Promise<Caller | Refusal> => {
    const header = request.headers.authorization;
    const secret = header === undefined ? cookieOf(request, site, 'session') : null;
    if (secret !== null) return bySession(secret, request, isUse);
    const credential = bearerOf(header);
    if (credential !== null) return callerOf(credential, request, isUse);
    return refuse('unauthenticated', 'send `Authorization: Bearer <API key or admin token>`, or sign in at /sign-in');
  };

  return {
    authenticate: (request) => authenticate(request, true),
    isWelcome: async (request) => 'agents' in (await authenticate(request, false)),
    watch(caller, onEnd) {
      const names = namesOfCaller(caller);
      for (const name of names) watchers.set(name, (watchers.get(name) ?? new Set()).add(onEnd));
      return () => {
        for (const name of names) {
          const those = watchers.get(name);
          those?.delete(onEnd);
          if (those?.size === 0) watchers.delete(name);
        }
      };
    },
    callerOf: (credential, request) => callerOf(credential, request, true),
    workspaceId: (name) => workspaceId(name, clock.now().getTime()),
    forget(name) {
      for (const each of [keys, sessions, serviceTokens]) each.forget(name);
      ended(name);
    },
    attempts: {
      failed: (address) => failures.count(address, clock.now().getTime()),
      refusal(address) {
        const wait = failures.retryAfter(address, clock.now().getTime());
        return wait > 0 ? tooManyFailures(wait) : null;
      },
      signIn(person) {
        const nowMs = clock.now().getTime();
        const wait = signIns.retryAfter(person, nowMs);
        if (wait > 0) {
          return refuse('rate_limited', `\`${person}\` signed in too often`, [], { retry_after: wait });
        }
        signIns.count(person, nowMs);
        return null;
      },
    },
    adminTokenMark,
    async stop() {
      await Promise.allSettled(writes);
      await serviceTokens.stop();
    },
  };
}

interface Moment {
  readonly nowMs: number;
  /** Not so for a look at whether somebody is still welcome. */
  readonly isUse: boolean;
}

const keyUsed = 'update api_key set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)';
const sessionSeen = `
  with seen as (update browser_session set last_seen_at = $2 where id = $1 and last_seen_at < $2 returning member_id)
  update member set last_seen_at = $2 from seen where id = seen.member_id`;

function tooManyFailures(wait: number): Refusal {
  return refuse('rate_limited', 'too many failed attempts from this address', [], { retry_after: wait });
}

function cacheId(hash: Buffer): string {
  return hash.toString('base64');
}

function namesOfSession({ id, workspaceId, keyId, memberId }: StoredSession): string[] {
  return [
    `session/${id}`,
    nameOfWorkspace(workspaceId),
    ...(keyId === null ? [] : [`key/${keyId}`]),
    ...(memberId === null ? [] : [`member/${memberId}`]),
  ];
}

/** What tells that a caller is not who it was, or that where it is let in is no more. */
function namesOfCaller({ workspaceId, keyId, isMember, browser }: Caller): string[] {
  const here = nameOfWorkspace(workspaceId);
  if (browser) return [...new Set([here, ...namesOfSession(browser.session)])];
  return keyId === null ? [here] : [here, `${isMember ? 'member' : 'key'}/${keyId}`];
}

/** The last request of a session that this server knows of, its own included. */
function seenMs({ value, touchedMs }: Entry<StoredSession>): number {
  return Math.max(value.lastSeenAt.getTime(), touchedMs);
}

function isOver(end: Date | null, nowMs: number): boolean {
  return end !== null && end.getTime() <= nowMs;
}

function workspaceHeader(request: FastifyRequest): string | null {
  const header = request.headers['x-workspace'];
  return typeof header === 'string' && header !== '' ? header : null;
}
