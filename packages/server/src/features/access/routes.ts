import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { createApiKey, revokeApiKey } from './commands.js';
import { createMember, createSignInLink, putMember, removeMember } from './members.js';
import { apiKeys, currentSessions, members } from './queries.js';
import { endSession, noCookie, ownSession, sessionCookie, sessionDocument, signOut } from './sessions.js';
import { signIn } from './sign-in.js';
import { signInRoutes } from './sign-in-routes.js';

export function accessRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;
  route(app, services, operations.createApiKey, ({ caller, body }) => createApiKey(services, caller, body));
  route(app, services, operations.listApiKeys, ({ caller, query }) => apiKeys(pool, caller.workspaceId, query));
  route(app, services, operations.revokeApiKey, ({ caller, params }) => revokeApiKey(services, caller, params.id));
  route(app, services, operations.whoami, ({ caller }) => ({
    workspace: caller.workspace,
    owner: caller.owner,
    role: caller.role,
    key_id: caller.isMember ? null : caller.keyId,
    member_id: caller.isMember ? caller.keyId : null,
    session_id: caller.browser?.session.id ?? null,
    agents: [...caller.agents],
  }));
  memberRoutes(app, services);
  sessionRoutes(app, services);
  signInRoutes(app, services);
}

function memberRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;
  route(app, services, operations.listMembers, ({ caller, query }) => members(pool, caller.workspaceId, query));
  route(app, services, operations.createMember, ({ caller, body }) => createMember(services, caller, body));
  route(app, services, operations.putMember, ({ caller, params, body }) =>
    putMember(services, caller, params.id, body),
  );
  route(app, services, operations.removeMember, ({ caller, params }) => removeMember(services, caller, params.id));
  route(app, services, operations.createSignInLink, async ({ caller, params, body, request }) => {
    const { publicUrl } = services.config;
    const base = publicUrl ?? `${request.protocol}://${request.host}`;
    return createSignInLink(services, caller, params.id, { minutes: body.expires_in_minutes ?? 60, base });
  });
}

const noSession = refuse('not_found', 'you sent a key, which has no session; `GET /policy/whoami` tells who you are');

function sessionRoutes(app: FastifyInstance, services: Services): void {
  const { db, clock, config } = services;
  route(app, services, operations.signIn, async ({ body, request, reply }) => {
    const begun = await signIn(services, request, body);
    if (begun instanceof Refusal) return begun;
    reply.header('set-cookie', sessionCookie(request, services, begun));
    const { session, secret } = begun;
    return ownSession(services, {
      session,
      secret,
      seenMs: session.lastSeenAt.getTime(),
      workspace: session.workspace,
    });
  });
  route(app, services, operations.getSession, ({ caller }) =>
    caller.browser ? ownSession(services, { ...caller.browser, workspace: caller.workspace }) : noSession,
  );
  route(app, services, operations.signOut, async ({ caller, request, reply }) => {
    const refused = caller.browser ? await signOut(services, caller, caller.browser.session) : noSession;
    if (!refused) reply.header('set-cookie', noCookie(request, services));
    return refused;
  });
  route(app, services, operations.listSessions, async ({ caller, query }) => {
    const now = clock.now();
    const { sessions, total } = await currentSessions(db.pool, {
      workspaceId: caller.workspaceId,
      now,
      seenAfter: new Date(now.getTime() - config.identity.sessionIdleMs),
      person: caller.role === 'admin' ? null : caller.owner,
      ...query,
    });
    const own = caller.browser?.session.id;
    return {
      sessions: sessions.map((each) => sessionDocument(each, each.lastSeenAt.getTime(), each.id === own)),
      total,
      ...query,
    };
  });
  route(app, services, operations.endSession, ({ caller, params }) => endSession(services, caller, params.id));
}
