import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { createApiKey, revokeApiKey } from './commands.js';
import { apiKeys } from './queries.js';

export function accessRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.createApiKey, ({ caller, body }) => createApiKey(services, caller, body));
  route(app, services, operations.listApiKeys, ({ caller, query }) =>
    apiKeys(services.db.pool, caller.workspaceId, query),
  );
  route(app, services, operations.revokeApiKey, ({ caller, params }) => revokeApiKey(services, caller, params.id));
  route(app, services, operations.whoami, ({ caller }) => ({
    workspace: caller.workspace,
    owner: caller.owner,
    role: caller.role,
    key_id: caller.keyId,
    agents: [...caller.agents],
  }));
}
