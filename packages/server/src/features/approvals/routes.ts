import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../../caller.js';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { bootstrapKeyId } from '../access/queries.js';
import { createApproval, decideApproval } from './commands.js';
import { commentApproval } from './comments.js';
import { noApproval, withTimeline } from './document.js';
import { approverGroup, approverGroups, deleteApproverGroup, noGroup, putApproverGroup } from './groups.js';
import { linkRoutes } from './link-routes.js';
import { createLink, revokeLinks } from './links.js';
import { approvalLoad } from './load.js';
import { waitingFor } from './mine.js';
import { approvalById, approvalDocument, approvalPage } from './queries.js';
import { createApprovalWaits } from './waits.js';

export function approvalRoutes(app: FastifyInstance, services: Services): void {
  const { db, clock } = services;
  const waits = createApprovalWaits(services);

  const read = async (caller: Caller, id: number) => {
    const row = await approvalById(db.pool, caller.workspaceId, id);
    if (!row) return null;
    if (caller.role !== 'agent') return withTimeline(db.pool, caller.workspaceId, row, clock.now());
    return row.key_id === keyOf(caller) ? approvalDocument(row, clock.now()) : null;
  };

  route(app, services, operations.createApproval, ({ caller, body }) => createApproval(services, caller, body));
  route(app, services, operations.listApprovals, async ({ caller, query: { mine = false, ...query } }) => {
    const waits = mine ? await waitingFor(db.pool, caller) : null;
    const { limit, offset } = query;
    if (mine && waits === null) return { approvals: [], total: 0, limit, offset };
    const filter = {
      ...query,
      ...(caller.role === 'agent' ? { keyId: keyOf(caller) } : {}),
      ...(waits === null ? {} : { waitingFor: waits }),
    };
    return approvalPage(db.pool, caller.workspaceId, filter, clock.now());
  });
  route(app, services, operations.getApprovalLoad, ({ caller, query }) =>
    approvalLoad(db.pool, caller.workspaceId, query.days, clock.now()),
  );
  route(app, services, operations.getApproval, async ({ caller, params, query, request }) => {
    if (query.wait === 0) return (await read(caller, params.id)) ?? noApproval(params.id);
    const wait = waits.wait(params.id, query.wait * 1000);
    // Who has gone away waits for nothing.
    request.raw.socket.once('close', wait.cancel);
    try {
      const first = await read(caller, params.id);
      if (!first) return noApproval(params.id);
      if (first.status !== 'pending') return first;
      await wait.over;
      return (await read(caller, params.id)) ?? noApproval(params.id);
    } finally {
      wait.cancel();
      request.raw.socket.off('close', wait.cancel);
    }
  });
  route(app, services, operations.approve, ({ caller, params, body }) =>
    decideApproval(services, caller, params.id, 'approve', body.comment),
  );
  route(app, services, operations.reject, ({ caller, params, body }) =>
    decideApproval(services, caller, params.id, 'reject', body.comment),
  );
  route(app, services, operations.cancelApproval, ({ caller, params }) =>
    decideApproval(services, caller, params.id, 'cancel'),
  );
  route(app, services, operations.commentApproval, ({ caller, params, body }) =>
    commentApproval(services, caller, params.id, body.comment),
  );
  route(app, services, operations.createApprovalLink, ({ caller, params, body, request }) =>
    createLink(services, caller, params.id, body, services.config.publicUrl ?? `${request.protocol}://${request.host}`),
  );
  route(app, services, operations.revokeApprovalLinks, ({ caller, params, body }) =>
    revokeLinks(services, caller, params.id, body.approver),
  );
  groupRoutes(app, services);
  linkRoutes(app, services);
}

function groupRoutes(app: FastifyInstance, services: Services): void {
  const { db, clock } = services;
  route(app, services, operations.listApproverGroups, async ({ caller }) => ({
    approver_groups: await approverGroups(db.pool, caller.workspaceId, clock.now()),
  }));
  route(
    app,
    services,
    operations.getApproverGroup,
    async ({ caller, params }) =>
      (await approverGroup(db.pool, caller.workspaceId, params.name, clock.now())) ?? noGroup(params.name),
  );
  route(app, services, operations.putApproverGroup, ({ caller, params, body }) =>
    putApproverGroup(services, caller, params.name, body),
  );
  route(app, services, operations.deleteApproverGroup, ({ caller, params }) =>
    deleteApproverGroup(services, caller, params.name),
  );
}

function keyOf({ keyId }: Caller): number {
  return keyId ?? bootstrapKeyId;
}
