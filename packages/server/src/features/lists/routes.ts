import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { deleteList, noList, putList } from './commands.js';
import { listDocument, listPage, listVersions } from './queries.js';

export function listRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;
  route(app, services, operations.listLists, ({ caller, query }) => listPage(pool, caller.workspaceId, query));
  route(
    app,
    services,
    operations.getList,
    async ({ caller, params }) => (await listDocument(pool, caller.workspaceId, params.name)) ?? noList(params.name),
  );
  route(
    app,
    services,
    operations.listListVersions,
    async ({ caller, params, query }) =>
      (await listVersions(pool, caller.workspaceId, params.name, query)) ?? noList(params.name),
  );
  route(app, services, operations.putList, ({ caller, params, body }) => putList(services, caller, params.name, body));
  route(app, services, operations.deleteList, ({ caller, params }) => deleteList(services, caller, params.name));
}
