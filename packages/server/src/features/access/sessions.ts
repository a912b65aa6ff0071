import type { BrowserSession, OwnSession } from '@policy-studio/contract';
import type { FastifyRequest } from 'fastify';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { asSystem, inWorkspace } from '../../database/scope.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { cookieOf, csrfTokenOf, setCookie } from './cookie.js';
import { hashOf, newSessionSecret } from './credential.js';
import { type StoredSession, sessionByHash } from './queries.js';
import { announceEnd } from './transaction.js';

/** Sessions a person may have at once; the oldest ends for the next. */
const maxSessionsOfPerson = 20;

/** For whom a session begins: exactly one of key, member and admin token. */
export interface SignedIn {
  readonly workspaceId: number;
  readonly person: string;
  readonly via: BrowserSession['via'];
  readonly keyId: number | null;
  readonly memberId: number | null;
  readonly adminToken: string | null;
}

export interface BegunSession {
  /** For the cookie: what proves the session, which is not stored. */
  readonly secret: string;
  readonly session: StoredSession;
  /** Names of sessions that ended by it. */
  readonly ended: readonly string[];
}

interface Browser {
  readonly address: string;
  readonly userAgent: string;
  /** The cookie it came with. */
  readonly cookie: string | null;
}

function browserOf(request: FastifyRequest, { config }: Pick<Services, 'config'>): Browser {
  return {
    address: request.ip,
    userAgent: (request.headers['user-agent'] ?? '').replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 256),
    cookie: cookieOf(request, config, 'session'),
  };
}

/**
 * Begins a session for who signed in, with a secret of its own. The one the browser had before ends, of whatever
 * workspace it was: what was planted or seen before is worth nothing.
 *
 * `claim` runs in the same transaction, before, and may still refuse.
 */
export async function startSession(
  services: Services,
  request: FastifyRequest,
  workspaceId: number,
  claim: (tx: PoolClient) => Promise<Omit<SignedIn, 'workspaceId'> | Refusal>,
): Promise<BegunSession | Refusal> {
  const { db, keys } = services;
  const browser = browserOf(request, services);
  const begun = await inWorkspace(workspaceId, () =>
    withTransaction(db.pool, async (tx) => {
      const who = await claim(tx);
      return who instanceof Refusal ? who : begin(tx, services, { ...who, workspaceId }, browser);
    }),
  );
  if (begun instanceof Refusal) return begun;
  const { cookie } = browser;
  if (cookie !== null) {
    const before = await asSystem(() => sessionByHash(db.pool, hashOf(cookie)));
    if (before?.endedAt === null) {
      const { workspaceId: its, person, id } = before;
      await inWorkspace(its, () => endSession(services, { workspaceId: its, owner: person, role: 'viewer' }, id));
    }
  }
  // This server takes what ended for ended now, not when the database tells it.
  for (const name of begun.ended) keys.forget(name);
  return begun;
}

async function begin(
  tx: PoolClient,
  { clock, config }: Services,
  who: SignedIn,
  browser: Browser,
): Promise<BegunSession> {
  const now = clock.now();
  const secret = newSessionSecret();
  const { rows } = await tx.query<{ id: number }>(
    `insert into browser_session (workspace_id, hash, key_id, member_id, admin_token, person, via, address, user_agent,
                                  created_at, last_seen_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11) returning id`,
    [
      who.workspaceId,
      hashOf(secret),
      who.keyId,
      who.memberId,
      who.adminToken,
      who.person,
      who.via,
      browser.address,
      browser.userAgent,
      now,
      new Date(now.getTime() + config.identity.sessionMs),
    ],
  );
  const ended = await tx.query<{ id: number }>(
    `update browser_session set ended_at = $3 where id in (
       select id from browser_session where workspace_id = $1 and person = $2 and ended_at is null
        order by id desc offset ${maxSessionsOfPerson}) returning id`,
    [who.workspaceId, who.person, now],
  );
  const names = ended.rows.map(({ id }) => `session/${id}`);
  for (const name of names) await announceEnd(tx, name);
  if (who.memberId !== null) {
    await tx.query('update member set last_seen_at = $2 where id = $1', [who.memberId, now]);
  }
  await recordChange(tx, {
    workspaceId: who.workspaceId,
    at: now,
    actor: who.person,
    kind: 'session.begun',
    subject: `session/${rows[0]?.id}`,
    data: { via: who.via, key_id: who.keyId, member_id: who.memberId, address: browser.address },
  });
  const session = await sessionByHash(tx, hashOf(secret));
  if (session === null) throw new Error('a session that was just begun is not there');
  return { secret, session, ended: names };
}

