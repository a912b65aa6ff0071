import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { auditEntries } from './queries.js';

export function eventRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.listAudit, ({ caller, query }) =>
    auditEntries(services.db.pool, caller.workspaceId, query),
  );
}
