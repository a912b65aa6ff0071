import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { deleteAction, deleteAgent, importTools, putAction, putAgent } from './commands.js';
import { catalogDocument } from './document.js';
import { actionDocument, catalogOf } from './queries.js';
import { noAction } from './transition.js';

export function catalogRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;
  route(app, services, operations.getCatalog, ({ caller }) => catalogDocument(pool, caller.workspaceId));
  route(app, services, operations.putCatalogAgent, ({ caller, params, body }) =>
    putAgent(services, caller, params.agent, body),
  );
  route(app, services, operations.deleteCatalogAgent, ({ caller, params }) =>
    deleteAgent(services, caller, params.agent),
  );
  route(app, services, operations.getCatalogAction, async ({ caller, params }) => {
    const { compiled } = await catalogOf(pool, caller.workspaceId);
    const action = compiled.catalog.actions.find((known) => known.action === params.action);
    return action ? actionDocument(action) : noAction(params.action);
  });
  route(app, services, operations.putCatalogAction, ({ caller, params, body }) =>
    putAction(services, caller, params.action, body),
  );
  route(app, services, operations.deleteCatalogAction, ({ caller, params }) =>
    deleteAction(services, caller, params.action),
  );
  route(app, services, operations.importCatalog, ({ caller, body }) => importTools(services, caller, body));
}
