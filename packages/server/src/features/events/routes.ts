import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { databaseFailure } from '../../database-failure.js';
import { route } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { currentCheckpoint } from './checkpoint.js';
import { auditEntries, eventHead, eventsAfter } from './queries.js';
import { eventStream } from './stream.js';
import { createEventTail } from './tail.js';
import { maySee } from './visible.js';

const streamLimits = {
  heartbeatMs: 15_000,
  stuckMs: 30_000,
  /** Readers of this server. */
  readers: 1_000,
  readersPerKey: 100,
} as const;

export function eventRoutes(app: FastifyInstance, services: Services): void {
  const { db, clock, keys, log, secrets, stopping } = services;
  const tail = createEventTail(services);
  const readersOfKey = new Map<number, number>();

  route(app, services, operations.listAudit, ({ caller, query }) => auditEntries(db.pool, caller.workspaceId, query));

  route(
    app,
    services,
    operations.getAuditCheckpoint,
    async ({ caller }) =>
      (await currentCheckpoint(db.pool, secrets.signingKey, caller.workspaceId, clock.now())) ??
      refuse('not_found', 'nothing has changed in this workspace yet, so there is nothing to sign'),
  );

  route(app, services, operations.readEvents, async ({ caller, query, headers, request, reply }) => {
    const { workspaceId } = caller;
    const given = headers['last-event-id'] ?? query.after;
    if (!wantsStream(request.headers.accept)) {
      const head = await eventHead(db.pool, workspaceId);
      const events = await eventsAfter(db.pool, workspaceId, given ?? 0, query.limit);
      const next_after = events.at(-1)?.seq ?? given ?? 0;
      return { events: events.filter((event) => maySee(caller, event)), next_after, head: Math.max(head, next_after) };
    }
    const reader = caller.keyId ?? 0;
    const others = readersOfKey.get(reader) ?? 0;
    if (tail.followers >= streamLimits.readers || others >= streamLimits.readersPerKey) {
      return refuse('overloaded', 'too many readers follow the events already, try again later');
    }
    readersOfKey.set(reader, others + 1);
    const follower = tail.follow(workspaceId);
    const leave = (): void => follower.close();
    // Whoever is let in no more is told no more, whatever happens meanwhile.
    const unwatch = keys.watch(caller, leave);
    reply.raw.once('close', () => {
      leave();
      unwatch();
      stopping.removeEventListener('abort', leave);
      const left = (readersOfKey.get(reader) ?? 1) - 1;
      if (left === 0) readersOfKey.delete(reader);
      else readersOfKey.set(reader, left);
    });
    stopping.addEventListener('abort', leave);
    const head = await eventHead(db.pool, workspaceId);
    const stream = eventStream({
      follower,
      // A position that is not reached yet is one of another database: the reader goes on from here.
      after: Math.min(given ?? head, head),
      maySee: (event) => maySee(caller, event),
      heartbeatMs: streamLimits.heartbeatMs,
      stuckMs: streamLimits.stuckMs,
      mayStay: () =>
        keys.isWelcome(request).catch((error: unknown) => {
          if (error instanceof Refusal ? error.code === 'database_unavailable' : databaseFailure(error) !== null)
            return true;
          throw error;
        }),
      onStuck: () => {
        log.info({ request_id: request.id, key_id: caller.keyId }, 'a reader of events took nothing and was cut off');
        request.raw.socket.destroy();
      },
    });
    // The connection ends with the stream: kept alive, it would hold up the end of the server.
    return reply.type('text/event-stream').header('x-accel-buffering', 'no').header('connection', 'close').send(stream);
  });
}

/** Only who asks for JSON and not for a stream gets JSON. */
function wantsStream(accept = ''): boolean {
  return accept.includes('text/event-stream') || !accept.includes('application/json');
}
