import Type, { type Static } from 'typebox';
import { Actor, Id, Label, Nullable, page, pageQuery, Timestamp } from './vocabulary.js';

export const channelKinds = ['webhook', 'slack', 'pagerduty'] as const;
export const ChannelKind = Type.Enum(channelKinds, {
  description:
    '`webhook`: JSON with Standard Webhooks signatures; `slack`: an incoming webhook; `pagerduty`: Events API v2.',
});
export type ChannelKind = Static<typeof ChannelKind>;

export const channelTopics = ['policy-alerts', 'policy-changes', 'incidents', 'audit'] as const;
export const ChannelTopic = Type.Enum(channelTopics, {
  description:
    '`policy-alerts`: what somebody should look at now; `policy-changes`: what people and rollouts change; `incidents`: their life; `audit`: signed checkpoints.',
});
export type ChannelTopic = Static<typeof ChannelTopic>;

const topics = Type.Array(ChannelTopic, { minItems: 1, maxItems: channelTopics.length, uniqueItems: true });
const url = Type.String({
  pattern: '^https?://[^\\s\\u0000-\\u001f\\u007f]+$',
  maxLength: 2000,
  description: 'Where messages go. It is a secret: no answer repeats it.',
});
const routing_key = Type.String({
  pattern: '^[A-Za-z0-9_-]{16,64}$',
  description: 'The integration key of a PagerDuty service. It is a secret: no answer repeats it.',
});

export const CreateChannel = Type.Object(
  {
    name: Label(64),
    kind: ChannelKind,
    topics,
    url: Type.Optional(url),
    routing_key: Type.Optional(routing_key),
    enabled: Type.Optional(Type.Boolean({ description: 'Default: true.' })),
  },
  { additionalProperties: false },
);
export const UpdateChannel = Type.Object(
  {
    name: Type.Optional(Label(64)),
    topics: Type.Optional(topics),
    url: Type.Optional(url),
    routing_key: Type.Optional(routing_key),
    enabled: Type.Optional(Type.Boolean()),
    rotate_secret: Type.Optional(
      Type.Boolean({ description: 'Of a webhook: signs with a new secret from now on, which the answer holds.' }),
    ),
  },
  { additionalProperties: false },
);

const channel = {
  id: Type.Integer(),
  name: Type.String(),
  kind: ChannelKind,
  topics,
  enabled: Type.Boolean({ description: 'While it is off nothing is queued; what was queued before waits.' }),
  target: Type.String({ description: 'The host that messages go to.', examples: ['https://hooks.slack.com'] }),
  pending: Type.Integer({ description: 'Messages that wait.' }),
  dead: Type.Integer({ description: 'Messages that were given up in the last 30 days.' }),
  failing_since: Nullable(Timestamp, {
    description: 'Since when it does not take messages: five attempts in a row failed, or one was given up.',
  }),
  last_error: Nullable(Type.String()),
  last_delivered_at: Nullable(Timestamp),
  retry_at: Nullable(Timestamp, { description: 'The next attempt, after a failed one.' }),
  created_by: Actor,
  created_at: Timestamp,
  updated_at: Timestamp,
};
export const Channel = Type.Object(channel, { $id: 'Channel' });
export type Channel = Static<typeof Channel>;
export const ChangedChannel = Type.Object({
  ...channel,
  secret: Nullable(Type.String(), {
    description: 'What a webhook is signed with, `whsec_...`: shown when it is made, this once.',
  }),
});
export type ChangedChannel = Static<typeof ChangedChannel>;
export const ChannelPage = Type.Object({ channels: Type.Array(Channel), ...page });
export type ChannelPage = Static<typeof ChannelPage>;
export const ChannelListQuery = Type.Object(pageQuery);

export const ChannelTest = Type.Object({
  delivered: Type.Boolean(),
  response_status: Nullable(Type.Integer()),
  error: Nullable(Type.String()),
  ms: Type.Integer({ description: 'How long it took, milliseconds.' }),
});
export type ChannelTest = Static<typeof ChannelTest>;

export const deliveryStatuses = ['pending', 'delivered', 'dead'] as const;
export const DeliveryStatus = Type.Enum(deliveryStatuses);

export const Delivery = Type.Object(
  {
    id: Type.String({ description: 'The same in every attempt; `webhook-id` is `msg_` and this.' }),
    channel_id: Type.Integer(),
    seq: Type.Integer({ description: 'Of the event.' }),
    kind: Type.String({ description: 'Of the event.' }),
    subject: Type.String(),
    status: DeliveryStatus,
    attempts: Type.Integer(),
    response_status: Nullable(Type.Integer(), { description: 'Of the last attempt.' }),
    error: Nullable(Type.String(), { description: 'Of the last attempt.' }),
    created_at: Timestamp,
    attempted_at: Nullable(Timestamp),
    delivered_at: Nullable(Timestamp),
  },
  { $id: 'Delivery' },
);
export type Delivery = Static<typeof Delivery>;
export const DeliveryQuery = Type.Object({
  status: Type.Optional(DeliveryStatus),
  limit: pageQuery.limit,
  before: Type.Optional(
    Type.Integer({ ...Id, maximum: Number.MAX_SAFE_INTEGER, description: 'Older than this `seq`.' }),
  ),
});
export const DeliveryPage = Type.Object({
  deliveries: Type.Array(Delivery, { description: 'Newest first.' }),
  next_before: Nullable(Type.Integer()),
});
export type DeliveryPage = Static<typeof DeliveryPage>;
export const Redelivery = Type.Object({ queued: Type.Integer({ description: 'Messages that wait again.' }) });
export type Redelivery = Static<typeof Redelivery>;
