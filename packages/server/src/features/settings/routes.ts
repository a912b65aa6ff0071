import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { changeSettings } from './commands.js';
import { settingsOf } from './queries.js';

export function settingsRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.getSettings, ({ caller }) =>
    settingsOf(services.db.pool, services.config, caller.workspaceId),
  );
  route(app, services, operations.putSettings, ({ caller, body }) => changeSettings(services, caller, body));
}
