import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import { refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { databaseAnswers } from './queries.js';

export function systemRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.healthz, () => ({ status: 'ok' as const }));
  route(app, services, operations.readyz, async () => {
    if (await databaseAnswers(services.db.pool, 1_000)) return { status: 'ready' as const, database: 'ok' as const };
    return refuse('database_unavailable', 'the database cannot be reached');
  });
}
