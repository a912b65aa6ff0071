import type { ChannelKind, ChannelTopic } from '@policy-studio/contract';

/** Which changes a topic is told of. A pattern is a kind of event, or all kinds that begin like it (`rollout.*`). */
export const routing: Readonly<Record<ChannelTopic, readonly string[]>> = {
  'policy-alerts': [
    'rollout.rolled_back',
    'rollout.held',
    'rollout.rollback_failed',
    'bundle.rolled_back',
    'system.*',
    'approval.escalated',
    'channel.failing',
    'channel.recovered',
  ],
  'policy-changes': [
    'bundle.activated',
    'bundle.rolled_back',
    'rollout.*',
    'approval.requested',
    'approval.approved',
    'approval.rejected',
    'approval.expired',
    'approval.reminded',
    'approval.escalated',
    'approver_group.*',
    'list.*',
    'settings.*',
    'catalog.*',
    'freeze_window.*',
    'trusted_key.*',
    'system.*',
  ],
  incidents: [
    'incident.opened',
    'incident.escalated',
    'incident.reopened',
    'incident.acknowledged',
    'incident.mitigated',
    'incident.resolved',
    'incident.closed',
    'incident.assigned',
  ],
  audit: ['audit.checkpoint'],
};

/** What PagerDuty is told: what has an end. It pages people, so it hears of nothing else. */
export const paging: Readonly<Record<string, 'trigger' | 'acknowledge' | 'resolve'>> = {
  'incident.opened': 'trigger',
  'incident.escalated': 'trigger',
  'incident.reopened': 'trigger',
  'incident.acknowledged': 'acknowledge',
  'incident.resolved': 'resolve',
  'incident.closed': 'resolve',
};

/** The topics of a kind of event; none: nobody is told. */
export function topicsOf(kind: string): ChannelTopic[] {
  return (Object.keys(routing) as ChannelTopic[]).filter((topic) =>
    routing[topic].some((pattern) =>
      pattern.endsWith('.*') ? kind.startsWith(pattern.slice(0, -1)) : kind === pattern,
    ),
  );
}

/** The kinds of channel that can say this. */
export function channelKindsFor(kind: string): ChannelKind[] {
  return Object.hasOwn(paging, kind) ? ['webhook', 'slack', 'pagerduty'] : ['webhook', 'slack'];
}