/** Those of a member, inside the transaction that changes or removes it. */
export async function endSessionsOf(tx: PoolClient, memberId: number, now: Date): Promise<void> {
  await tx.query('update browser_session set ended_at = $2 where member_id = $1 and ended_at is null', [memberId, now]);
}

/** From the answer on this server refuses its cookie; every other one within a second. Others' only for an admin. */
export async function endSession(
  { db, clock, keys }: Services,
  caller: Pick<Caller, 'workspaceId' | 'owner' | 'role'>,
  id: number,
): Promise<Refusal | undefined> {
  const now = clock.now();
  const { workspaceId, owner, role } = caller;
  const ended = await withTransaction(db.pool, async (tx) => {
    const { rows } = await tx.query<{ person: string }>(
      `update browser_session set ended_at = $3
        where workspace_id = $1 and id = $2 and ended_at is null and ($4 or person = $5) returning person`,
      [workspaceId, id, now, role === 'admin', owner],
    );
    const row = rows[0];
    if (!row) return false;
    await announceEnd(tx, `session/${id}`);
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: owner,
      kind: 'session.ended',
      subject: `session/${id}`,
      data: { person: row.person },
    });
    return true;
  });
  if (!ended) return refuse('not_found', `there is no session ${id}, or it has ended`);
  keys.forget(`session/${id}`);
  return undefined;
}

/** Ends the session that asks, in the workspace it was begun in, whichever it selects now. */
export function signOut(
  services: Services,
  caller: Caller,
  { workspaceId, id }: StoredSession,
): Promise<Refusal | undefined> {
  return inWorkspace(workspaceId, () => endSession(services, { ...caller, workspaceId }, id));
}

export function sessionDocument(session: StoredSession, lastSeenMs: number, current: boolean): BrowserSession {
  return {
    id: session.id,
    person: session.person,
    role: session.role,
    via: session.via,
    key_id: session.keyId,
    member_id: session.memberId,
    address: session.address,
    user_agent: session.userAgent,
    created_at: session.createdAt.toISOString(),
    last_seen_at: new Date(lastSeenMs).toISOString(),
    expires_at: session.expiresAt.toISOString(),
    current,
  };
}

export interface Own {
  readonly session: StoredSession;
  readonly secret: string;
  readonly seenMs: number;
  /** That the request selected. */
  readonly workspace: string;
}

export function ownSession(
  { config }: Pick<Services, 'config'>,
  { session, secret, seenMs, workspace }: Own,
): OwnSession {
  return {
    workspace,
    ...sessionDocument(session, seenMs, true),
    idle_minutes: config.identity.sessionIdleMs / 60_000,
    csrf_token: csrfTokenOf(secret),
  };
}

/** The cookie of a session that has begun. Of no use after its end, so the browser need not keep it longer. */
export function sessionCookie(
  request: FastifyRequest,
  { config, clock }: Pick<Services, 'config' | 'clock'>,
  { secret, session }: Pick<BegunSession, 'secret' | 'session'>,
): string {
  const leftMs = session.expiresAt.getTime() - clock.now().getTime();
  return setCookie(request, config, 'session', secret, {
    sameSite: 'Strict',
    maxAgeSeconds: Math.max(0, Math.floor(leftMs / 1000)),
  });
}

export function noCookie(request: FastifyRequest, { config }: Pick<Services, 'config'>): string {
  return setCookie(request, config, 'session', '', { sameSite: 'Strict', maxAgeSeconds: 0 });
}
