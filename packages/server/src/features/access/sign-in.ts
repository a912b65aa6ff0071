import type { BodyOf, operations } from '@policy-studio/contract';
import type { FastifyRequest } from 'fastify';
import type { Pool, PoolClient } from 'pg';
import { asSystem } from '../../database/scope.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { isForeign } from './cookie.js';
import { hashOf, linkPrefixOf, newLink, sameHash } from './credential.js';
import { subjectOf } from './denials.js';
import { bootstrapPerson, defaultWorkspace } from './queries.js';
import { type BegunSession, type SignedIn, startSession } from './sessions.js';

/** Wrong proofs after which a link is no more: who guesses gets no second hundred. */
const maxLinkFailures = 5;
const consoleLinkMs = 15 * 60_000;

/** Begins a session for what the body shows. A page of another site cannot sign anybody in. */
export async function signIn(
  services: Services,
  request: FastifyRequest,
  body: BodyOf<typeof operations.signIn>,
): Promise<BegunSession | Refusal> {
  if (isForeign(request, services.config)) {
    return refuse('forbidden', 'another site asked the browser for this; sign in at this server itself');
  }
  const { token, link } = body;
  if (token !== undefined && link === undefined) return byToken(services, request, token);
  if (link !== undefined && token === undefined) return byLink(services, request, link);
  return invalid([{ path: '', message: 'give either `token` or `link`' }]);
}

async function byToken(services: Services, request: FastifyRequest, token: string): Promise<BegunSession | Refusal> {
  const { keys, denials } = services;
  const caller = await keys.callerOf(token, request);
  if (caller instanceof Refusal) return caller;
  const { workspaceId, owner: person, role, keyId } = caller;
  if (role === 'agent' || caller.isMember === true) {
    denials.note({ caller, what: 'signIn', code: 'forbidden', address: request.ip });
    return refuse('forbidden', 'this credential belongs to a program; people sign in with keys of their own');
  }
  const tooMany = keys.attempts.signIn(`${workspaceId} ${person}`);
  if (tooMany) return tooMany;
  const adminToken = keyId === null ? keys.adminTokenMark : null;
  return startSession(services, request, workspaceId, async () => ({
    person,
    via: 'token',
    keyId,
    memberId: null,
    adminToken,
  }));
}

interface LinkRow {
  readonly workspace_id: number;
  readonly hash: Buffer;
  readonly member_id: number | null;
  readonly admin_token: string | null;
  readonly expires_at: Date;
  readonly failures: number;
  readonly used_at: Date | null;
  readonly name: string | null;
}

/** What is wrong with a link is not told: who guesses learns nothing from it. */
const noLink = refuse(
  'unauthenticated',
  'this link does not sign anybody in: it was used, it is too old, or a part of it is missing; ask for a new one',
);

async function byLink(services: Services, request: FastifyRequest, code: string): Promise<BegunSession | Refusal> {
  const { db, keys } = services;
  const locked = keys.attempts.refusal(request.ip);
  if (locked) return locked;
  const prefix = linkPrefixOf(code);
  const workspaceId = prefix === null ? null : await asSystem(() => workspaceOfLink(db.pool, prefix));
  const outcome =
    prefix === null || workspaceId === null
      ? noLink
      : await startSession(services, request, workspaceId, (tx) =>
          useLink(tx, services, { prefix, code, address: request.ip }),
        );
  if (outcome === noLink) keys.attempts.failed(request.ip);
  return outcome;
}

async function workspaceOfLink(pool: Pool, prefix: string): Promise<number | null> {
  const { rows } = await pool.query<{ workspace_id: number }>(
    `select l.workspace_id from sign_in_link l join workspace w on w.id = l.workspace_id
      where l.prefix = $1 and w.archived_at is null`,
    [prefix],
  );
  return rows[0]?.workspace_id ?? null;
}

interface Shown {
  readonly prefix: string;
  readonly code: string;
  readonly address: string;
}

async function useLink(
  tx: PoolClient,
  services: Services,
  { prefix, code, address }: Shown,
): Promise<Omit<SignedIn, 'workspaceId'> | Refusal> {
  const { clock, keys } = services;
  const now = clock.now();
  const { rows } = await tx.query<LinkRow>(
    `select l.workspace_id, l.hash, l.member_id, l.admin_token, l.expires_at, l.failures, l.used_at, m.name
       from sign_in_link l left join member m on m.id = l.member_id and m.removed_at is null
      where l.prefix = $1 for update of l`,
    [prefix],
  );
  const link = rows[0];
  if (!link || link.used_at !== null || link.failures >= maxLinkFailures || link.expires_at <= now) return noLink;
  if (!sameHash(hashOf(code), link.hash)) return wrongProof(tx, link, { prefix, now, address });
  const ofConsole = link.admin_token !== null;
  // Made at the console of a server with another admin token; or for somebody who was removed.
  if (ofConsole ? link.admin_token !== keys.adminTokenMark : link.name === null) return noLink;
  await tx.query('update sign_in_link set used_at = $2 where prefix = $1', [prefix, now]);
  return {
    person: link.name ?? bootstrapPerson,
    via: 'link',
    keyId: null,
    memberId: link.member_id,
    adminToken: link.admin_token,
  };
}

async function wrongProof(
  tx: PoolClient,
  link: LinkRow,
  { prefix, now, address }: { prefix: string; now: Date; address: string },
): Promise<Refusal> {
  await tx.query('update sign_in_link set failures = failures + 1 where prefix = $1', [prefix]);
  if (link.failures + 1 < maxLinkFailures) return noLink;
  await recordChange(tx, {
    workspaceId: link.workspace_id,
    at: now,
    actor: 'system',
    kind: 'access.link_locked',
    subject: subjectOf({ keyId: link.member_id, isMember: true }),
    data: { link: prefix, address },
  });
  return noLink;
}

export interface ConsoleLink {
  readonly code: string;
  readonly minutes: number;
}

/** What the console prints after `/sign-in?link=`: signs in whoever opens it first as the admin, on this server. */
export async function consoleLink(
  pool: Pool,
  { adminTokenMark, now }: { readonly adminTokenMark: string; readonly now: Date },
): Promise<ConsoleLink> {
  const { code, prefix, hash } = newLink();
  await asSystem(() =>
    pool.query(
      `insert into sign_in_link (prefix, workspace_id, hash, admin_token, created_by, created_at, expires_at)
       select $1, id, $2, $3, 'console', $4, $5 from workspace where name = $6`,
      [prefix, hash, adminTokenMark, now, new Date(now.getTime() + consoleLinkMs), defaultWorkspace],
    ),
  );
  return { code, minutes: consoleLinkMs / 60_000 };
}
