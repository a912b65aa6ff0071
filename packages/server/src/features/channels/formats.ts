import { createHmac } from 'node:crypto';
import type { ChannelKind, Severity } from '@policy-studio/contract';
import type { Message } from './message.js';
import type { Outgoing } from './post.js';
import { paging } from './routing.js';

/** What of a channel is secret; sealed in the table. */
export interface ChannelTarget {
  readonly url: string;
  /** Of a webhook: `whsec_` and base64. */
  readonly secret: string | null;
  /** Of PagerDuty. */
  readonly routingKey: string | null;
}

export interface Sending {
  readonly kind: ChannelKind;
  readonly target: ChannelTarget;
  readonly message: Message;
  /** The same in every attempt. */
  readonly deliveryId: string;
  /** Names this installation among those that share a PagerDuty service. */
  readonly installation: string;
  readonly now: Date;
}

/** The request that carries a message, in the format of the channel's kind. */
export function outgoing(sending: Sending): Outgoing {
  switch (sending.kind) {
    case 'webhook':
      return standardWebhook(sending);
    case 'slack':
      return { url: sending.target.url, headers: {}, body: JSON.stringify(slackMessage(sending.message)) };
    case 'pagerduty':
      return { url: sending.target.url, headers: {}, body: JSON.stringify(pagerDutyEvent(sending)) };
  }
}

/** standardwebhooks.com: the signature is over the id, the time of the attempt and the body. */
function standardWebhook({ target, message, deliveryId, now }: Sending): Outgoing {
  const { event, workspace, title, severity, link } = message;
  const body = JSON.stringify({
    type: event.kind,
    timestamp: event.at,
    data: { workspace, title, severity, link, ...event },
  });
  const id = `msg_${deliveryId}`;
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const key = Buffer.from((target.secret ?? '').replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    url: target.url,
    headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
    body,
  };
}

const marks: Readonly<Record<Severity, string>> = { low: '🔹', medium: '🔸', high: '🔶', critical: '🔴' };

/** Block Kit. Slack's own control sequences (`<!channel>`, links) cannot come from a value. */
function slackMessage({ event, workspace, severity, title, facts, action, link }: Message): object {
  const section = (text: string): object => ({ type: 'section', text: { type: 'mrkdwn', text: clip(text, 3000) } });
  const fields = facts.slice(0, 10).map(([name, value]) => ({
    type: 'mrkdwn',
    text: clip(`*${escaped(name)}*\n${escaped(value)}`, 2000),
  }));
  const context = [`workspace ${workspace}`, event.kind, `event ${event.seq}`, event.at].map(escaped).join('  ·  ');
  return {
    text: escaped(clip(`${title} (${workspace})`, 2000)),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: clip(`${marks[severity]} ${title}`, 150), emoji: true } },
      { type: 'section', fields },
      ...(action === null ? [] : [section(`*What to do*\n${escaped(action)}`)]),
      ...(link === null
        ? []
        : [
            {
              type: 'actions',
              elements: [{ type: 'button', text: { type: 'plain_text', text: 'Open in Policy Studio' }, url: link }],
            },
          ]),
      { type: 'context', elements: [{ type: 'mrkdwn', text: context }] },
    ],
  };
}

const pagerDutySeverity: Readonly<Record<Severity, string>> = {
  low: 'info',
  medium: 'warning',
  high: 'error',
  critical: 'critical',
};

function pagerDutyEvent({ target, message, installation }: Sending): object {
  const { event, workspace, severity, title, facts, action, link } = message;
  const event_action = paging[event.kind] ?? 'trigger';
  // What is one trouble has one key, so that its end ends it and a repeated message opens nothing new.
  const about = {
    routing_key: target.routingKey,
    event_action,
    dedup_key: clip(`policy-studio:${installation}:${workspace}:${event.subject}`, 255),
  };
  if (event_action !== 'trigger') return about;
  return {
    ...about,
    client: 'Policy Studio',
    ...(link === null ? {} : { client_url: link, links: [{ href: link, text: 'Open in Policy Studio' }] }),
    payload: {
      summary: clip(`${title} (${workspace})`, 1024),
      source: `policy-studio/${workspace}`,
      severity: pagerDutySeverity[severity],
      timestamp: event.at,
      component: event.subject,
      class: event.kind,
      custom_details: {
        ...Object.fromEntries(facts),
        ...(action === null ? {} : { 'What to do': action }),
        event: event.seq,
      },
    },
  };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
