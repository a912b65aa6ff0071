import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { changeIncident, createIncident, draftPostMortem, noIncident } from './commands.js';
import { incidentDocument, incidentPage } from './queries.js';

export function incidentRoutes(app: FastifyInstance, services: Services): void {
  const { db } = services;

  route(app, services, operations.createIncident, ({ caller, body }) => createIncident(services, caller, body));
  route(app, services, operations.listIncidents, ({ caller, query }) =>
    incidentPage(db.pool, caller.workspaceId, query),
  );
  route(
    app,
    services,
    operations.getIncident,
    async ({ caller, params }) =>
      (await incidentDocument(db.pool, caller.workspaceId, params.id)) ?? noIncident(params.id),
  );
  route(app, services, operations.getPostMortem, ({ caller, params }) => draftPostMortem(services, caller, params.id));

  const steps = [
    [operations.acknowledgeIncident, 'acknowledge'],
    [operations.mitigateIncident, 'mitigate'],
    [operations.resolveIncident, 'resolve'],
    [operations.closeIncident, 'close'],
  ] as const;
  for (const [operation, type] of steps) {
    route(app, services, operation, ({ caller, params, body }) =>
      changeIncident(services, caller, params.id, { type, by: caller.owner }, body.comment),
    );
  }
  route(app, services, operations.commentIncident, ({ caller, params, body }) =>
    changeIncident(services, caller, params.id, { type: 'comment', by: caller.owner }, body.comment),
  );
  route(app, services, operations.assignIncident, ({ caller, params, body }) =>
    changeIncident(services, caller, params.id, { type: 'assign', to: body.assigned_to }),
  );
}
