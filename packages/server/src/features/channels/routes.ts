import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import type { Services } from '../../services.js';
import { createChannel, createChannelTests, deleteChannel, noChannel, redeliver, updateChannel } from './commands.js';
import { channelById, channelDocument, channelPage, deliveryPage } from './queries.js';

export function channelRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;
  const test = createChannelTests(services);

  route(app, services, operations.listChannels, ({ caller, query }) => channelPage(pool, caller.workspaceId, query));
  route(app, services, operations.createChannel, ({ caller, body }) => createChannel(services, caller, body));
  route(app, services, operations.getChannel, async ({ caller, params }) => {
    const row = await channelById(pool, caller.workspaceId, params.id);
    return row ? channelDocument(row) : noChannel(params.id);
  });
  route(app, services, operations.updateChannel, ({ caller, params, body }) =>
    updateChannel(services, caller, params.id, body),
  );
  route(app, services, operations.deleteChannel, ({ caller, params }) => deleteChannel(services, caller, params.id));
  route(app, services, operations.testChannel, ({ caller, params }) => test(caller, params.id));
  route(app, services, operations.redeliver, ({ caller, params }) => redeliver(services, caller, params.id));
  route(app, services, operations.listDeliveries, async ({ caller, params, query }) => {
    if (!(await channelById(pool, caller.workspaceId, params.id))) return noChannel(params.id);
    return deliveryPage(pool, caller.workspaceId, params.id, query);
  });
}
