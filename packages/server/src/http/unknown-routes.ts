import { allOperations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { refuse } from '../refusal.js';
import { sendProblem } from './problem.js';

const pages = ['/', '/docs', '/docs/problems', '/openapi.json', '/schema/rule.schema.json'];

/** What no route answers: an unknown path is 404, a known path with another method 405, and OPTIONS tells the methods. */
export function unknownRoutes(app: FastifyInstance): void {
  const routes = [
    ...allOperations.map(({ method, path }) => ({ method, path })),
    ...pages.map((path) => ({ method: 'GET', path })),
  ].map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    if (methods.size === 0) {
      return sendProblem(request, reply, refuse('not_found', 'there is nothing at this path, see /docs'));
    }
    if (methods.has('GET')) methods.add('HEAD');
    methods.add('OPTIONS');
    const allow = [...methods].sort().join(', ');
    reply.header('allow', allow);
    if (request.method === 'OPTIONS') return reply.code(204).send();
    return sendProblem(request, reply, refuse('method_not_allowed', `this path takes ${allow}`));
  });
}
