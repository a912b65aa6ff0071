import { problemCodes } from '@policy-studio/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { formPagePolicy } from '../../http/page.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { csrfTokenOf } from './cookie.js';
import { createOidcClient } from './oidc.js';
import { noCookie, sessionCookie, signOut } from './sessions.js';
import { signIn } from './sign-in.js';
import { arrivedPage, failedPage, signedInPage, signInPage } from './sign-in-pages.js';
import { signInVouched } from './vouched-member.js';

const formType = 'application/x-www-form-urlencoded';
const formBytes = 8 * 1024;

/** The pages where people sign in and out. Opening one changes nothing; sending its form does. */
export function signInRoutes(app: FastifyInstance, services: Services): void {
  const { keys } = services;
  const settings = services.config.identity.oidc;
  app.register((scope, _options, ready) => {
    scope.addContentTypeParser(formType, { parseAs: 'string', bodyLimit: formBytes }, (_request, body, done) =>
      done(null, new URLSearchParams(String(body))),
    );
    scope.get('/sign-in', async (request, reply) => {
      const link = textIn(request, 'link');
      const caller = link === null && request.headers.cookie !== undefined ? await keys.authenticate(request) : null;
      if (caller !== null && !(caller instanceof Refusal) && caller.browser) {
        const { session, secret } = caller.browser;
        const until = session.expiresAt.toISOString().slice(0, 16).replace('T', ' ');
        const { owner: person, role, workspace } = caller;
        return send(reply, 200, signedInPage({ person, role, workspace, until: `${until} UTC` }, csrfTokenOf(secret)));
      }
      return send(reply, 200, signInPage({ link, oidc: settings !== null, refused: null }));
    });
    scope.post('/sign-in', async (request, reply) => {
      const [token, link] = [fieldOf(request, 'token'), fieldOf(request, 'link')];
      const begun = await signIn(services, request, {
        ...(token === null ? {} : { token: token.trim() }),
        ...(link === null ? {} : { link }),
      });
      if (begun instanceof Refusal) {
        waitHeader(reply, begun);
        const offer = { link: null, oidc: settings !== null, refused: begun.detail };
        return send(reply, problemCodes[begun.code].status, signInPage(offer));
      }
      return reply.header('set-cookie', sessionCookie(request, services, begun)).redirect('./', 303);
    });
    scope.post('/sign-out', async (request, reply) => {
      // A form cannot send headers: the token comes in a field.
      const field = fieldOf(request, 'csrf_token');
      if (field !== null) request.headers['x-csrf-token'] = field;
      const caller = await keys.authenticate(request);
      if (!(caller instanceof Refusal) && caller.browser) {
        await signOut(services, caller, caller.browser.session);
      } else if (caller instanceof Refusal && caller.code === 'csrf') {
        return send(reply, 403, failedPage('', caller.detail));
      }
      return reply.header('set-cookie', noCookie(request, services)).redirect('sign-in', 303);
    });
    ready();
  });
  if (settings === null) return;
  const provider = createOidcClient(services, settings);
  app.get('/sign-in/oidc', async (request, reply) => {
    const begun = await provider.begin(request, textIn(request, 'workspace'));
    if (begun instanceof Refusal) return send(reply, problemCodes[begun.code].status, failedPage('../', begun.detail));
    return reply.header('set-cookie', begun.cookie).redirect(begun.url, 303);
  });
  app.get('/sign-in/oidc/callback', async (request, reply) => {
    const vouched = await provider.finish(request);
    const begun = vouched instanceof Refusal ? vouched : await signInVouched(services, settings, request, vouched);
    if (begun instanceof Refusal) {
      waitHeader(reply, begun);
      reply.header('set-cookie', provider.clear(request));
      return send(reply, problemCodes[begun.code].status, failedPage('../../', begun.detail));
    }
    reply.header('set-cookie', [provider.clear(request), sessionCookie(request, services, begun)]);
    return send(reply, 200, arrivedPage('../../'));
  });
}

function textIn({ query }: FastifyRequest, name: string): string | null {
  const value = (query as Record<string, unknown>)[name];
  return typeof value === 'string' && value !== '' && value.length <= 512 ? value : null;
}

function fieldOf({ body }: FastifyRequest, name: string): string | null {
  const value = body instanceof URLSearchParams ? body.get(name) : null;
  return value === null || value === '' ? null : value.slice(0, 512);
}

function waitHeader(reply: FastifyReply, { extra }: Refusal): void {
  if (typeof extra.retry_after === 'number') reply.header('retry-after', String(Math.ceil(extra.retry_after)));
}

function send(reply: FastifyReply, status: number, html: string): FastifyReply {
  return (
    reply
      .code(status)
      .type('text/html; charset=utf-8')
      .header('content-security-policy', formPagePolicy)
      // The address may hold a link. To this server itself the browser has to say where a form comes from.
      .header('referrer-policy', 'same-origin')
      .send(html)
  );
}
