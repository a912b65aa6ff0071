import type { ChangeEvent, Severity } from '@policy-studio/contract';

/** One change in words, for people who read nothing else. */
export interface Message {
  readonly event: ChangeEvent;
  readonly workspace: string;
  readonly severity: Severity;
  /** One line: what happened. */
  readonly title: string;
  /** Name and value, each a line: bundle, metric, reason. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** What to do; null: nothing. */
  readonly action: string | null;
  /** Absolute; null when the server does not know its address. */
  readonly link: string | null;
}

const titles: Readonly<Record<string, string>> = {
  'bundle.activated': 'A bundle was activated',
  'bundle.rolled_back': 'A bundle was rolled back',
  'rollout.started': 'A rollout began',
  'rollout.promoted': 'A rollout went one step on',
  'rollout.held': 'A rollout is held',
  'rollout.released': 'A rollout goes on',
  'rollout.completed': 'A rollout reached everybody and is complete',
  'rollout.rolled_back': 'A rollout was rolled back',
  'rollout.skip_asked': 'A rollout waits for a second person to skip its gates',
  'rollout.signed_off': 'Newly allowed actions were signed off',
  'rollout.aborted': 'A rollout was aborted',
  'rollout.superseded': 'A rollout was superseded',
  'approval.requested': 'An approval is asked for',
  'approval.approved': 'An approval was given',
  'approval.rejected': 'An approval was refused',
  'approval.expired': 'An approval expired',
  'approval.reminded': 'An approval still waits',
  'approval.escalated': 'An approval waits too long, more people are asked',
  'channel.failing': 'Notifications do not arrive',
  'channel.recovered': 'Notifications arrive again',
  'system.disabled': 'Policy enforcement is pinned',
  'system.enabled': 'Policy enforcement is back to normal',
  'system.pin_expired': 'Policy enforcement is back to normal, the pin has expired',
  'system.disable_requested': 'A second person is asked to pin policy enforcement',
  'system.bundle_pinned': 'A bundle is pinned and decides everything',
  'system.bundle_unpinned': 'The rollouts decide again, a pin was ended',
  'system.bundle_pin_expired': 'The rollouts decide again, a pin has expired',
  'audit.checkpoint': 'A checkpoint of the audit trail',
};

const actions: Readonly<Record<string, string>> = {
  'rollout.held': 'Look at the gates of the rollout: resume it, skip the gate or roll back.',
  'rollout.rolled_back': 'Look at the decisions that failed before you activate the bundle again.',
  'approval.requested': 'Somebody else has to approve or reject it.',
  'approval.reminded': 'Somebody of the group has to approve or reject it.',
  'approval.escalated': 'Somebody who is asked now has to approve or reject it.',
  'channel.failing': 'Correct the channel and send a test, then queue again what was given up.',
};

/** What may be said of an event; pure. Values are text of people and agents: whoever shows them escapes them. */
export function messageOf(event: ChangeEvent, workspace: string, publicUrl: string | null): Message {
  const { kind, data } = event;
  const summary = text(data.summary);
  return {
    event,
    workspace,
    severity: severityOf(event),
    title: titleOf(event, summary),
    facts: factsOf(event),
    action: actionOf(kind, data),
    link: publicUrl === null ? null : `${publicUrl}${pathOf(event.subject)}`,
  };
}

function titleOf({ kind, subject }: ChangeEvent, summary: string | null): string {
  const [thing = '', happened = ''] = kind.split('.');
  if (summary !== null && thing === 'incident') return `Incident ${happened}: ${summary}`;
  return titles[kind] ?? `${capital(words(thing))} ${words(happened)}: ${subject}`;
}

const severities: readonly unknown[] = ['low', 'medium', 'high', 'critical'] satisfies Severity[];

function severityOf({ kind, data }: ChangeEvent): Severity {
  const { severity } = data;
  if (severities.includes(severity)) return severity as Severity;
  if (/^(rollout|bundle)\.rolled_back$|rollback_failed|^system\.disabled/.test(kind)) return 'high';
  return /\.(held|failing|escalated)$/.test(kind) ? 'medium' : 'low';
}

