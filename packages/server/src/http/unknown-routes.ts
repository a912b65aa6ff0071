import type { FastifyInstance } from 'fastify';
import { refuse } from '../refusal.js';
import { sendProblem } from './problem.js';

export interface ServedRoute {
  readonly methods: readonly string[];
  /** With `:name` for parameters. */
  readonly url: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** All that is served, for those who compare it with the contract. */
    readonly servedRoutes: readonly ServedRoute[];
  }
}

/**
 * What no route answers: an unknown path is 404, a known path with another method 405, and OPTIONS tells the methods.
 * To be called before routes are added.
 */
export function unknownRoutes(app: FastifyInstance): void {
  const routes: (ServedRoute & { readonly pattern: RegExp })[] = [];
  app.decorate('servedRoutes', routes);
  app.addHook('onRoute', ({ method, url }) => {
    const pattern = url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+');
    routes.push({ methods: [method].flat(), url, pattern: new RegExp(`^${pattern}/?$`) });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = new Set(routes.flatMap((route) => (route.pattern.test(path) ? route.methods : [])));
    if (methods.size === 0) {
      return sendProblem(request, reply, refuse('not_found', 'there is nothing at this path, see /docs'));
    }
    const allow = [...methods, 'OPTIONS'].sort().join(', ');
    reply.header('allow', allow);
    if (request.method === 'OPTIONS') return reply.code(204).send();
    return sendProblem(request, reply, refuse('method_not_allowed', `this path takes ${allow}`));
  });
}
