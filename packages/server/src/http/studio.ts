import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cookieOf } from '../features/access/cookie.js';
import { refuse } from '../refusal.js';
import type { Services } from '../services.js';
import { type Asset, etagOf, makeAsset, sendAsset } from './asset.js';
import { htmlPage, pagePolicy } from './page.js';
import { sendProblem } from './problem.js';

/** Where the build of packages/studio is, seen from src/http and from dist/http alike. */
const defaultFolder = fileURLToPath(new URL('../../../studio/dist/', import.meta.url));

/** The first parts of the Studio's addresses: the same page answers all of them. packages/studio/src/paths.ts has the rest. */
export const studioPages = [
  'bundles',
  'simulator',
  'rollouts',
  'decisions',
  'approvals',
  'incidents',
  'catalog',
  'lists',
  'audit',
  'settings',
  'playground',
] as const;

/** Places in index.html, for what only this answer knows. */
const places = {
  nonce: '__CSP_NONCE__',
  /** How people may sign in besides with a key: `oidc`, or nothing. */
  signInWith: '__SIGN_IN_WITH__',
  /** `maybe` where the browser brought the cookie of a session, so that others need not ask. */
  session: '__SESSION__',
} as const;
/** Names of these files hold a hash of what is in them. */
const forEver = 'public, max-age=31536000, immutable';

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.png': 'image/png',
};

/**
 * What a page of the Studio may load: everything from this server, and style elements that carry the nonce. Without one
 * (for scripts, which workers are too) none.
 */
function policy(nonce: string | null): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self'${nonce === null ? '' : ` 'nonce-${nonce}'`}`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Serves the Studio: its one page under all its addresses, and the files that page loads. */
export function studioRoutes(app: FastifyInstance, { config }: Pick<Services, 'config'>, folder = defaultFolder): void {
  const assets = new Map<string, Promise<Asset>>();
  const signInWith = config.identity.oidc === null ? '' : 'oidc';
  const index = remembered(async () =>
    (await readFile(`${folder}index.html`, 'utf8')).replace(places.signInWith, signInWith),
  );

  const file = async (request: FastifyRequest, reply: FastifyReply, path: string, cacheControl: string) => {
    const type = types[extname(path)];
    let asset = assets.get(path);
    if (asset === undefined && type !== undefined) {
      asset = readFile(folder + path).then((bytes) => makeAsset(type, bytes));
      // Only what is there is kept: names that are guessed must not fill the memory.
      asset.then(
        () => assets.set(path, asset as Promise<Asset>),
        () => undefined,
      );
    }
    const found = await asset?.catch(() => null);
    if (!found) return sendProblem(request, reply, refuse('not_found', 'there is no such file; reload the page'));
    return sendAsset(request, reply.header('content-security-policy', policy(null)), found, cacheControl);
  };

  app.get<{ Params: { file: string } }>('/assets/:file', (request, reply) => {
    const { file: name } = request.params;
    if (!/^[\w.-]+$/.test(name)) return sendProblem(request, reply, refuse('not_found', 'there is no such file'));
    return file(request, reply, `assets/${name}`, forEver);
  });
  for (const name of ['icon.svg', 'color-scheme.js']) {
    app.get(`/${name}`, (request, reply) => file(request, reply, name, 'no-cache'));
  }

  const page = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const built = await index().catch(() => null);
    if (built === null) return notBuilt(reply);
    if (request.routeOptions.url !== '/' && !request.headers.accept?.includes('text/html')) {
      return sendProblem(
        request,
        reply,
        refuse('not_found', 'this is a page for browsers; programs find theirs at /docs'),
      );
    }
    const html = built.replace(places.session, cookieOf(request, config, 'session') === null ? 'none' : 'maybe');
    const etag = etagOf(html);
    reply.header('etag', etag).header('cache-control', 'private, no-cache').header('vary', 'accept, cookie');
    if (request.headers['if-none-match'] === etag) {
      // The page that the browser kept has the nonce of the policy it kept with it.
      return reply.removeHeader('content-security-policy').code(304).send();
    }
    const nonce = randomBytes(16).toString('base64url');
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', policy(nonce))
      .send(html.replaceAll(places.nonce, nonce));
  };
  app.get('/', page);
  for (const name of studioPages) {
    app.get(`/${name}`, page);
    app.get(`/${name}/*`, page);
  }
}

/** What was read once, unless it could not be. */
function remembered(read: () => Promise<string>): () => Promise<string> {
  let known: Promise<string> | undefined;
  return () => {
    known ??= read();
    known.catch(() => {
      known = undefined;
    });
    return known;
  };
}

function notBuilt(reply: FastifyReply): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', pagePolicy)
    .send(
      htmlPage(
        '/',
        'Policy Studio',
        `<h1>Policy Studio</h1>
<p>The server runs, but its pages are not built. Stop it, then start it with <code>npm start</code>, which builds them.</p>
<p><a href="/docs">HTTP interface</a></p>`,
      ),
    );
}
