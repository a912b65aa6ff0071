import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { endDemo } from './commands.js';

export function demoRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.endDemo, ({ caller }) => endDemo(services, caller));
}
