import { isIP } from 'node:net';
import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { pagePolicy } from '../../http/page.js';
import { route } from '../../http/route.js';
import { refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { defaultWorkspace, workspaceIdByName } from '../access/queries.js';
import { homePage } from './home-page.js';
import { databaseAnswers, systemStatus } from './queries.js';

export function systemRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.healthz, () => ({ status: 'ok' as const }));
  route(app, services, operations.readyz, async () => {
    if (await databaseAnswers(services.db.pool, 1_000)) return { status: 'ready' as const, database: 'ok' as const };
    return refuse('database_unavailable', 'the database cannot be reached');
  });
  route(app, services, operations.getSystem, ({ caller }) => systemStatus(services, caller.workspaceId));
  app.get('/', async (request, reply) => {
    // What is in force is for those who hold a key, and for who sits at this machine.
    const status = isLoopbackAddress(request.ip) ? await defaultStatus(services).catch(() => null) : null;
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', pagePolicy)
      .send(homePage(services.config.version, status));
  });
}

async function defaultStatus(services: Services): ReturnType<typeof systemStatus> {
  const id = await workspaceIdByName(services.db.pool, defaultWorkspace);
  if (id === null) throw new Error('the default workspace is gone');
  return systemStatus(services, id);
}

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('::ffff:127.') || (isIP(address) === 4 && address.startsWith('127.'));
}
