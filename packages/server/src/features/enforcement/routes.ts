import { operations, type Snapshot } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { actionDocument } from '../catalog/queries.js';
import type { Enforced } from './in-force.js';

export function enforcementRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.getSnapshot, async ({ caller, request, reply }) => {
    const enforced = await services.enforcement.inForce(caller.workspaceId);
    const etag = `"${caller.workspaceId}-${enforced.generation}"`;
    reply.header('etag', etag);
    if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
    return snapshotOf(enforced);
  });
}

function snapshotOf({ generation, defaultEffect, timeZone, enforceContext, known, stable, lists }: Enforced): Snapshot {
  return {
    generation,
    default_effect: defaultEffect,
    time_zone: timeZone,
    enforce_context: enforceContext,
    catalog: {
      agents: known.catalog.agents.map((agent) => ({ ...agent })),
      actions: known.catalog.actions.map(actionDocument),
    },
    stable: stable && { ...stable, rules: [...stable.rules] as unknown as Record<string, unknown>[] },
    lists: Object.fromEntries(
      Object.entries(lists).map(([name, list]) => [name, { ...list, values: [...list.values] }]),
    ),
  };
}

/** RFC 9110, 13.1.2: any of the tags, weak or not; or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
