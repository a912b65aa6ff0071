import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { invalid, route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { wouldDeny } from './queries.js';

export function observationRoutes(app: FastifyInstance, services: Services): void {
  const { db, clock } = services;
  route(app, services, operations.getWouldDeny, ({ caller, query }) => {
    if (query.from !== undefined && query.to !== undefined && Date.parse(query.from) >= Date.parse(query.to)) {
      return invalid([{ path: 'from', message: 'must be before `to`' }]);
    }
    return wouldDeny(db.pool, caller.workspaceId, query, clock.now());
  });
}
