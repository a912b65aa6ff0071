import { defineOperation, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  ChangedChannel,
  Channel,
  ChannelListQuery,
  ChannelPage,
  ChannelTest,
  CreateChannel,
  DeliveryPage,
  DeliveryQuery,
  Redelivery,
  UpdateChannel,
} from '../schemas/channel.js';
import { IdParams } from '../schemas/vocabulary.js';

const tag = 'Channels';

export const listChannels = defineOperation({
  id: 'listChannels',
  method: 'GET',
  path: '/policy/channels',
  tag,
  summary: 'Where notifications go, by name',
  access: readers,
  query: ChannelListQuery,
  status: 200,
  response: ChannelPage,
  problems: [],
});

export const createChannel = defineOperation({
  id: 'createChannel',
  method: 'POST',
  path: '/policy/channels',
  tag,
  summary: 'Send notifications somewhere',
  description:
    'Addresses and keys are kept encrypted and never answered. Only public addresses over https are taken, unless the server allows private ones.',
  access: ['admin'],
  body: CreateChannel,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: ChangedChannel,
  problems: ['name_taken', 'channels_full'],
});

export const getChannel = defineOperation({
  id: 'getChannel',
  method: 'GET',
  path: '/policy/channels/{id}',
  tag,
  summary: 'One channel and how it fares',
  access: readers,
  params: IdParams,
  status: 200,
  response: Channel,
  problems: ['not_found'],
});

export const updateChannel = defineOperation({
  id: 'updateChannel',
  method: 'PUT',
  path: '/policy/channels/{id}',
  tag,
  summary: 'Change what is given of a channel; it is tried again at once',
  access: ['admin'],
  params: IdParams,
  body: UpdateChannel,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: ChangedChannel,
  problems: ['not_found', 'name_taken'],
});

export const deleteChannel = defineOperation({
  id: 'deleteChannel',
  method: 'DELETE',
  path: '/policy/channels/{id}',
  tag,
  summary: 'Delete a channel with what still waits for it',
  access: ['admin'],
  params: IdParams,
  status: 204,
  problems: ['not_found'],
});

export const testChannel = defineOperation({
  id: 'testChannel',
  method: 'POST',
  path: '/policy/channels/{id}/test',
  tag,
  summary: 'Send a test message now, and say what came of it',
  access: ['operator', 'admin'],
  params: IdParams,
  status: 200,
  response: ChannelTest,
  problems: ['not_found', 'overloaded'],
});

export const listDeliveries = defineOperation({
  id: 'listDeliveries',
  method: 'GET',
  path: '/policy/channels/{id}/deliveries',
  tag,
  summary: 'What was sent to a channel, newest first',
  description: 'Delivered messages are listed for 7 days, given up ones for 30.',
  access: readers,
  params: IdParams,
  query: DeliveryQuery,
  status: 200,
  response: DeliveryPage,
  problems: ['not_found'],
});

export const redeliver = defineOperation({
  id: 'redeliver',
  method: 'POST',
  path: '/policy/channels/{id}/redeliver',
  tag,
  summary: 'Queue again what was given up',
  access: ['operator', 'admin'],
  params: IdParams,
  status: 200,
  response: Redelivery,
  problems: ['not_found'],
});
