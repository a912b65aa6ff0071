import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../../caller.js';
import { asSystem, inWorkspace } from '../../database/scope.js';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import {
  archiveWorkspace,
  askDeletion,
  createWorkspace,
  noWorkspace,
  putQuotas,
  restoreWorkspace,
  withdrawDeletion,
} from './commands.js';
import { exportPage } from './export.js';
import {
  deletedWorkspaces,
  isInstanceAdmin,
  usageOf,
  workspaceByName,
  workspaceDocument,
  workspaces,
} from './queries.js';

export function workspaceRoutes(app: FastifyInstance, services: Services): void {
  const { db, clock } = services;

  /** Everything for the holder of ADMIN_TOKEN, else what row security leaves: the workspace of the key. */
  const seenBy = <T>(caller: Caller, work: () => Promise<T>): Promise<T> =>
    isInstanceAdmin(caller) ? asSystem(work) : work();

  route(app, services, operations.listWorkspaces, ({ caller, query }) =>
    seenBy(caller, () => workspaces(db.pool, query)),
  );
  route(app, services, operations.getWorkspace, async ({ caller, params }) => {
    const row = await seenBy(caller, () => workspaceByName(db.pool, params.name));
    if (!row) return noWorkspace(params.name);
    const usage = await inWorkspace(row.id, () => usageOf(db.pool, row, clock.now()));
    return { ...workspaceDocument(row), usage };
  });
  route(app, services, operations.exportWorkspace, async ({ caller, params, query }) => {
    const row = await seenBy(caller, () => workspaceByName(db.pool, params.name));
    if (!row) return noWorkspace(params.name);
    return inWorkspace(row.id, () => exportPage(db.pool, row, query.after ?? null, clock.now()));
  });
  route(app, services, operations.createWorkspace, ({ caller, body }) => createWorkspace(services, caller, body));
  route(app, services, operations.putQuotas, ({ caller, params, body }) =>
    putQuotas(services, caller, params.name, body),
  );
  route(app, services, operations.archiveWorkspace, ({ caller, params, body }) =>
    archiveWorkspace(services, caller, params.name, body.reason),
  );
  route(app, services, operations.restoreWorkspace, ({ caller, params }) =>
    restoreWorkspace(services, caller, params.name),
  );
  route(app, services, operations.askDeletion, ({ caller, params, body }) =>
    askDeletion(services, caller, params.name, body),
  );
  route(app, services, operations.withdrawDeletion, ({ caller, params }) =>
    withdrawDeletion(services, caller, params.name),
  );
  route(app, services, operations.listDeletedWorkspaces, ({ query }) => deletedWorkspaces(db.pool, query));
}
