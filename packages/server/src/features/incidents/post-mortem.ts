import type { Incident, IncidentEntry } from '@policy-studio/contract';
import type { WorkspaceChange } from './queries.js';

export interface PostMortemContext {
  readonly workspace: string;
  readonly now: Date;
  /** What else changed around that time, oldest first. */
  readonly changes: readonly WorkspaceChange[];
  /** There were more than those. */
  readonly moreChanges: boolean;
}

/**
 * A draft of the post-mortem: what is recorded is filled in, what only people know is left to them in italics. Everything
 * that somebody wrote is escaped, so that it is text and nothing else in the document.
 */
export function postMortemMarkdown(incident: Incident, context: PostMortemContext): string {
  const { now } = context;
  const sections = [
    `# Post-mortem: ${plain(incident.summary)}`,
    `Draft of ${moment(now.toISOString())}, made from the record of incident ${incident.id} in the workspace ${plain(context.workspace)}.`,
    facts(incident),
    '## What happened',
    '_In a few sentences, for somebody who was not there._',
    '## Impact',
    '_Who was affected, how, for how long; which requests were denied or let through wrongly._',
    details(incident.details),
    '## Timeline',
    timeline(incident, context),
    '## Root cause',
    '_Why it could happen, and why nothing stopped it before._',
    '## What went well, what did not',
    '_Detection, response, tools, luck._',
    playbooks(incident),
    '## Actions',
    actions(incident.details),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function facts(incident: Incident): string {
  const since = (time: string | null): string =>
    time === null ? 'not recorded' : `${moment(time)}, after ${duration(incident.created_at, time)}`;
  const rows: readonly (readonly [string, string])[] = [
    ['Severity', incident.severity],
    ['Status', incident.status],
    ['Kind', `${plain(incident.kind)} (${plain(incident.key)})`],
    ['Opened', `${moment(incident.created_at)} by ${plain(incident.created_by)}`],
    ['Acknowledged', since(incident.acknowledged_at)],
    ['Mitigated', since(incident.mitigated_at)],
    ['Resolved', since(incident.resolved_at)],
    ['Seen', incident.occurrences === 1 ? 'once' : `${incident.occurrences} times`],
    ['Looked after by', incident.assigned_to === null ? 'nobody' : plain(incident.assigned_to)],
  ];
  return ['| | |', '| --- | --- |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}

/** Longer values are for the incident itself. */
const maxValue = 500;

function details(known: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(known)
    .filter(([name]) => name !== recommended)
    .flatMap(([name, value]) =>
      isObject(value)
        ? Object.entries(value).map(([inner, each]) => [`${name}.${inner}`, each] as const)
        : [[name, value] as const],
    )
    .map(([name, value]) => `- ${plain(name)}: ${plain(clipped(shown(value)))}`);
  return lines.length === 0 ? '' : ['Recorded:', '', ...lines].join('\n');
}

interface Moment {
  readonly at: string;
  readonly line: string;
}

function timeline(incident: Incident, { changes, moreChanges }: PostMortemContext): string {
  const own = incident.timeline.map((entry): Moment => ({ at: entry.at, line: entryLine(entry) }));
  const others = changes.map(({ at, actor, kind, subject }): Moment => {
    const time = at.toISOString();
    return { at: time, line: `- ${moment(time)}: ${plain(kind)} ${plain(subject)}, by ${plain(actor)}` };
  });
  // Stable: what has one time stays in its order, the other changes first.
  const all = [...others, ...own].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const missing = incident.timeline_total - own.length;
  return [
    'Times are UTC; **bold** is the incident itself, the rest is what else changed in the workspace.',
    '',
    ...(missing > 0 ? [`- _${missing} earlier entries of the incident are left out_`] : []),
    ...all.map(({ line }) => line),
    ...(moreChanges ? ['- _further changes are in the audit trail_'] : []),
  ].join('\n');
}

function entryLine({ at, actor, type, text, data }: IncidentEntry): string {
  const count = typeof data.count === 'number' ? `, ${data.count} times` : '';
  const change =
    typeof data.from === 'string' && typeof data.to === 'string'
      ? ` from ${plain(data.from)} to ${plain(data.to)}`
      : '';
  const to = data.assigned_to === null ? 'nobody' : plain(String(data.assigned_to));
  const assigned = data.assigned_to === undefined ? '' : `${type === 'assigned' ? '' : ' and assigned'} to ${to}`;
  const said = text === '' ? '' : `: ${plain(text)}`;
  return `- ${moment(at)}: **${type}**${assigned}${change}${count} by ${plain(actor)}${said}`;
}

function playbooks({ playbooks: offered }: Incident): string {
  if (offered.length === 0) return '';
  const lines = offered.map(({ title, url }) => `- ${plain(title)}${url === null ? '' : ` (${plain(url)})`}`);
  return ['Playbooks that were offered; _did they help?_', '', ...lines].join('\n');
}

const recommended = 'recommended_actions';

function actions(known: Readonly<Record<string, unknown>>): string {
  const given = known[recommended];
  const proposed = Array.isArray(given) ? given.map((each) => `| ${plain(clipped(shown(each)))} | | |`) : [];
  return [
    '| what | who | until |',
    '| --- | --- | --- |',
    ...(proposed.length === 0 ? ['| _so that it does not happen again_ | | |'] : proposed),
  ].join('\n');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function clipped(text: string): string {
  return text.length <= maxValue ? text : `${text.slice(0, maxValue - 1)}…`;
}

/** Foreign text on one line: no Markdown, no HTML, nothing invisible that reorders. */
function plain(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .replaceAll(/[\\`*_{}[\]()<>#!|~&]/g, '\\$&');
}

function moment(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

/** `2 h 5 min`, to the minute; seconds below one. */
function duration(from: string, to: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  const parts = [
    days > 0 ? `${days} d` : '',
    hours > 0 ? `${hours} h` : '',
    minutes % 60 > 0 ? `${minutes % 60} min` : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}
