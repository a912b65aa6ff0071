import { operations } from '@policy-studio/contract';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { route } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { activateBundle } from './activate.js';
import { archiveBundle, createBundle, deleteBundle, updateBundle } from './commands.js';
import { diffOf } from './diff.js';
import { etagOf } from './etag.js';
import {
  activeBundle,
  type BundleRow,
  bundleById,
  bundleByVersion,
  bundleDocument,
  bundlePage,
  noBundle,
  pageWithFindings,
  withFindings,
} from './queries.js';

export function bundleRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;

  /** A bundle as it stands, with its ETag and the findings of now. */
  const document = async (reply: FastifyReply, workspaceId: number, outcome: BundleRow | Refusal) => {
    if (outcome instanceof Refusal) return outcome;
    reply.header('etag', etagOf(outcome));
    return bundleDocument(await withFindings(services, workspaceId, outcome));
  };

  route(app, services, operations.listBundles, async ({ caller, query }) => {
    const page = await bundlePage(pool, caller.workspaceId, query);
    const bundles = await pageWithFindings(services, caller.workspaceId, page.bundles);
    return { ...page, bundles: bundles.map(bundleDocument) };
  });
  route(app, services, operations.getActiveBundle, async ({ caller, reply }) => {
    const bundle = await activeBundle(pool, caller.workspaceId);
    if (!bundle) return refuse('not_found', 'no bundle has been activated; the default effect decides');
    return document(reply, caller.workspaceId, bundle);
  });
  route(app, services, operations.getBundle, async ({ caller, params, reply }) => {
    const bundle = await bundleById(pool, caller.workspaceId, params.id);
    return bundle ? document(reply, caller.workspaceId, bundle) : noBundle(params.id);
  });
  route(app, services, operations.getBundleByVersion, async ({ caller, params, reply }) => {
    const bundle = await bundleByVersion(pool, caller.workspaceId, params.version);
    if (!bundle) return refuse('not_found', `there is no bundle of version \`${params.version}\``);
    return document(reply, caller.workspaceId, bundle);
  });
  route(app, services, operations.diffBundles, async ({ caller, params, query, reply }) => {
    const asked = { a: params.id, b: params.compare_id, days: query.days };
    const diff = await diffOf(services, caller.workspaceId, asked);
    if (diff instanceof Refusal) return diff;
    return reply.type('application/json; charset=utf-8').send(Buffer.from(diff));
  });
  route(app, services, operations.createBundle, async ({ caller, body, bodyText, reply }) =>
    document(reply, caller.workspaceId, await createBundle(services, caller, body, bodyText)),
  );
  route(app, services, operations.updateBundle, async ({ caller, params, body, bodyText, headers, reply }) =>
    document(
      reply,
      caller.workspaceId,
      await updateBundle(services, caller, params.id, { body, bodyText, match: headers['if-match'] }),
    ),
  );
  route(app, services, operations.deleteBundle, ({ caller, params, headers }) =>
    deleteBundle(services, caller, params.id, headers['if-match']),
  );
  route(app, services, operations.archiveBundle, async ({ caller, params, reply }) =>
    document(reply, caller.workspaceId, await archiveBundle(services, caller, params.id)),
  );
  route(app, services, operations.activateBundle, async ({ caller, params, body, reply }) =>
    document(reply, caller.workspaceId, await activateBundle(services, caller, params.id, body)),
  );
}
