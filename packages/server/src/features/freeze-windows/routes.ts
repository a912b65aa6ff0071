import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { bundlePinAt } from '../emergency/queries.js';
import { createFreezeWindow, deleteFreezeWindow, noFreezeWindow, putFreezeWindow } from './commands.js';
import { freezeOf, freezeWindowById, freezeWindowDocument, freezeWindows } from './queries.js';

export function freezeWindowRoutes(app: FastifyInstance, services: Services): void {
  const { db, clock } = services;
  route(app, services, operations.listFreezeWindows, async ({ caller }) => {
    const now = clock.now();
    const rows = await freezeWindows(db.pool, caller.workspaceId);
    const pin = await bundlePinAt(db.pool, caller.workspaceId, now);
    return { freeze_windows: rows.map((row) => freezeWindowDocument(row, now)), freeze: freezeOf(rows, pin, now) };
  });
  route(app, services, operations.createFreezeWindow, ({ caller, body }) => createFreezeWindow(services, caller, body));
  route(app, services, operations.getFreezeWindow, async ({ caller, params }) => {
    const row = await freezeWindowById(db.pool, caller.workspaceId, params.id);
    return row ? freezeWindowDocument(row, clock.now()) : noFreezeWindow(params.id);
  });
  route(app, services, operations.putFreezeWindow, ({ caller, params, body }) =>
    putFreezeWindow(services, caller, params.id, body),
  );
  route(app, services, operations.deleteFreezeWindow, ({ caller, params }) =>
    deleteFreezeWindow(services, caller, params.id),
  );
}
