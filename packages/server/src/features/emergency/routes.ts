import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { pinBundle, unpinBundle } from './bundle-pin.js';
import { disablePolicy, enablePolicy } from './commands.js';

export function emergencyRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.disablePolicy, ({ caller, body }) => disablePolicy(services, caller, body));
  route(app, services, operations.enablePolicy, ({ caller, body }) => enablePolicy(services, caller, body));
  route(app, services, operations.pinBundle, ({ caller, body }) => pinBundle(services, caller, body));
  route(app, services, operations.unpinBundle, ({ caller, body }) => unpinBundle(services, caller, body));
}
