import { operations, type Snapshot } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../../caller.js';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { bootstrapKeyId } from '../access/queries.js';
import { actionDocument, agentDocument } from '../catalog/queries.js';
import { type BundleInForce, decidedBy, type Enforced } from './in-force.js';

export function enforcementRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.getSnapshot, async ({ caller, request, reply }) => {
    const inForce = await services.enforcement.inForce(caller.workspaceId);
    const enforced = decidedBy(inForce, services.clock.now().getTime());
    // Keys differ in what divides them; a pin may end before the generation changes.
    const pinned = enforced.pinnedTo === null ? '' : '-pinned';
    const etag = `"${caller.workspaceId}-${enforced.generation}-${caller.keyId ?? bootstrapKeyId}${pinned}"`;
    reply.header('etag', etag);
    if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
    return snapshotOf(enforced, caller);
  });
}

function snapshotOf(enforced: Enforced, { keyId, ignoresSession }: Caller): Snapshot {
  const { generation, defaultEffect, timeZone, enforceContext, known, safe, stable, candidate } = enforced;
  const { rollout, pin, pinnedTo, observed, lists } = enforced;
  return {
    generation,
    default_effect: defaultEffect,
    time_zone: timeZone,
    enforce_context: enforceContext,
    catalog: {
      agents: known.catalog.agents.map(agentDocument),
      actions: known.catalog.actions.map(actionDocument),
    },
    safe,
    stable: stable && bundleDocument(stable),
    candidate: candidate && bundleDocument(candidate),
    // A rollout that bakes divides nobody.
    rollout: rollout && candidate ? { id: rollout.id, share_pct: rollout.sharePct } : null,
    bucket_by: { key_id: keyId ?? bootstrapKeyId, session: ignoresSession ? 'ignore' : 'trust' },
    bundle_pin: pinnedTo && { ...pinnedTo },
    pin: pin && { ...pin },
    observed: [...observed],
    lists: Object.fromEntries(
      Object.entries(lists).map(([name, list]) => [name, { ...list, values: [...list.values] }]),
    ),
  };
}

function bundleDocument(bundle: BundleInForce): NonNullable<Snapshot['stable']> {
  return { ...bundle, rules: [...bundle.rules] as unknown as Record<string, unknown>[] };
}

/** RFC 9110, 13.1.2: any of the tags, weak or not; or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
