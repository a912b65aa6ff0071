import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../../caller.js';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { bootstrapKeyId } from '../access/queries.js';
import { createApproval, decideApproval, noApproval } from './commands.js';
import { approvalLoad } from './load.js';
import { approvalById, approvalDocument, approvalPage } from './queries.js';
import { createApprovalWaits } from './waits.js';

export function approvalRoutes(app: FastifyInstance, services: Services): void {
  const { db, clock } = services;
  const waits = createApprovalWaits(services);

  const read = async (caller: Caller, id: number) => {
    const row = await approvalById(db.pool, caller.workspaceId, id);
    return row && (caller.role !== 'agent' || row.key_id === keyOf(caller)) ? approvalDocument(row, clock.now()) : null;
  };

  route(app, services, operations.createApproval, ({ caller, body }) => createApproval(services, caller, body));
  route(app, services, operations.listApprovals, ({ caller, query }) =>
    approvalPage(
      db.pool,
      caller.workspaceId,
      caller.role === 'agent' ? { ...query, keyId: keyOf(caller) } : query,
      clock.now(),
    ),
  );
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
}

function keyOf({ keyId }: Caller): number {
  return keyId ?? bootstrapKeyId;
}
