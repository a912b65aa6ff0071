import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { budgetsOf } from './queries.js';

export function budgetRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.getBudgets, async ({ caller, query }) => {
    const inForce = await services.enforcement.inForce(caller.workspaceId);
    return budgetsOf(services.db.pool, inForce, query, services.clock.now());
  });
}
