import helmet from '@fastify/helmet';
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { accessRoutes } from './features/access/routes.js';
import { approvalRoutes } from './features/approvals/routes.js';
import { budgetRoutes } from './features/budgets/routes.js';
import { bundleRoutes } from './features/bundles/routes.js';
import { catalogRoutes } from './features/catalog/routes.js';
import { channelRoutes } from './features/channels/routes.js';
import { decisionRoutes } from './features/decisions/routes.js';
import { demoRoutes } from './features/demo/routes.js';
import { emergencyRoutes } from './features/emergency/routes.js';
import { enforcementRoutes } from './features/enforcement/routes.js';
import { eventRoutes } from './features/events/routes.js';
import { exchangeRoutes } from './features/exchange/routes.js';
import { freezeWindowRoutes } from './features/freeze-windows/routes.js';
import { incidentRoutes } from './features/incidents/routes.js';
import { jobRoutes } from './features/jobs/routes.js';
import { lintRoutes } from './features/lint/routes.js';
import { listRoutes } from './features/lists/routes.js';
import { metricsRoutes } from './features/metrics/routes.js';
import { observationRoutes } from './features/observation/routes.js';
import { reportRoutes } from './features/reports/routes.js';
import { rolloutRoutes } from './features/rollouts/routes.js';
import { settingsRoutes } from './features/settings/routes.js';
import { simulationRoutes } from './features/simulation/routes.js';
import { systemRoutes } from './features/system/routes.js';
import { workspaceRoutes } from './features/workspaces/routes.js';
import { bareHeaders, noPagePolicy } from './http/answer-headers.js';
import { bodies } from './http/bodies.js';
import { answerBrokenRequest, watchAnswers, writtenTwice } from './http/broken-requests.js';
import { docsRoutes } from './http/docs.js';
import { refusalOf, sendProblem } from './http/problem.js';
import { studioRoutes } from './http/studio.js';
import { unknownRoutes } from './http/unknown-routes.js';
import { refuse } from './refusal.js';
import type { Services } from './services.js';

/** One line a slice: it registers its operations. */
const slices: readonly ((app: FastifyInstance, services: Services) => void)[] = [
  systemRoutes,
  metricsRoutes,
  accessRoutes,
  settingsRoutes,
  bundleRoutes,
  exchangeRoutes,
  lintRoutes,
  catalogRoutes,
  listRoutes,
  approvalRoutes,
  rolloutRoutes,
  reportRoutes,
  freezeWindowRoutes,
  emergencyRoutes,
  observationRoutes,
  incidentRoutes,
  eventRoutes,
  channelRoutes,
  enforcementRoutes,
  decisionRoutes,
  budgetRoutes,
  simulationRoutes,
  jobRoutes,
  workspaceRoutes,
  demoRoutes,
];

const connectionLimits = {
  /** Time to send all headers, and the whole request: a slow sender holds a socket no longer. */
  headersMs: 10_000,
  requestMs: 60_000,
  /** How often the two are checked. */
  checkMs: 2_000,
  /**
   * How long nothing may pass in either direction: a reader that takes nothing of a large answer holds its memory no longer.
   * Longer than any long poll, and than streams are silent.
   */
  silentMs: 180_000,
  /** Longer than the idle times of common proxies, so that they close first. */
  keepAliveMs: 72_000,
  connections: 10_000,
  headerBytes: 16 * 1024,
} as const;

/** Bodies that are too large are received to their end up to this size. */
const lingerBytes = 64 * 1024 * 1024;

export interface AppOptions {
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Addresses (CIDR) of proxies whose `X-Forwarded-*` is believed. */
  readonly trustedProxy?: readonly string[];
  readonly limits?: Partial<Record<keyof typeof connectionLimits, number>>;
}

/** The HTTP server over `services`, not yet listening. `close` waits for requests in flight. */
export async function buildApp(services: Services, options: AppOptions = {}): Promise<FastifyInstance> {
  const limits = { ...connectionLimits, ...options.limits };
  const serverOptions = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: limits.headerBytes,
  };
  const app = Fastify({
    ...(options.tls ? { https: { ...serverOptions, ...options.tls } } : { http: serverOptions }),
    // Its own line about listening says less than ours.
    loggerInstance: services.log.child(
      {},
      { level: services.log.isLevelEnabled('warn') ? 'warn' : services.log.level },
    ),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => crypto.randomUUID(),
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.silentMs,
    keepAliveTimeout: limits.keepAliveMs,
    trustProxy: options.trustedProxy ? [...options.trustedProxy] : false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // The router answers before any hook, so these two look after themselves.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const refusal = refusalOf(error) ?? refuse('bad_request', 'the request cannot be read');
      reply.headers({ ...bareHeaders, 'x-request-id': request.id });
      void sendProblem(request, reply, refusal);
    },
    clientErrorHandler: answerBrokenRequest,
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: true },
  } as Parameters<typeof Fastify>[0]) as unknown as FastifyInstance;
  app.server.maxConnections = limits.connections;
  watchAnswers(app.server);
  // Expectations other than 100-continue may be ignored; Node would refuse them by itself, without a word.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.decorateRequest('caller', null);
  app.decorateRequest('bodyText', '');
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    reply.header('cache-control', 'no-store');
    const twice = writtenTwice(request.raw.rawHeaders);
    if (twice !== null) {
      return sendProblem(request, reply, refuse('bad_request', `the header \`${twice}\` is written twice`));
    }
  });
  // A connection kept alive after the last answer would hold up the end of the server.
  app.addHook('onSend', async (_request, reply) => {
    if (services.stopping.aborted) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, url, id, ip, caller } = request;
    const line = {
      request_id: id,
      method,
      // Without the query: it is free text of the caller.
      path: url.split('?', 1)[0],
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ip,
      key_id: caller?.keyId ?? undefined,
    };
    if (reply.statusCode >= 500) services.log.warn(line, 'request');
    else services.log.debug(line, 'request');
  });
  app.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error, request.routeOptions.bodyLimit);
    if (!refusal) services.log.error({ err: error, request_id: request.id }, 'a request failed');
    // Closed at once, the answer could be lost on a client that is still sending; the rest is read and thrown away.
    if (refusal?.code === 'too_large' && Number(request.headers['content-length']) <= lingerBytes) {
      reply.removeHeader('connection');
    }
    return sendProblem(
      request,
      reply,
      refusal ?? refuse('internal', `something broke on our side; the log names it \`${request.id}\``),
    );
  });
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: noPagePolicy,
    },
    strictTransportSecurity: options.tls ? { maxAge: 180 * 24 * 3600, includeSubDomains: false } : false,
    crossOriginEmbedderPolicy: false,
    xXssProtection: false,
  });
  bodies(app);
  unknownRoutes(app);
  for (const slice of slices) slice(app, services);
  docsRoutes(app, services);
  studioRoutes(app, services);
  await app.ready();
  return app;
}