/** Members of an event's data that people want to see, in this order. */
const shown: readonly (readonly [member: string, name: string])[] = [
  ['version', 'Bundle'],
  ['bundle_version', 'Bundle'],
  ['previous_version', 'Previous bundle'],
  ['rolled_back_from', 'Rolled back from'],
  ['effect', 'Effect'],
  ['until', 'Until'],
  ['share_pct', 'Share of traffic, %'],
  ['canary_pct', 'Share of traffic, %'],
  ['holds', 'Held because of'],
  ['reasons', 'Gates'],
  ['reason', 'Reason'],
  ['justification', 'Justification'],
  ['groups', 'Asked'],
  ['group', 'Asked'],
  ['escalated_to', 'Asked now too'],
  ['waiting_minutes', 'Waits for, minutes'],
  ['risk', 'Risk'],
  ['severity', 'Severity'],
  ['status', 'Status'],
  ['assigned_to', 'Assigned to'],
  ['text', 'Note'],
  ['error', 'Error'],
  ['expires_at', 'Expires'],
];

function factsOf({ subject, actor, data }: ChangeEvent): Message['facts'] {
  const details = record(data.details) ?? data;
  const facts: [string, string][] = [['Subject', subject]];
  const bundles = record(details.bundles) ?? record(data.rollback);
  if (bundles) facts.push(['Bundle', `${text(bundles.from) ?? 'none'} → ${text(bundles.to) ?? 'none'}`]);
  const [from, to] = [stepText(data.from), stepText(data.to)];
  if (to !== null) facts.push(['Step', from === null || from === to ? to : `${from} → ${to}`]);
  const metric = record(details.metric);
  if (metric) facts.push(['Metric', metricText(metric)]);
  for (const [member, name] of shown) {
    const value = text(data[member]);
    if (value !== null && !facts.some(([known]) => known === name)) facts.push([name, value]);
  }
  facts.push(['By', actor]);
  return facts;
}

/** Where a rollout stands: `canary, 10 %`. */
function stepText(step: unknown): string | null {
  const { phase, share_pct: share } = record(step) ?? {};
  return text(phase) === null ? null : `${text(phase)}, ${text(share) ?? '?'} %`;
}

function metricText({ name, before, after, limit }: Readonly<Record<string, unknown>>): string {
  const parts = [words(text(name) ?? 'metric')];
  const [was, is, most] = [before, after, limit].map(figure);
  if (was || is) parts.push(`${was ?? '?'} → ${is ?? '?'}`);
  if (most) parts.push(`(limit ${most})`);
  return parts.join(' ');
}

/** Three digits of a measured number tell enough. */
function figure(value: unknown): string | null {
  return typeof value === 'number' ? String(Number(value.toPrecision(3))) : text(value);
}

function actionOf(kind: string, data: ChangeEvent['data']): string | null {
  const recommended = (record(data.details) ?? data).recommended_actions;
  if (Array.isArray(recommended)) {
    const said = recommended.map(text).filter((each) => each !== null);
    if (said.length > 0) return said.slice(0, 5).join(' · ');
  }
  return actions[kind] ?? null;
}

/** Where the Studio shows a subject such as `incident/3` or `list/vip_senders`. */
function pathOf(subject: string): string {
  const [thing = '', ...rest] = subject.split('/');
  const pages: Readonly<Record<string, string>> = {
    bundle: '/bundles',
    rollout: '/rollouts',
    approval: '/approvals',
    incident: '/incidents',
    list: '/lists',
    catalog: '/catalog',
    audit: '/audit',
  };
  const page = Object.hasOwn(pages, thing) ? pages[thing] : '/settings';
  const single = ['bundle', 'rollout', 'approval', 'incident', 'list'].includes(thing) && rest.length > 0;
  return single ? `${page}/${rest.map(encodeURIComponent).join('/')}` : (page as string);
}

/** Short enough to be read: text, numbers, lists of them. null for anything else, and for nothing. */
function text(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : clip(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) {
    const items = value.filter((item) => typeof item === 'string' || typeof item === 'number').slice(0, 20);
    return items.length === 0 ? null : clip(items.join(', '));
  }
  const named = record(value);
  return named ? text(named.version ?? named.name ?? null) : null;
}

function clip(value: string): string {
  return value.length <= 500 ? value : `${value.slice(0, 499)}…`;
}

function record(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function words(name: string): string {
  return name.replaceAll('_', ' ');
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
