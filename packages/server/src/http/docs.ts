import { allOperations, openApiDocument } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import type { Services } from '../services.js';

/** The documentation this server carries: all of it from here, nothing from another host. */
export async function docsRoutes(app: FastifyInstance, services: Services): Promise<void> {
  const document = JSON.stringify(openApiDocument(allOperations, services.config.version));
  app.get('/openapi.json', (_request, reply) => reply.type('application/json').send(document));
}
