import { problemCodes, Reject } from '@policy-studio/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { formPagePolicy } from '../../http/page.js';
import { validator } from '../../http/validation.js';
import type { Services } from '../../services.js';
import { decideByLink, openLink } from './link-decision.js';
import { decidedPage, endedPage, faultPage, lockedPage, requestPage, unknownPage } from './link-page.js';
import { linkPath } from './links.js';

const formType = 'application/x-www-form-urlencoded';
/** A comment of 2,000 characters, each of which may take twelve. */
const formBytes = 32 * 1024;

/**
 * The pages behind one-time links. Opening one shows the request and changes nothing, so that whatever looks into mails
 * decides nothing; sending its form decides. No script, no credential; the token is in the query or the form, which no
 * log line holds.
 */
export function linkRoutes(app: FastifyInstance, services: Services): void {
  app.register((scope, _options, ready) => {
    scope.addContentTypeParser(formType, { parseAs: 'string', bodyLimit: formBytes }, (_request, body, done) =>
      done(null, new URLSearchParams(String(body))),
    );
    scope.get(`/${linkPath}`, async (request, reply) => {
      const token = tokenIn(request);
      const opened = await openLink(services, token, request.ip);
      switch (opened.kind) {
        case 'open':
          return send(reply, 200, requestPage(opened, token, services.clock.now()));
        case 'ended':
          return send(reply, 410, endedPage(opened.why));
        case 'unknown':
          return send(reply, 404, unknownPage());
        case 'locked':
          return sendLocked(reply, opened.retryAfter);
      }
    });
    scope.post(`/${linkPath}`, async (request, reply) => {
      const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
      const decision = decisionIn(form);
      if (typeof decision === 'string') return send(reply, 422, faultPage(decision));
      const done = await decideByLink(services, form.get('token') ?? tokenIn(request), request.ip, decision);
      switch (done.kind) {
        case 'done':
          return send(reply, 200, decidedPage(done.row, done.verdict, done.link.approver));
        case 'refused':
          return send(reply, problemCodes[done.refusal.code].status, faultPage(`${done.refusal.detail}.`));
        case 'ended':
          return send(reply, 410, endedPage(done.why));
        case 'unknown':
          return send(reply, 404, unknownPage());
        case 'locked':
          return sendLocked(reply, done.retryAfter);
      }
    });
    ready();
  });
}

function tokenIn({ query }: FastifyRequest): string {
  const { token } = query as { token?: unknown };
  return typeof token === 'string' ? token : '';
}

const checkReject = validator(Reject, 'body');

/** What a form says, or what is wrong with it. */
function decisionIn(form: URLSearchParams): { verdict: 'approve' | 'reject'; comment: string } | string {
  const verdict = form.get('verdict');
  // Browsers send line breaks as CR LF.
  const comment = (form.get('comment') ?? '').replaceAll('\r\n', '\n');
  if (verdict !== 'approve' && verdict !== 'reject') return 'Send `verdict`, which is `approve` or `reject`.';
  if (verdict === 'reject' && comment.trim() === '') return 'A rejection needs a comment: go back and say why.';
  if (comment === '' || checkReject({ comment }, 0) === null) return { verdict, comment };
  return 'The comment is longer than 2,000 characters, or says nothing, or holds control characters.';
}

function sendLocked(reply: FastifyReply, seconds: number): FastifyReply {
  return send(reply.header('retry-after', String(Math.ceil(seconds))), 429, lockedPage(seconds));
}

function send(reply: FastifyReply, status: number, html: string): FastifyReply {
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('content-security-policy', formPagePolicy)
    .header('referrer-policy', 'no-referrer')
    .send(html);
}
