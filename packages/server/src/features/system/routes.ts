import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import { refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { defaultWorkspace } from '../access/queries.js';
import { systemOf, systemStatus } from './queries.js';

export function systemRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.healthz, () => ({ status: 'ok' as const }));
  route(app, services, operations.readyz, async () => {
    const status = await defaultStatus(services).catch(() => null);
    // Away, decisions go on from what was last in force, and are kept on disk.
    if (status)
      return {
        status: status.database === 'ok' ? ('ready' as const) : ('degraded' as const),
        database: status.database,
      };
    return refuse('database_unavailable', 'the database cannot be reached, and nothing is known of what is in force');
  });
  route(app, services, operations.getSystem, ({ caller }) => systemOf(services, caller));
}

/** Of the default workspace, in memory. Throws when nothing is known. */
async function defaultStatus(services: Services): ReturnType<typeof systemStatus> {
  const workspaceId = await services.keys.workspaceId(defaultWorkspace);
  if (workspaceId === null) throw new Error('the default workspace is gone');
  return systemStatus(services, { workspaceId, workspace: defaultWorkspace });
}
