import type { FastifyInstance } from 'fastify';
import { refuse } from '../refusal.js';
import { parseJson } from './json.js';
import { invalid } from './route.js';

/** Bodies are JSON. An empty one is none; an operation that takes none ignores whatever comes. */
export function bodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (bytes.length === 0 || !request.routeOptions.config.operation?.body) return done(null, undefined);
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      return done(refuse('unsupported_media_type', 'send the body without `content-encoding`') as never);
    }
    const parsed = parseJson(bytes as Buffer);
    if ('value' in parsed) {
      request.bodyText = parsed.text;
      return done(null, parsed.value);
    }
    done(
      (parsed.kind === 'unreadable'
        ? refuse('bad_request', parsed.message)
        : invalid([{ path: parsed.path, message: parsed.message }])) as never,
    );
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (bytes.length === 0 || !request.routeOptions.config.operation?.body) return done(null, undefined);
    done(refuse('unsupported_media_type', 'send the body with `content-type: application/json`') as never);
  });
}
