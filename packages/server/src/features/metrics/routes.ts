import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Registry } from 'prom-client';
import { inWorkspace } from '../../database/scope.js';
import { databaseFailure } from '../../database-failure.js';
import { within } from '../../deadline.js';
import { isFromHere } from '../../http/from-here.js';
import { sendProblem } from '../../http/problem.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { defaultWorkspace } from '../access/queries.js';
import { gaugesText } from './gauges.js';

/** Scrapers that come more often are given the same figures again. */
const keptMs = 2_000;
/** Prometheus waits 10 s; what the server counts itself is worth having without the rest. */
const databaseMs = 5_000;

interface Kept {
  readonly atMs: number;
  readonly text: Promise<string>;
}

/** `GET /metrics?workspace=NAME`: one workspace at a time, so that one team reads nothing of another. */
export function metricsRoutes(app: FastifyInstance, services: Services): void {
  const { clock, meter, log } = services;
  const kept = new Map<number, Kept>();

  const gauges = (workspaceId: number): Promise<string> => {
    const now = clock.now();
    const last = kept.get(workspaceId);
    if (last && Math.abs(now.getTime() - last.atMs) < keptMs) return last.text;
    const text = inWorkspace(workspaceId, () => gaugesText(services, workspaceId, now)).catch((error: unknown) => {
      // A database that is away is told of elsewhere, and its figures are missing.
      if (databaseFailure(error) === null) log.error({ err: error }, 'the metrics of a workspace could not be read');
      return '';
    });
    kept.set(workspaceId, { atMs: now.getTime(), text });
    return text;
  };

  app.get('/metrics', async (request, reply) => {
    const workspaceId = await scrapedWorkspace(services, request);
    if (workspaceId instanceof Refusal) return sendProblem(request, reply, workspaceId);
    const texts = await Promise.all([meter.text(workspaceId), within(gauges(workspaceId), databaseMs, '')]);
    return reply.type(Registry.PROMETHEUS_CONTENT_TYPE).send(`${texts.filter((text) => text !== '').join('\n')}`);
  });
}

/** The workspace this scraper may read, or why it may read none. */
async function scrapedWorkspace(services: Services, request: FastifyRequest): Promise<number | Refusal> {
  const { keys, config } = services;
  const { authorization } = request.headers;
  const { workspace } = request.query as { workspace?: unknown };
  if (workspace !== undefined && typeof workspace !== 'string') {
    return refuse('validation_failed', 'name one workspace');
  }
  const shown = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  const scrapes = shown !== undefined && config.metricsToken !== null && isSame(shown, config.metricsToken);
  if (scrapes || (authorization === undefined && isFromHere(request))) {
    const name = workspace ?? defaultWorkspace;
    return (await keys.workspaceId(name)) ?? refuse('not_found', `there is no workspace \`${name.slice(0, 64)}\``);
  }
  if (authorization === undefined) {
    return refuse(
      'unauthenticated',
      'from another machine metrics take `Authorization: Bearer` with METRICS_TOKEN or an API key that may read',
    );
  }
  const caller = await keys.authenticate(request);
  if (caller instanceof Refusal) return caller;
  if (caller.role === 'agent') return refuse('forbidden', 'the role `agent` reads no metrics');
  if (workspace !== undefined && workspace !== caller.workspace) {
    return refuse('forbidden', `this key belongs to the workspace \`${caller.workspace}\``);
  }
  return caller.workspaceId;
}

function isSame(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
