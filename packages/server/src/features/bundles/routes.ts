import { type Bundle, operations } from '@policy-studio/contract';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { route } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { activateBundle } from './activate.js';
import { archiveBundle, createBundle, deleteBundle, noBundle, updateBundle } from './commands.js';
import { etagOf } from './etag.js';
import {
  activeBundle,
  type BundleRow,
  bundleById,
  bundleByVersion,
  bundleDocument,
  bundlePage,
  withCurrentFindings,
} from './queries.js';

export function bundleRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;

  /** A bundle that was read, with its ETag. */
  const current = async (reply: FastifyReply, workspaceId: number, bundle: BundleRow) => {
    const [fresh] = await withCurrentFindings(pool, workspaceId, [bundle]);
    return document(reply, fresh as BundleRow);
  };

  route(app, services, operations.listBundles, async ({ caller, query }) => {
    const page = await bundlePage(pool, caller.workspaceId, query);
    const bundles = await withCurrentFindings(pool, caller.workspaceId, page.bundles);
    return { ...page, bundles: bundles.map(bundleDocument) };
  });
  route(app, services, operations.getActiveBundle, async ({ caller, reply }) => {
    const bundle = await activeBundle(pool, caller.workspaceId);
    if (!bundle) return refuse('not_found', 'no bundle has been activated; the default effect decides');
    return current(reply, caller.workspaceId, bundle);
  });
  route(app, services, operations.getBundle, async ({ caller, params, reply }) => {
    const bundle = await bundleById(pool, caller.workspaceId, params.id);
    return bundle ? current(reply, caller.workspaceId, bundle) : noBundle(params.id);
  });
  route(app, services, operations.getBundleByVersion, async ({ caller, params, reply }) => {
    const bundle = await bundleByVersion(pool, caller.workspaceId, params.version);
    if (!bundle) return refuse('not_found', `there is no bundle of version \`${params.version}\``);
    return current(reply, caller.workspaceId, bundle);
  });
  route(app, services, operations.createBundle, async ({ caller, body, reply }) =>
    document(reply, await createBundle(services, caller, body)),
  );
  route(app, services, operations.updateBundle, async ({ caller, params, body, headers, reply }) =>
    document(reply, await updateBundle(services, caller, params.id, body, headers['if-match'])),
  );
  route(app, services, operations.deleteBundle, ({ caller, params, headers }) =>
    deleteBundle(services, caller, params.id, headers['if-match']),
  );
  route(app, services, operations.archiveBundle, async ({ caller, params, reply }) =>
    document(reply, await archiveBundle(services, caller, params.id)),
  );
  route(app, services, operations.activateBundle, async ({ caller, params, body, reply }) =>
    document(reply, await activateBundle(services, caller, params.id, body)),
  );
}

function document(reply: FastifyReply, outcome: BundleRow | Refusal): Bundle | Refusal {
  if (outcome instanceof Refusal) return outcome;
  reply.header('etag', etagOf(outcome));
  return bundleDocument(outcome);
}
